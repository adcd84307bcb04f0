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
from support.screens import dialog
from support.site import ROOT
from support.waiting import until

from .conftest import FRONTEND, Stage

INCLUDE = ROOT / "xml" / "programs"
PROGRAM = str(INCLUDE / "progress.py")
INSTALLATION = str(INCLUDE / "installation.py")
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
MESSAGE = (
    "The following error occurred while installing the payload. This is a fatal error and"
    " installation will be aborted.\n\nscriptlet of openmpi failed"
)
FAILURE = (
    SCREEN
    + "".join(f"echo '{row}'; " for row in dialog("error", MESSAGE))
    + "printf 'Press ENTER to exit: '; sleep 60\n"
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
        program = INSTALLATION if words[0] in ("watch", "installed", "failed") else PROGRAM
        return [oldest_python(), program, "--url", url, "--order", self.order.uuid, *words]

    def run(
        self, *words: str, url: str = f"http://{FRONTEND}", ok: tuple[int, ...] = (0,)
    ) -> ProgramResult:
        return self.stage.node.namespace.run(
            self.argv(*words, url=url), timeout=SECONDS, ok=ok, env=self.env
        )

    def show(self, script: str) -> None:
        """Start tmux with the installer's screen, which begins when the program reads it.

        As in the installer, a pane stays at its end.
        """
        configuration = self.folder / "tmux.conf"
        configuration.write_text("set-option -g remain-on-exit on\n", encoding="utf-8")
        argv = ["tmux", "-f", str(configuration), "new-session", "-d", "-s", "anaconda"]
        waiting = f"until [ -e {self.folder}/screen ]; do sleep 0.1; done\n"
        argv += ["-n", "main", "-x", "100", "-y", "30", waiting + script]
        self.stage.node.namespace.run(argv, timeout=SECONDS, env=self.env)

    @property
    def places(self) -> list[str]:
        """Return the options that name this installer's own files."""
        names = ("screen", "failed", "installed")
        return [word for name in names for word in (f"--{name}", str(self.folder / name))]

    def record(self, name: str, text: str) -> None:
        """Record a failed script as /run/rocks/bin/script-end does."""
        (self.folder / "failed").mkdir(exist_ok=True)
        (self.folder / "failed" / name).write_text(text, encoding="utf-8")

    def watch(self, *words: str) -> ProgramResult:
        return self.run("watch", *self.places, *words)


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
    expected = ["setup", "format", "install", "posttrans", "bootloader", "end"]
    assert phases(stage) == ["ordered", "installing", *expected]
    assert posts(stage) - before < took + 4


def test_a_failure_on_the_screen_fails_the_order_with_the_last_lines(installer: Installer) -> None:
    log = installer.folder / "packaging.log"
    log.write_text("rpm: scriptlet failed, exit status 1\n", encoding="utf-8")
    installer.show(FAILURE)
    installer.watch("--log", str(log))
    order = installer.stage.current(installer.order)
    assert order.state == "failed"
    assert order.phase in (
        "install",
        "posttrans",
    )
    assert order.reason == "scriptlet of openmpi failed"
    (history,) = order_history.node_history(installer.stage.database, "compute-0-0", now=now())
    assert "rpm: scriptlet failed, exit status 1" in history.events[-1].message
    assert "Installing package150.x86_64 (150/150)" in history.events[-1].message


def test_a_fatal_script_fails_the_order_with_its_last_line(installer: Installer) -> None:
    installer.record("pre-partition", "1 fatal\nsda contains ext4\n")
    installer.show(SCREEN + "sleep 60\n")
    installer.watch()
    order = installer.stage.current(installer.order)
    assert (order.state, order.reason) == (
        "failed",
        "%pre partition failed with exit status 1: sda contains ext4",
    )


def test_an_installer_that_ends_before_it_has_an_interface_fails_the_order(
    installer: Installer,
) -> None:
    installer.show(
        SCREEN + "echo 'An error occurred during reading the kickstart file:'\n"
        "echo 'Unknown command: nosuchcommand'; echo; echo\n"
        "echo 'The installer will now terminate.'; exit 1\n"
    )
    installer.watch()
    order = installer.stage.current(installer.order)
    assert (order.state, order.reason) == ("failed", "Unknown command: nosuchcommand")


def test_an_installer_that_vanishes_fails_the_order(installer: Installer) -> None:
    installer.show(SCREEN + "kill -SEGV $$\n")
    installer.watch()
    order = installer.stage.current(installer.order)
    assert (order.state, order.reason) == ("failed", "the installer has ended")


def test_the_end_after_a_complete_installation_is_no_failure(installer: Installer) -> None:
    installer.record("post-munge", "9 continues\nchown: invalid user: 'munge:munge'\n")
    installer.show(SCREEN + "exit 0\n")
    argv = installer.argv("watch", *installer.places)
    namespace = installer.stage.node.namespace
    with namespace.daemon(argv, installer.folder / "log", env=installer.env) as program:
        installer.run("installed", *installer.places)
        until(lambda: not program.alive(), SECONDS, "the watch to end")
    assert program.process.returncode == 0
    order = installer.stage.current(installer.order)
    assert order.state == "installed"
    assert order.reason == (
        "%post munge failed with exit status 9: chown: invalid user: 'munge:munge'"
    )
    up = ("profile=" + installer.stage.pin.profile, "generation=" + installer.stage.pin.generation)
    facts = [word for fact in up for word in ("--fact", fact)]
    installer.run("report", "up", *facts, "--fact", "manifest=cafe")
    after = installer.stage.current(installer.order)
    assert (after.state, after.reason) == ("up", order.reason), "the node may not work"


def test_the_error_script_reports_the_reason_on_the_screen(installer: Installer) -> None:
    rows = (
        "The exact error message is: \n\nmissing packages: nosuchpackage. \n\n"
        "The installer will now terminate.\n"
    )
    (installer.folder / "screen").write_text(rows, encoding="utf-8")
    installer.run("failed", *installer.places)
    order = installer.stage.current(installer.order)
    assert (order.state, order.reason) == ("failed", "missing packages: nosuchpackage")


def test_a_cancelled_order_stops_the_program(installer: Installer) -> None:
    installer.show(SCREEN * 5)
    argv = installer.argv("watch", *installer.places)
    stage = installer.stage
    with stage.node.namespace.daemon(argv, installer.folder / "log", env=installer.env) as program:
        until(lambda: stage.current(installer.order).phase == "install", SECONDS, "progress")
        stage.database.execute("update installs set state = 'cancelled', live = null")
        until(lambda: not program.alive(), SECONDS, "the program to end")
    assert program.process.returncode == 4


def test_an_unreachable_frontend_does_not_delay_the_installation(installer: Installer) -> None:
    installer.show(SUCCESS)
    started = time.monotonic()
    installer.run("watch", *installer.places, url=f"http://{FRONTEND}:81")
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
