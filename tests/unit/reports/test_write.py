# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render, check, install and reload one report after the other; and the state after a failure."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import tempfile
import threading
from typing import Any, Callable, Optional, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import files, slow_steps
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
from ansible_collections.npaci.rocks.plugins.module_utils.reports.write import LOCKS
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings
from support.killing import killed_at_every_step
from support.reports import into, write

# The file that each reload command reads.
FILES = {"reload": "rocks-nodes.conf", "reload-slurm": "slurm.conf"}


class Programs:
    """Record the commands of checkers and daemons, and fail those that a test selects."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.effects: dict[str, Callable[[], None]] = {}

    def __call__(self, argv: Sequence[str], **_options: Any) -> ProgramResult:
        command = argv[0]
        self.commands.append(command)
        self.effects.get(command, lambda: None)()
        return ProgramResult(0, "", "", 0.0)

    def fail(self, command: str, times: Optional[int] = None) -> None:
        """Let a command fail the next ``times`` times, or always."""
        remaining = itertools.repeat(None) if times is None else itertools.repeat(None, times)

        def effect() -> None:
            for _ in remaining:
                raise CommandError("rejected", command)

        self.effects[command] = effect


@pytest.fixture
def programs() -> Programs:
    return Programs()


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Settings:
    """A site with a report without a service, and two with a service."""
    etc = tmp_path / "etc"
    etc.mkdir()
    commands = {"alive": ["alive"], "reload": ["reload"], "start": ["start"]}
    return Settings(
        reports={
            "hosts": into(etc, "hosts"),
            "nginx": into(etc, "nginx", **commands),
            "slurm": into(
                etc,
                "slurm",
                path=f"{etc}/slurm.conf",
                **{verb: [f"{verb}-slurm"] for verb in commands},
            ),
        }
    )


def etc(tmp_path: pathlib.Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((tmp_path / "etc").iterdir())}


def no_sleep(_seconds: float) -> None:
    """Return at once."""


def test_every_report_is_written_and_each_service_reloaded_once(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    outcomes = write(described, site, run=programs)
    assert [(outcome.report, outcome.changed, outcome.reloaded) for outcome in outcomes] == [
        ("hosts", True, False),
        ("slurm", True, True),
        ("nginx", True, True),
    ]
    assert set(etc(tmp_path)) == {"hosts", "rocks-nodes.conf", "slurm.conf", "gres.conf"}
    assert programs.commands.count("reload") == programs.commands.count("reload-slurm") == 1


def test_without_a_change_nothing_is_written_or_reloaded(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    write(described, site, run=programs)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "etc").iterdir()}
    programs.commands.clear()
    outcomes = write(described, site, run=programs)
    assert not any(outcome.changed or outcome.reloaded for outcome in outcomes)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "etc").iterdir()} == before
    assert set(programs.commands) <= {"alive", "alive-slurm"}


def test_a_dry_run_checks_everything_and_changes_nothing(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    outcomes = write(described, site, dry_run=True, run=programs)
    assert all(outcome.changed for outcome in outcomes) and {"nginx", "scontrol"} <= set(
        programs.commands
    )
    assert etc(tmp_path) == {} and not (tmp_path / "reports").exists()
    assert "reload" not in programs.commands


def test_a_rejected_file_is_not_installed_and_the_other_reports_are(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    (tmp_path / "etc" / "rocks-nodes.conf").write_text("by hand\n")
    programs.fail("nginx")
    with pytest.raises(CommandError, match="report nginx: nginx: rejected"):
        write(described, site, run=programs)
    assert etc(tmp_path)["rocks-nodes.conf"] == "by hand\n"
    assert "compute-0-0" in etc(tmp_path)["hosts"]
    assert "reload-slurm" in programs.commands and "reload" not in programs.commands


def test_names_are_installed_before_a_scheduler_is_checked(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    installed: list[str] = []
    programs.effects["scontrol"] = lambda: installed.extend(etc(tmp_path))
    write(described, site, run=programs)
    assert "hosts" in installed and "slurm.conf" not in installed


def test_a_check_that_takes_long_is_announced(
    described: Database, site: Settings, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced = threading.Event()
    lines = []

    def notify(line: str) -> None:
        lines.append(line)
        if line.startswith("report slurm: "):  # not that it waits for another process
            announced.set()

    def wait() -> None:
        assert announced.wait(60)

    monkeypatch.setattr(slow_steps, "FIRST_SECONDS", 0.01)
    programs.effects["scontrol"] = wait
    write(described, site, ["slurm"], run=programs, notify=notify)
    assert any("report slurm: check: still running" in line for line in lines)


def test_all_rejected_files_are_reported_at_once(
    described: Database, site: Settings, programs: Programs
) -> None:
    programs.fail("nginx")
    programs.fail("scontrol")
    with pytest.raises(CommandError) as refused:
        write(described, site, run=programs)
    assert "report nginx" in str(refused.value) and "report slurm" in str(refused.value)


def test_a_failed_installation_is_rolled_back(
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
        match=r"rocks-nodes.conf: .*No space left on device",
    ):
        write(described, site, run=programs)
    assert "rocks-nodes.conf" not in etc(tmp_path) and "reload" not in programs.commands


def test_a_service_that_rejects_its_new_files_gets_its_old_ones(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    write(described, site, run=programs)
    before = etc(tmp_path)
    described.execute("delete from nodes where name = 'web-1-0'")
    programs.fail("reload", 1)
    with pytest.raises(CommandError) as refused:
        write(described, site, run=programs, sleep=no_sleep)
    assert refused.value.where == "report nginx"
    assert "reload: rejected" in refused.value.what and "reloaded" in refused.value.what
    assert etc(tmp_path)["rocks-nodes.conf"] == before["rocks-nodes.conf"]
    assert etc(tmp_path)["hosts"] != before["hosts"]  # of another report
    (outcome,) = write(described, site, ["nginx"], run=programs)
    assert outcome.reloaded


def test_a_service_that_stops_gets_its_old_files_and_is_restarted(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    write(described, site, run=programs)
    before = etc(tmp_path)
    described.execute("delete from nodes where name = 'web-1-0'")
    programs.effects["reload"] = lambda: programs.fail("alive")
    with pytest.raises(CommandError, match=r"not running 10 s .*was restarted"):
        write(described, site, run=programs, sleep=no_sleep)
    assert etc(tmp_path)["rocks-nodes.conf"] == before["rocks-nodes.conf"]
    assert programs.commands[-1] == "start"


def test_services_that_reject_their_files_are_reported_together(
    described: Database, site: Settings, programs: Programs
) -> None:
    programs.fail("reload")
    programs.fail("reload-slurm")
    with pytest.raises(CommandError, match=r"^2 reports .*\n  report slurm: .*\n  report nginx: "):
        write(described, site, run=programs, sleep=no_sleep)


def test_a_service_that_is_not_running_is_not_reloaded(
    described: Database, site: Settings, programs: Programs
) -> None:
    programs.fail("alive")
    (outcome,) = write(described, site, ["nginx"], run=programs)
    assert not outcome.reloaded
    assert "reload" not in programs.commands


def test_the_next_run_reloads_a_service_that_a_power_cut_left_out(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    class PowerCut(BaseException):
        pass

    def cut() -> None:
        raise PowerCut

    programs.effects["reload"] = cut
    with pytest.raises(PowerCut):
        write(described, site, ["nginx"], run=programs)
    programs.effects.clear()
    assert "compute-0-0" in etc(tmp_path)["rocks-nodes.conf"]
    (outcome,) = write(described, site, ["nginx"], run=programs)
    assert not outcome.changed and outcome.reloaded
    (outcome,) = write(described, site, ["nginx"], run=programs)
    assert not outcome.reloaded


def test_the_sites_own_file_is_backed_up_once(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    (tmp_path / "etc" / "hosts").write_text("10.9.9.9 printer\n")
    write(described, site, run=programs)
    described.execute("delete from nodes where name = 'web-1-0'")
    write(described, site, run=programs)
    (backup,) = (tmp_path / "reports").glob("before-*hosts")
    assert backup.read_text() == "10.9.9.9 printer\n"


def test_a_file_that_is_not_utf_8_is_restored(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    (tmp_path / "etc" / "rocks-nodes.conf").write_bytes(b"# caf\xe9\n")
    programs.fail("reload", 1)
    with pytest.raises(CommandError):
        write(described, site, ["nginx"], run=programs, sleep=no_sleep)
    assert (tmp_path / "etc" / "rocks-nodes.conf").read_bytes() == b"# caf\xe9\n"


def test_only_leftovers_of_killed_processes_are_removed(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    (tmp_path / "etc" / f"{plan.STAGED_PREFIX}999999999-x").touch()
    (tmp_path / "etc" / f"{plan.STAGED_PREFIX}{os.getpid()}-y").touch()
    write(described, site, ["hosts"], run=programs)
    assert set(etc(tmp_path)) == {"hosts", f"{plan.STAGED_PREFIX}{os.getpid()}-y"}


def test_a_missing_folder_is_reported(
    described: Database, tmp_path: pathlib.Path, programs: Programs
) -> None:
    site = Settings(reports={"hosts": {"path": str(tmp_path / "nowhere" / "hosts")}})
    with pytest.raises(NotFound, match="nowhere: folder not found"):
        write(described, site, run=programs)


def test_two_writers_exclude_each_other(
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
    with lock(str(tmp_path / "reports" / LOCKS[False])):
        with pytest.raises(Conflict, match=r"report slurm: .*\n  report nginx: "):
            write(described, site, run=programs)
        assert set(etc(tmp_path)) == {"hosts"}  # does not wait for the reload of a scheduler
    with lock(str(tmp_path / "reports" / LOCKS[True])), pytest.raises(Conflict, match="hosts"):
        write(described, site, run=programs)
    assert {"slurm.conf", "rocks-nodes.conf"} <= set(etc(tmp_path))


def test_a_site_without_reports_writes_nothing_and_needs_no_folder(
    described: Database, tmp_path: pathlib.Path
) -> None:
    assert write(described, Settings()) == [] and not (tmp_path / "reports").exists()


def test_a_row_that_no_file_can_contain_is_left_out_with_a_warning(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    with described.transaction(dry_run=True):
        described.execute(
            "insert into nodes (name, membership, rack, `rank`, ip) values ('compute 9', 2, 9, 9,"
            " '10.9.9.9')"
        )
        outcomes = write(described, site, run=programs)
    assert all("'compute 9'" in str(outcome.warnings) for outcome in outcomes)
    assert "compute-0-0" in etc(tmp_path)["hosts"] and "10.9.9.9" not in etc(tmp_path)["hosts"]
    assert not any(outcome.warnings for outcome in write(described, site, run=programs))


def test_an_outcome_has_the_form_that_ansible_expects(
    described: Database, site: Settings, programs: Programs
) -> None:
    (outcome,) = write(described, site, ["hosts"], run=programs)
    (difference,) = outcome.differences()
    assert difference["before"] == "" and "compute-0-0" in difference["after"]
    assert json.loads(json.dumps(outcome.to_data())) == {
        "name": "hosts",
        "changed": True,
        "files": [difference["after_header"]],
        "reloaded": False,
        "error": "",
    }


def test_a_fault_in_one_report_stops_only_this_report(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    site.reports["slurm"]["partition"] = "a b"
    with pytest.raises(RocksError, match=r"report slurm: .*'a b'"):
        write(described, site, run=programs)
    assert set(etc(tmp_path)) == {"hosts", "rocks-nodes.conf"}


def test_the_count_of_one_node_stops_no_report(
    described: Database, site: Settings, tmp_path: pathlib.Path, programs: Programs
) -> None:
    described.execute("update hardware set cpus = 70000 where node = 4")
    outcomes = write(described, site, run=programs)
    (slurm,) = (outcome for outcome in outcomes if outcome.report == "slurm")
    assert "compute-0-0" in str(slurm.warnings) and "70000" in str(slurm.warnings)
    assert "70000" not in etc(tmp_path)["slurm.conf"]
    lines = etc(tmp_path)["slurm.conf"].splitlines()
    assert any("compute-0-0" in line or "[0,3]" in line for line in lines if "DOWN" in line)


def test_two_reports_must_not_share_a_file(
    described: Database, tmp_path: pathlib.Path, programs: Programs
) -> None:
    site = Settings(
        reports={"hosts": {"path": f"{tmp_path}/x"}, "ethers": {"path": f"{tmp_path}/x"}}
    )
    with pytest.raises(RocksError, match=r"report ethers: .*/x .*report hosts"):
        write(described, site, run=programs)


def test_a_killed_run_leaves_whole_files_and_the_next_run_completes_it(
    described: Database, site: Settings, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # a killed process leaves its folder

    def reload(argv: Sequence[str], **_options: Any) -> ProgramResult:
        if argv[0].startswith("reload"):
            (tmp_path / argv[0]).write_text((tmp_path / "etc" / FILES[argv[0]]).read_text())
        return ProgramResult(0, "", "", 0.0)

    def write_again() -> None:
        with connect(described.location.url) as fresh:  # a connection does not survive a fork
            write(fresh, site, run=reload)

    write_again()
    old = etc(tmp_path)
    described.execute("delete from nodes where name = 'compute-0-3'")
    with connect(described.location.url) as own:
        outcomes = write(own, site, dry_run=True, run=reload)
    new = {
        path.rpartition("/")[2]: text
        for outcome in outcomes
        for path, (_, text) in outcome.files.items()
    }

    for _step in killed_at_every_step(write_again, stride=2):
        for name, text in etc(tmp_path).items():
            assert name.startswith(".rocks-") or text in (old[name], new.get(name))
        write_again()
        # All files are new, and every service has read them.
        assert {name: text for name, text in etc(tmp_path).items() if name in new} == new
        assert all((tmp_path / verb).read_text() == new[file] for verb, file in FILES.items())
        for name, text in old.items():
            (tmp_path / "etc" / name).write_text(text)
        for verb, file in FILES.items():
            (tmp_path / verb).write_text(old[file])


def test_a_folder_that_cannot_be_written_is_reported(
    described: Database, tmp_path: pathlib.Path, programs: Programs
) -> None:
    (tmp_path / "reports").touch()  # in the place of the folder for pending reloads
    with pytest.raises(Unavailable, match=r"/reports: .*File exists"):
        write(described, Settings(reports={"hosts": into(tmp_path, "hosts")}), run=programs)
    with pytest.raises(Unavailable, match=r"^report hosts: /proc: cannot write"):
        write(
            described,
            Settings(reports={"hosts": {"path": "/proc/hosts"}}),
            dry_run=True,
            run=programs,
        )
