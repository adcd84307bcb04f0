# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a scheduler is asked, and what its answers mean; tests/integration/install/test_slurm.py asks a real Slurm."""

from __future__ import annotations

from typing import Any, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.commands.slurm_reboot import (
    select_distribution,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    CommandError,
    NotFound,
    Unavailable,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.schedulers.openpbs import OpenPBS
from ansible_collections.npaci.rocks.plugins.module_utils.install.schedulers.slurm import (
    Slurm,
    SlurmNode,
)
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult

# As sinfo of Slurm 22.05 printed them.
SINFO = """\
compute-0-0|idle|none
compute-0-1|draining@|rocks_reinstall: by root
compute-0-1|draining@|rocks_reinstall: by root
compute-0-2|drained*|bad DIMM
compute-0-3|down*|Not responding
compute-0-4|drained|rocks_reinstall: by root
compute-0-5|mixed|none
"""
# As the source of OpenPBS's pbsnodes prints them; it was not run.
PBSNODES = """\
compute-0-0
     Mom = compute-0-0.local
     state = free
     jobs = 12.frontend-0/0

compute-0-1
     state = offline
     comment = bad DIMM

compute-0-2
     state = down,offline
     comment = rocks_reinstall: by root

"""


class Program:
    """Answers as told, and records what it was asked."""

    def __init__(self, said: str = "", error: str = "") -> None:
        self.said, self.error, self.asked = said, error, []  # type: ignore[var-annotated]

    def __call__(self, argv: Sequence[str], **_options: Any) -> ProgramResult:
        self.asked.append(list(argv))
        if self.error:
            raise CommandError(self.error, " ".join(argv))
        return ProgramResult(0, self.said, "", 0.0)


NODES = [f"compute-0-{rank}" for rank in range(6)]


def test_slurm_is_busy_where_a_job_runs_or_is_cleaned_up() -> None:
    assert Slurm(Program(SINFO)).busy(NODES) == {"compute-0-1", "compute-0-5"}


def test_slurm_drains_all_but_what_somebody_else_took_out() -> None:
    program = Program(SINFO)
    Slurm(program).drain([*NODES, "login-0-0"], "by root")
    names = "NodeName=compute-0-0,compute-0-1,compute-0-3,compute-0-4,compute-0-5"
    assert program.asked[-1] == [
        "scontrol",
        "update",
        names,
        "State=DRAIN",
        "Reason=rocks_reinstall: by root",
    ]


def test_slurm_gets_back_what_we_drained_and_nothing_else() -> None:
    program = Program(SINFO)
    Slurm(program).resume(NODES)
    assert program.asked[-1] == [
        "scontrol",
        "update",
        "NodeName=compute-0-1,compute-0-4",
        "State=RESUME",
    ]


def test_slurm_is_not_asked_about_nobody() -> None:
    program = Program(SINFO)
    slurm = Slurm(program)
    slurm.drain([], "by root")
    slurm.resume([])
    assert (slurm.busy([]), program.asked) == (set(), [])


@pytest.mark.parametrize("reason", ["Not responding", "none", "Node unexpectedly rebooted"])
def test_what_slurm_says_by_itself_is_nobodys_claim(reason: str) -> None:
    assert not SlurmNode("down", reason).drained_by_others


def test_openpbs_follows_the_same_rules() -> None:
    program = Program(PBSNODES)
    pbs = OpenPBS(program)
    assert pbs.busy(NODES[:3]) == {"compute-0-0"}
    pbs.drain(NODES[:3], "by root")
    assert program.asked[-1] == [
        "pbsnodes",
        "-o",
        "-C",
        "rocks_reinstall: by root",
        "compute-0-0",
        "compute-0-2",
    ]
    pbs.resume(NODES[:3])
    assert program.asked[-1] == ["pbsnodes", "-r", "-C", "", "compute-0-2"]


@pytest.mark.parametrize("scheduler", [Slurm, OpenPBS])
def test_a_scheduler_that_does_not_answer_is_named_with_the_way_out(scheduler: type) -> None:
    with pytest.raises(
        Unavailable, match=r"does not do it: ended with status 1; or say scheduler: none"
    ):
        scheduler(Program(error="ended with status 1")).drain(NODES, "by root")


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("", ""),
        ("rocks", "rocks"),
        ("rocks_testing", "rocks-testing"),
        ("rack0&rocks_testing", "rocks-testing"),
    ],
)
def test_a_feature_names_a_published_distribution(
    features: str, expected: str, tmp_path: Any
) -> None:
    for name in ("rocks", "rocks-testing", ".generations"):
        (tmp_path / name).mkdir()
    assert select_distribution(features, str(tmp_path)) == expected


def test_a_feature_that_is_no_distribution_is_an_error_that_names_those_that_are(
    tmp_path: Any,
) -> None:
    (tmp_path / "rocks").mkdir()
    with pytest.raises(NotFound, match="no distribution is called 'gpu'; published: rocks"):
        select_distribution("gpu", str(tmp_path))
