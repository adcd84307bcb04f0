"""The progress program on an installing machine: the oldest Python, the installer's tmux, a real frontend."""

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
# What anaconda shows, line by line; the pause is a second's work.
SCREEN = """
echo 'Setting up the installation environment'; sleep 0.3
echo 'Creating disklabel on /dev/sda'; echo 'Creating xfs on /dev/sda2'; sleep 0.3
echo 'Starting package installation process'
for n in $(seq 1 150); do printf '\\033[1mInstalling package%s.x86_64 (%s/150)\\033[0m\\n' $n $n; sleep 0.01; done
echo 'Performing post-installation setup tasks'; sleep 1.2
"""
HAPPY = SCREEN + "echo 'Installing boot loader'; sleep 0.2; echo 'Installation complete'; sleep 5\n"
SAD = (
    SCREEN
    + "echo 'The following error occurred while installing.  This is a fatal error'; sleep 5\n"
)


def posts(stage: Stage) -> int:
    """How many reports nginx has taken."""
    return (
        (stage.site.folder / "log" / "access.log")
        .read_text(encoding="utf-8")
        .count('"POST /rocks/events')
    )


@dataclass(frozen=True)
class Installer:
    """compute-0-0, as it installs: its screen, and the program."""

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
        """Start the installer's screen."""
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
    one = Installer(stage, order, tmp_path)
    yield one
    stage.node.namespace.run(["tmux", "kill-server"], timeout=SECONDS, ok=(0, 1), env=one.env)


def phases(stage: Stage) -> list[str]:
    (told,) = order_history.node_history(stage.database, "compute-0-0", now=now())
    return [event.state or event.phase for event in told.events]


def test_an_installation_is_followed_to_its_end(installer: Installer) -> None:
    before = posts(installer.stage)
    installer.show(HAPPY)
    started = time.monotonic()
    installer.watch()
    took = time.monotonic() - started
    stage = installer.stage
    until(
        lambda: stage.current(installer.order).phase == "end",
        SECONDS,
        "the last report to be written",
    )
    told = phases(stage)
    assert told[:2] == ["ordered", "installing"]
    assert told[-1] == "end"
    wanted = ["setup", "format", "install", "posttrans", "bootloader"]
    # Reports that come within one moment are written as one: the last of them stays.
    assert [phase for phase in told if phase in wanted] == [
        phase for phase in wanted if phase in told
    ]
    assert "install" in told
    assert posts(stage) - before < took + len(wanted) + 3


def test_a_failure_on_the_screen_ends_the_order_with_its_last_lines(installer: Installer) -> None:
    log = installer.folder / "packaging.log"
    log.write_text("scriptlet of openmpi failed\n", encoding="utf-8")
    installer.show(SAD)
    installer.watch("--log", str(log))
    order = installer.stage.current(installer.order)
    assert order.state == "failed"
    assert order.phase in (
        "install",
        "posttrans",
    )  # as far as it was told before: progress has its pace
    assert order.reason == "The following error occurred while installing.  This is a fatal error"
    (told,) = order_history.node_history(installer.stage.database, "compute-0-0", now=now())
    assert "scriptlet of openmpi failed" in told.events[-1].message
    assert "Installing package150.x86_64 (150/150)" in told.events[-1].message


def test_an_order_that_was_cancelled_stops_the_program(installer: Installer) -> None:
    installer.show(SCREEN * 5)
    argv = installer.argv("watch", "--screen", str(installer.folder / "screen"))
    stage = installer.stage
    with stage.node.namespace.daemon(argv, installer.folder / "log", env=installer.env) as program:
        until(lambda: stage.current(installer.order).phase == "install", SECONDS, "progress")
        stage.database.execute("update installs set state = 'cancelled', live = null")
        until(lambda: not program.alive(), SECONDS, "the program to end")
    assert program.process.returncode == 4


def test_a_frontend_that_is_away_delays_nothing(installer: Installer) -> None:
    installer.show(HAPPY)
    started = time.monotonic()
    installer.run(
        "watch", "--screen", str(installer.folder / "screen"), url=f"http://{FRONTEND}:81"
    )
    assert time.monotonic() - started < 15.0


def test_without_a_screen_nothing_fails(installer: Installer) -> None:
    (installer.folder / "screen").write_text("Installation complete\n", encoding="utf-8")
    installer.watch()


def test_the_secrets_are_files_that_only_root_reads_and_the_key_proves_the_machine(
    installer: Installer,
) -> None:
    stage, into = installer.stage, installer.folder / "secrets"
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
    again = Installer(stage, order, installer.folder)
    again.run("secrets", "--into", str(into), "--key", str(into / "node_key"))
    refused = again.run("secrets", "--into", str(into), "--key", str(into / "node_key"), ok=(4,))
    assert "already delivered" in refused.stderr


def test_what_is_not_heard_is_said_until_the_time_is_over(installer: Installer) -> None:
    unheard = installer.run(
        "report", "installed", "--seconds", "3", url=f"http://{FRONTEND}:81", ok=(5,)
    )
    assert "no answer" in unheard.stderr
    installer.run("report", "installed")
    assert installer.stage.current(installer.order).state == "installed"
