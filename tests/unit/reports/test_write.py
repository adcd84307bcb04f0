# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render all, check all, swap all, tell each service once; and what stays when one of these fails."""

from __future__ import annotations

import json
import os
import pathlib
import tempfile
from typing import Any, Callable, Optional, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import files
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    CommandError,
    Conflict,
    NotFound,
    RocksError,
    Unavailable,
)
from ansible_collections.npaci.rocks.plugins.module_utils.files import lock
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult
from ansible_collections.npaci.rocks.plugins.module_utils.reports import atomic_install, plan
from ansible_collections.npaci.rocks.plugins.module_utils.reports.write import (
    dry_run_error,
    write_reports,
)
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings
from support.killing import killed_at_every_step
from support.reports import into

# What a service reads when it is told to.
FILES = {"reload": "rocks-nodes.conf", "reload-slurm": "slurm.conf"}


class Programs:
    """Stands in for the checkers and the daemons: what was run, and what each answers."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.answers: dict[str, Callable[[], None]] = {}

    def __call__(self, argv: Sequence[str], **_how: Any) -> ProgramResult:
        word = argv[0]
        self.ran.append(word)
        self.answers.get(word, lambda: None)()
        return ProgramResult(0, "", "", 0.0)

    def refuse(self, word: str, times: Optional[int] = None) -> None:
        """Let a program fail, always or so many times."""
        left = [times]

        def answer() -> None:
            if left[0] != 0:
                left[0] = None if left[0] is None else left[0] - 1
                raise CommandError("its words", word)

        self.answers[word] = answer


@pytest.fixture
def programs() -> Programs:
    return Programs()


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Settings:
    """Files of three kinds: without a service, and two services that are spoken with by commands."""
    etc = tmp_path / "etc"
    etc.mkdir()
    verbs = {"alive": ["alive"], "reload": ["reload"], "start": ["start"]}
    return Settings(
        reports={
            "hosts": into(etc, "hosts"),
            "nginx": into(etc, "nginx", **verbs),
            "slurm": into(
                etc,
                "slurm",
                path=f"{etc}/slurm.conf",
                **{verb: [f"{verb}-slurm"] for verb in verbs},
            ),
        }
    )


def etc(tmp_path: pathlib.Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((tmp_path / "etc").iterdir())}


def impatient(_seconds: float) -> None:
    """Nobody waits in a unit test."""


def test_every_report_of_the_site_is_written_and_each_service_told_once(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    outcomes = write_reports(described, site, run=programs)
    assert [(one.report, one.changed, one.reloaded) for one in outcomes] == [
        ("hosts", True, False),
        ("slurm", True, True),
        ("nginx", True, True),
    ]
    assert set(etc(tmp_path)) == {"hosts", "rocks-nodes.conf", "slurm.conf"}
    assert programs.ran.count("reload") == programs.ran.count("reload-slurm") == 1


def test_nothing_is_written_or_told_when_nothing_changed(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    write_reports(described, site, run=programs)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "etc").iterdir()}
    programs.ran.clear()
    assert not any(
        one.changed or one.reloaded for one in write_reports(described, site, run=programs)
    )
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "etc").iterdir()} == before
    assert set(programs.ran) <= {"alive", "alive-slurm"}


def test_a_rehearsal_checks_everything_and_changes_nothing(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    outcomes = write_reports(described, site, dry_run=True, run=programs)
    assert all(one.changed for one in outcomes) and {"nginx", "scontrol"} <= set(programs.ran)
    assert etc(tmp_path) == {} and not (tmp_path / "reports").exists()
    assert "reload" not in programs.ran


def test_one_refused_file_leaves_all_files_as_they_were(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    (tmp_path / "etc" / "hosts").write_text("by hand\n")
    programs.refuse("nginx")
    with pytest.raises(CommandError, match="report nginx: nginx: its words"):
        write_reports(described, site, run=programs)
    assert etc(tmp_path) == {"hosts": "by hand\n"}
    assert "reload-slurm" not in programs.ran


def test_all_refusals_are_told_at_once(
    described: Database, site: Settings, programs: Programs
) -> None:
    programs.refuse("nginx")
    programs.refuse("scontrol")
    with pytest.raises(CommandError) as refused:
        write_reports(described, site, run=programs)
    assert "report nginx" in str(refused.value) and "report slurm" in str(refused.value)


def test_a_swap_that_fails_in_the_middle_is_taken_back(
    described: Database,
    site: Settings,
    tmp_path: pathlib.Path,
    programs: Programs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "etc" / "hosts").write_text("by hand\n")
    real = files.replace

    def full(path: str, *rest: Any) -> bool:
        if path.endswith("rocks-nodes.conf") and "geo" in rest[0]:
            raise OSError(28, "No space left on device")
        return real(path, *rest)

    monkeypatch.setattr(atomic_install, "replace", full)
    with pytest.raises(
        Unavailable,
        match=r"rocks-nodes.conf: cannot be written \(No space left on device\); nothing was",
    ):
        write_reports(described, site, run=programs)
    assert etc(tmp_path) == {"hosts": "by hand\n"} and "reload" not in programs.ran


def test_a_service_that_refuses_its_new_files_gets_its_old_ones(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    write_reports(described, site, run=programs)
    before = etc(tmp_path)
    described.execute("delete from nodes where name = 'web-1-0'")
    programs.refuse("reload", 1)
    with pytest.raises(CommandError) as refused:
        write_reports(described, site, run=programs, sleep=impatient)
    assert str(refused.value) == (
        "report nginx: nginx does not take its new files (reload: its words); the old ones are back, and it goes on with them"
    )
    assert etc(tmp_path)["rocks-nodes.conf"] == before["rocks-nodes.conf"]
    assert etc(tmp_path)["hosts"] != before["hosts"]  # which has nothing to do with it
    assert [one.reloaded for one in write_reports(described, site, ["nginx"], run=programs)] == [
        True
    ]


def test_a_service_that_does_not_come_back_gets_its_old_files_and_is_started(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    write_reports(described, site, run=programs)
    before = etc(tmp_path)
    described.execute("delete from nodes where name = 'web-1-0'")
    programs.answers["reload"] = lambda: programs.refuse("alive")
    with pytest.raises(
        CommandError, match=r"did not come back within 10 s.*and it was started again"
    ):
        write_reports(described, site, run=programs, sleep=impatient)
    assert etc(tmp_path)["rocks-nodes.conf"] == before["rocks-nodes.conf"]
    assert programs.ran[-1] == "start"


def test_several_services_that_keep_what_they_have_are_told_together(
    described: Database, site: Settings, programs: Programs
) -> None:
    programs.refuse("reload")
    programs.refuse("reload-slurm")
    with pytest.raises(
        CommandError, match=r"2 services keep what they have:\n  report slurm: .*\n  report nginx: "
    ):
        write_reports(described, site, run=programs, sleep=impatient)


def test_a_service_that_does_not_run_is_not_told(
    described: Database, site: Settings, programs: Programs
) -> None:
    programs.refuse("alive")
    assert not any(one.reloaded for one in write_reports(described, site, ["nginx"], run=programs))
    assert "reload" not in programs.ran


def test_a_service_that_was_not_told_before_the_power_went_is_told_by_the_next_run(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    class PowerCut(BaseException):
        pass

    def cut() -> None:
        raise PowerCut

    programs.answers["reload"] = cut
    with pytest.raises(PowerCut):
        write_reports(described, site, ["nginx"], run=programs)
    programs.answers.clear()
    assert "compute-0-0" in etc(tmp_path)["rocks-nodes.conf"]
    (outcome,) = write_reports(described, site, ["nginx"], run=programs)
    assert not outcome.changed and outcome.reloaded
    (outcome,) = write_reports(described, site, ["nginx"], run=programs)
    assert not outcome.reloaded


def test_the_sites_own_file_is_kept_once(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    (tmp_path / "etc" / "hosts").write_text("10.9.9.9 printer\n")
    write_reports(described, site, run=programs)
    described.execute("delete from nodes where name = 'web-1-0'")
    write_reports(described, site, run=programs)
    (kept,) = (tmp_path / "reports").glob("before-*hosts")
    assert kept.read_text() == "10.9.9.9 printer\n"


def test_a_file_that_is_not_utf_8_is_replaced_and_can_be_taken_back(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    (tmp_path / "etc" / "rocks-nodes.conf").write_bytes(b"# caf\xe9\n")
    programs.refuse("reload", 1)
    with pytest.raises(CommandError):
        write_reports(described, site, ["nginx"], run=programs, sleep=impatient)
    assert (tmp_path / "etc" / "rocks-nodes.conf").read_bytes() == b"# caf\xe9\n"


def test_what_a_killed_run_left_aside_is_swept_and_what_is_in_use_is_not(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    (tmp_path / "etc" / f"{plan.ASIDE}999999999-x").touch()
    (tmp_path / "etc" / f"{plan.ASIDE}{os.getpid()}-y").touch()
    write_reports(described, site, ["hosts"], run=programs)
    assert set(etc(tmp_path)) == {"hosts", f"{plan.ASIDE}{os.getpid()}-y"}


def test_a_service_that_is_not_installed_is_told_by_its_folder(
    described: Database, tmp_path: pathlib.Path, programs: Programs
) -> None:
    site = Settings(reports={"hosts": {"path": str(tmp_path / "nowhere" / "hosts")}})
    with pytest.raises(NotFound, match="no such folder; install the service first"):
        write_reports(described, site, run=programs)


def test_two_writers_wait_for_each_other(
    described: Database,
    site: Settings,
    tmp_path: pathlib.Path,
    programs: Programs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "ansible_collections.npaci.rocks.plugins.module_utils.reports.write.LOCK_SECONDS", 0.0
    )
    (tmp_path / "reports").mkdir()
    with lock(str(tmp_path / "reports" / "lock")), pytest.raises(Conflict):
        write_reports(described, site, run=programs)


def test_a_site_without_reports_writes_nothing_and_needs_no_folder(
    described: Database, tmp_path: pathlib.Path
) -> None:
    assert write_reports(described, Settings()) == [] and not (tmp_path / "reports").exists()


def test_a_node_that_would_break_a_report_is_told_before_it_is_kept(
    described: Database, site: Settings, programs: Programs
) -> None:
    with described.transaction(dry_run=True):
        described.execute(
            "insert into nodes (name, membership, rack, `rank`) values ('compute 9', 2, 9, 9)"
        )
        assert "'compute 9' is no host name" in dry_run_error(described, site, run=programs)
    assert dry_run_error(described, site, run=programs) == ""


def test_an_outcome_tells_what_ansible_shows(
    described: Database, site: Settings, programs: Programs
) -> None:
    (outcome,) = write_reports(described, site, ["hosts"], run=programs)
    (difference,) = outcome.differences()
    assert difference["before"] == "" and "compute-0-0" in difference["after"]
    assert json.loads(json.dumps(outcome.to_data())) == {
        "name": "hosts",
        "changed": True,
        "files": [difference["after_header"]],
        "reloaded": False,
    }


def test_a_fault_of_one_report_stops_all_of_them(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    described.execute("update nodes set arch = 'x86 64' where name = 'compute-0-0'")
    with pytest.raises(RocksError, match="report slurm: compute-0-0"):
        write_reports(described, site, run=programs)
    assert etc(tmp_path) == {}


def test_two_reports_cannot_have_one_file(
    described: Database, tmp_path: pathlib.Path, programs: Programs
) -> None:
    site = Settings(
        reports={"hosts": {"path": f"{tmp_path}/x"}, "ethers": {"path": f"{tmp_path}/x"}}
    )
    with pytest.raises(RocksError, match=r"report ethers: .*/x is the file of report hosts, too"):
        write_reports(described, site, run=programs)


def test_a_run_that_is_killed_anywhere_leaves_whole_files_and_the_next_one_completes_it(
    described: Database, site: Settings, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # who is killed leaves his trial folder

    def told(argv: Sequence[str], **_how: Any) -> ProgramResult:
        if argv[0].startswith("reload"):
            (tmp_path / argv[0]).write_text((tmp_path / "etc" / FILES[argv[0]]).read_text())
        return ProgramResult(0, "", "", 0.0)

    def again() -> None:
        with connect(described.location.url) as own:  # a connection does not outlive a fork
            write_reports(own, site, run=told)

    again()
    old = etc(tmp_path)
    described.execute("delete from nodes where name = 'compute-0-3'")
    with connect(described.location.url) as own:
        new = {path.rpartition("/")[2]: text for one in write_reports(own, site, dry_run=True, run=told)
               for path, (_, text) in one.files.items()}  # fmt: skip

    for _step in killed_at_every_step(again, stride=2):
        for name, text in etc(tmp_path).items():
            assert name.startswith(".rocks-") or text in (old[name], new[name])
        again()
        # Complete, and no service was left behind with what it had.
        assert {name: text for name, text in etc(tmp_path).items() if name in new} == new
        assert all((tmp_path / verb).read_text() == new[file] for verb, file in FILES.items())
        for name, text in old.items():
            (tmp_path / "etc" / name).write_text(text)
        for verb, file in FILES.items():
            (tmp_path / verb).write_text(old[file])


def test_a_place_that_cannot_be_written_is_told(
    described: Database, tmp_path: pathlib.Path, programs: Programs
) -> None:
    (tmp_path / "reports").touch()  # where the folder of notes would be
    with pytest.raises(Unavailable, match=r"/reports: cannot be written \(File exists\)"):
        write_reports(described, Settings(reports={"hosts": into(tmp_path, "hosts")}), run=programs)
    with pytest.raises(Unavailable, match=r"/proc: cannot be written"):
        write_reports(
            described,
            Settings(reports={"hosts": {"path": "/proc/hosts"}}),
            dry_run=True,
            run=programs,
        )
