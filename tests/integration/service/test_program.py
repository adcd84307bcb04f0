"""The progress program on an installing machine: oldest Python, tmux, and a real frontend."""

from __future__ import annotations

import pathlib
import time
from dataclasses import dataclass
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.install import order_history
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from ansible_collections.npaci.rocks.plugins.module_utils.install.timestamps import now
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult
from support.oldestpython import oldest_python
from support.site import ROOT
from support.waiting import until

from .conftest import FRONTEND, Stage

PROGRAM = str(ROOT / "xml" / "include" / "progress.py")
SECONDS = 30
# What anaconda shows, line by line.
SCREEN = """
echo 'Setting up the installation environment'; sleep 0.3
echo 'Creating disklabel on /dev/sda'; echo 'Creating xfs on /dev/sda2'; sleep 0.3
echo 'Starting package installation process'
for n in $(seq 1 150); do
  printf '\\033[1mInstalling package%s.x86_64 (%s/150)\\033[0m\\n' $n $n; sleep 0.01
done
echo 'Performing post-installation setup tasks'; sleep 1.2
"""
SUCCESS = (
    SCREEN + "echo 'Installing boot loader'; sleep 0.2; echo 'Installation complete'; sleep 5\n"
)
FAILURE = (
    SCREEN
    + "echo 'The following error occurred while installing.  This is a fatal error'; sleep 5\n"
)


def posts(stage: Stage) -> int:
    """Return the number of reports that nginx has received."""
    return (
        (stage.site.folder / "log" / "access.log")
        .read_text(encoding="utf-8")
        .count('"POST /rocks/events')
    )


@dataclass(frozen=True)
class Installer:
    """compute-0-0 while it installs: its screen, and the progress program."""

    stage: Stage
    order: Order
    folder: pathlib.Path

    @property
    def env(self) -> dict[str, str]:
        return {
            "TMUX_TMPDIR": str(self.folder),
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def argv(self, *words: str, url: str = f"http://{FRONTEND}") -> list[str]:
        return [oldest_python(), PROGRAM, "--url", url, "--order", self.order.uuid, *words]

    def run(
        self, *words: str, url: str = f"http://{FRONTEND}", ok: tuple[int, ...] = (0,)
    ) -> ProgramResult:
        return self.stage.node.namespace.run(
            self.argv(*words, url=url), timeout=SECONDS, ok=ok, env=self.env
        )

    def show(self, script: str) -> None:
        """Start tmux with the installer's screen."""
        argv = [
            "tmux",
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-s",
            "anaconda",
            "-n",
            "main",
            "-x",
            "100",
            "-y",
            "30",
        ]
        self.stage.node.namespace.run([*argv, script], timeout=SECONDS, env=self.env)

    def watch(self, *words: str) -> ProgramResult:
        screen = str(self.folder / "screen")
        return self.run("watch", "--screen", screen, *words)


@pytest.fixture
def installer(stage: Stage, tmp_path: pathlib.Path) -> Iterator[Installer]:
    order = stage.order()
    assert stage.node.curl("/rocks/kickstart").status == 200
    program = Installer(stage, order, tmp_path)
    yield program
    stage.node.namespace.run(["tmux", "kill-server"], timeout=SECONDS, ok=(0, 1), env=program.env)


def phases(stage: Stage) -> list[str]:
    (history,) = order_history.node_history(stage.database, "compute-0-0", now=now())
    return [event.state or event.phase for event in history.events]


def test_the_program_reports_an_installation_to_its_end(installer: Installer) -> None:
    before = posts(installer.stage)
    installer.show(SUCCESS)
    started = time.monotonic()
    installer.watch()
    took = time.monotonic() - started
    stage = installer.stage
    until(
        lambda: stage.current(installer.order).phase == "end",
        SECONDS,
        "the last report to be written",
    )
    reported = phases(stage)
    assert reported[:2] == ["ordered", "installing"]
    assert reported[-1] == "end"
    expected = ["setup", "format", "install", "posttrans", "bootloader"]
    # Of several reports in one interval, only the last one is written.
    assert [phase for phase in reported if phase in expected] == [
        phase for phase in expected if phase in reported
    ]
    assert "install" in reported
    assert posts(stage) - before < took + len(expected) + 3


def test_a_failure_on_the_screen_fails_the_order_with_the_last_lines(installer: Installer) -> None:
    log = installer.folder / "packaging.log"
    log.write_text("scriptlet of openmpi failed\n", encoding="utf-8")
    installer.show(FAILURE)
    installer.watch("--log", str(log))
    order = installer.stage.current(installer.order)
    assert order.state == "failed"
    assert order.phase in (
        "install",
        "posttrans",
    )
    assert order.reason == "The following error occurred while installing.  This is a fatal error"
    (history,) = order_history.node_history(installer.stage.database, "compute-0-0", now=now())
    assert "scriptlet of openmpi failed" in history.events[-1].message
    assert "Installing package150.x86_64 (150/150)" in history.events[-1].message


def test_a_cancelled_order_stops_the_program(installer: Installer) -> None:
    installer.show(SCREEN * 5)
    argv = installer.argv("watch", "--screen", str(installer.folder / "screen"))
    stage = installer.stage
    with stage.node.namespace.daemon(argv, installer.folder / "log", env=installer.env) as program:
        until(lambda: stage.current(installer.order).phase == "install", SECONDS, "progress")
        stage.database.execute("update installs set state = 'cancelled', live = null")
        until(lambda: not program.alive(), SECONDS, "the program to end")
    assert program.process.returncode == 4


def test_an_unreachable_frontend_does_not_delay_the_installation(installer: Installer) -> None:
    installer.show(SUCCESS)
    started = time.monotonic()
    installer.run(
        "watch", "--screen", str(installer.folder / "screen"), url=f"http://{FRONTEND}:81"
    )
    assert time.monotonic() - started < 15.0


def test_the_program_works_without_tmux(installer: Installer) -> None:
    (installer.folder / "screen").write_text("Installation complete\n", encoding="utf-8")
    installer.watch()


def test_secrets_become_files_for_root_and_the_key_proves_the_machine(
    installer: Installer,
) -> None:
    stage = installer.stage
    into = installer.folder / "secrets"
    stage.database.execute(
        "insert into secrets (scope, owner, name, value) values ('global', 0, 'munge_key', 'hush')"
    )
    installer.run("secrets", "--into", str(into))
    assert {path.name: path.stat().st_mode & 0o777 for path in into.iterdir()} == {
        "console_key": 0o600,
        "munge_key": 0o600,
        "node_key": 0o600,
    }
    assert (into / "munge_key").read_text() == "hush"
    installer.run("hardware")
    assert stage.database.rows("select node from hardware") == [(4,)]
    installer.run("report", "installed")
    report = [
        "--fact",
        f"profile={stage.pin.profile}",
        "--fact",
        f"generation={stage.pin.generation}",
    ]
    installer.run("report", "up", *report, "--fact", "manifest=cafe")
    assert stage.current(installer.order).state == "up"

    order = stage.order()
    assert stage.node.curl("/rocks/kickstart").status == 200
    reinstalling = Installer(stage, order, installer.folder)
    reinstalling.run("secrets", "--into", str(into), "--key", str(into / "node_key"))
    repeated = reinstalling.run(
        "secrets", "--into", str(into), "--key", str(into / "node_key"), ok=(4,)
    )
    assert "already delivered" in repeated.stderr


def test_a_message_is_repeated_until_the_time_limit(installer: Installer) -> None:
    failed = installer.run(
        "report", "installed", "--seconds", "3", url=f"http://{FRONTEND}:81", ok=(5,)
    )
    assert "no answer" in failed.stderr
    installer.run("report", "installed")
    assert installer.stage.current(installer.order).state == "installed"
