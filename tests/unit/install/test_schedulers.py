# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands for a scheduler, and the meaning of their output.

tests/integration/install/test_slurm.py uses a real Slurm.
"""

from __future__ import annotations

from typing import Any, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.commands.slurm_reboot import (
    select_distribution,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    CommandError,
    DescriptionError,
    NotFound,
    Unavailable,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.schedulers.choice import (
    choose_scheduler,
    jobs_without_scheduler,
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
# As the source of OpenPBS's pbsnodes prints them; it has not been run.
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
    """Returns an output or an error, and records the commands."""

    def __init__(self, output: str = "", error: str = "") -> None:
        self.output = output
        self.error = error
        self.commands: list[list[str]] = []

    def __call__(self, argv: Sequence[str], **_options: Any) -> ProgramResult:
        self.commands.append(list(argv))
        if self.error:
            raise CommandError(self.error, " ".join(argv))
        return ProgramResult(0, self.output, "", 0.0)


NODES = [f"compute-0-{rank}" for rank in range(6)]


def test_slurm_nodes_are_busy_while_a_job_or_its_epilogue_runs() -> None:
    assert Slurm(Program(SINFO)).busy(NODES) == {"compute-0-1", "compute-0-5"}


def test_slurm_does_not_drain_nodes_that_others_drained() -> None:
    program = Program(SINFO)
    Slurm(program).drain([*NODES, "login-0-0"], "by root")
    names = "NodeName=compute-0-0,compute-0-1,compute-0-3,compute-0-4,compute-0-5"
    assert program.commands[-1] == [
        "scontrol",
        "update",
        names,
        "State=DRAIN",
        "Reason=rocks_reinstall: by root",
    ]


def test_slurm_resumes_only_nodes_that_rocks_drained() -> None:
    program = Program(SINFO)
    Slurm(program).resume(NODES)
    assert program.commands[-1] == [
        "scontrol",
        "update",
        "NodeName=compute-0-1,compute-0-4",
        "State=RESUME",
    ]


def test_slurm_is_not_called_without_nodes() -> None:
    program = Program(SINFO)
    slurm = Slurm(program)
    slurm.drain([], "by root")
    slurm.resume([])
    assert (slurm.busy([]), program.commands) == (set(), [])


@pytest.mark.parametrize("reason", ["Not responding", "none", "Node unexpectedly rebooted"])
def test_an_automatic_reason_of_slurm_does_not_mean_that_others_drained_the_node(
    reason: str,
) -> None:
    assert not SlurmNode("down", reason).drained_by_others("rocks_reinstall")


def test_openpbs_drains_and_resumes_by_the_same_rules() -> None:
    program = Program(PBSNODES)
    pbs = OpenPBS(program)
    assert pbs.busy(NODES[:3]) == {"compute-0-0"}
    pbs.drain(NODES[:3], "by root")
    assert program.commands[-1] == [
        "pbsnodes",
        "-o",
        "-C",
        "rocks_reinstall: by root",
        "compute-0-0",
        "compute-0-2",
    ]
    pbs.resume(NODES[:3])
    assert program.commands[-1] == ["pbsnodes", "-r", "-C", "", "compute-0-2"]


@pytest.mark.parametrize("scheduler", [Slurm, OpenPBS])
def test_the_error_of_a_scheduler_names_the_option_that_avoids_it(scheduler: type) -> None:
    with pytest.raises(Unavailable, match=r"ended with status 1; .*scheduler: none"):
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


def test_an_unknown_feature_is_an_error_that_lists_the_distributions(
    tmp_path: Any,
) -> None:
    (tmp_path / "rocks").mkdir()
    with pytest.raises(NotFound, match="'gpu'; published: rocks"):
        select_distribution("gpu", str(tmp_path))


def test_the_scheduler_is_the_options_or_else_the_sites() -> None:
    assert choose_scheduler(None, "slurm") == "slurm"
    assert choose_scheduler("none", "slurm") == "none"
    assert choose_scheduler("slurm_reboot", "") == "slurm_reboot"
    for site in ("", "slrum", "slurm_reboot"):
        with pytest.raises(DescriptionError) as error:
            choose_scheduler(None, site)
        assert error.value.where == "rocks.yml" and "none" in error.value.hint


def test_nodes_with_jobs_are_refused_only_without_the_sites_scheduler() -> None:
    def jobs(scheduler: str, site: str) -> dict[str, str]:
        program = Program("compute-0-0|mixed|none\ncompute-0-1|idle|none\n")
        schedulers = {"slurm": lambda: Slurm(program)}
        return jobs_without_scheduler(NODES, scheduler, site, schedulers=schedulers)

    refused = jobs("none", "slurm")
    assert list(refused) == ["compute-0-0"] and "force_jobs" in refused["compute-0-0"]
    assert jobs("slurm", "slurm") == jobs("slurm_reboot", "slurm") == jobs("none", "none") == {}
