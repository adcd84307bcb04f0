# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Report an installation to the frontend: its progress, its end, or why it has stopped.

    installation.py watch            report progress until the installation ends or stops
    installation.py installed        report the end, and which scripts failed before it
    installation.py failed           report why the installation has stopped (%onerror)

An installation that stops is noticed in three ways: a script of the kickstart records that it
failed (/run/rocks/bin/script-end), the screen shows a dialog or a question, or the installer's
process ends. A report must not delay or stop an installation: ``watch`` has short time limits and
ignores network errors until the installation has stopped; then it tries for hours.

Exit status: as of progress.py.

%pre starts this program with the installer's Python: standard library of Python 3.6 only.
"""

import json
import os
import subprocess
import sys
import time
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import installer_screen
import progress
from installer_screen import Event, FailedScript, Screen
from progress import REFUSED_STATUS, Answer, Connection, Frontend, NoAnswer, report

WATCH_TIMEOUT = 3.0
POLL_SECONDS = 0.5
SLOWEST_SECONDS = 60.0
MAX_STEPS = 50
# The order's own deadline comes earlier on most sites.
FAILED_SECONDS = 6 * 3600.0
# %onerror must end before the installer restarts the machine, 180 s later.
ONERROR_SECONDS = 120.0
PROCESS_SECONDS = 5.0
PANE = "anaconda:main"
KICKSTART = "/run/install/ks.cfg"
ANACONDA_LOG = "/tmp/anaconda.log"
LOG_CHARACTERS = 2000
# Reasons that only refer to a log.
REFERENCES = ("the installer has", "An unknown error has occured", "/tmp/anaconda-tb")


class Machine(NamedTuple):
    """Where this machine's installer leaves what this program reads."""

    screen: str
    failed: str
    """The folder of /run/rocks/bin/script-end."""
    installed: str
    """A file that exists when the installation is complete."""
    logs: Sequence[str]


class Steps:
    """What the installer has done since the last message that the frontend accepted.

    The first step of each phase, and the newest step of all, each with the time of its line.
    """

    def __init__(self) -> None:
        self.begun: List[Tuple[float, Event]] = []
        self.current: Optional[Event] = None
        self.current_at = 0.0
        self.changed = False

    def phase(self) -> str:
        """Return the current phase, "" before the first one."""
        return str(self.current["phase"]) if self.current else ""

    def add(self, event: Event, now: float) -> None:
        """Add a step of the installer."""
        current = installer_screen.advance(self.current, event)
        if current == self.current:
            return
        if current["phase"] != self.phase():
            self.begun = self.begun[-MAX_STEPS:] + [(now, current)]
        self.changed = True
        self.current = current
        self.current_at = now

    def message(self, now: float) -> Event:
        """Return the newest step, with those before it, and the age of each in seconds."""
        earlier = [
            dict(event, age=int(now - begun))
            for begun, event in self.begun
            if event is not self.current
        ]
        return dict(self.current or {}, age=int(now - self.current_at), steps=earlier)

    def report_of(self, failure: Event, now: float) -> Event:
        """Return the report of a failure, with the steps before it."""
        begun = [dict(event, age=int(now - since)) for since, event in self.begun]
        return dict(failure, steps=begun)

    def clear(self) -> None:
        """Forget what the frontend has accepted."""
        self.begun = []
        self.changed = False


class Pace:
    """When the next message is due: the answer contains the seconds until then.

    Without answers, the interval doubles up to SLOWEST_SECONDS.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.wait = interval
        self.due = 0.0

    def is_due(self, now: float) -> bool:
        return now >= self.due

    def record_answer(self, now: float, seconds: float) -> None:
        """Wait ``seconds`` until the next message; 0: the frontend is older and names no time."""
        self.wait = seconds or self.interval
        self.due = now + self.wait

    def record_failure(self, now: float, retry_after: float = 0.0) -> None:
        self.wait = min(SLOWEST_SECONDS, self.wait * 2)
        self.due = now + max(self.wait, retry_after)


def next_seconds(answer: Answer) -> float:
    """Return the seconds until the next message that an answer contains, 0 without them."""
    try:
        return min(SLOWEST_SECONDS, max(0.0, float(json.loads(answer.body.decode())["next"])))
    except (ValueError, KeyError, TypeError):
        return 0.0


class Installer:
    """The installer's process, by tmux, which runs it in a pane and keeps the pane at its end."""

    def __init__(self) -> None:
        self.due = 0.0

    def pipe_screen(self, screen: str) -> None:
        """Make tmux copy the screen into a file. A missing tmux is not an error."""
        output_of(["tmux", "pipe-pane", "-o", "-t", PANE, "cat >> '%s'" % screen])

    def has_ended(self, now: float) -> bool:
        """Whether the process has ended; asked at most once in PROCESS_SECONDS."""
        if now < self.due:
            return False
        self.due = now + PROCESS_SECONDS
        return output_of(["tmux", "list-panes", "-t", PANE, "-F", "#{pane_dead}"]).startswith("1")


def output_of(argv: List[str]) -> str:
    """Run a program; return its output, "" if it fails."""
    try:
        result = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError as error:
        print("%s: %s" % (argv[0], error), file=sys.stderr)
        return ""
    return result.stdout.decode("utf-8", "replace") if result.returncode == 0 else ""


def watch(frontend: Frontend, machine: Machine, interval: float) -> int:
    """Report progress until the installation ends, or until the frontend rejects the order."""
    installer = Installer()
    installer.pipe_screen(machine.screen)
    connection = Connection(frontend, WATCH_TIMEOUT)
    pace = Pace(interval)
    screen = Screen(machine.screen)
    steps = Steps()
    while not os.path.exists(machine.installed):
        now = time.monotonic()
        for event in filter(None, map(installer_screen.recognise, screen.read(now))):
            steps.add(event, now)
        stopped = find_stop(machine, screen, installer, now)
        if stopped and not os.path.exists(machine.installed):
            return report(frontend, steps.report_of(stopped, now), FAILED_SECONDS)
        ended = steps.phase() == "end"
        if steps.changed and (ended or pace.is_due(now)):
            status = send(connection, steps, pace)
            if status in (409, 410):
                return REFUSED_STATUS
        if ended:
            break
        time.sleep(POLL_SECONDS)  # a file that grows has no portable notification
    return 0


def send(connection: Connection, steps: Steps, pace: Pace) -> int:
    """Send the steps once, and return the status of the answer, 0 without one."""
    message = steps.message(time.monotonic())
    try:
        answer = connection.post("/rocks/events", dict(message, order=connection.frontend.order))
    except NoAnswer as error:
        print("no answer: %s" % error, file=sys.stderr)
        pace.record_failure(time.monotonic())
        return 0
    if 200 <= answer.status < 300:
        steps.clear()
        pace.record_answer(time.monotonic(), next_seconds(answer))
    else:
        pace.record_failure(time.monotonic(), answer.retry_after)
    return answer.status


def find_stop(
    machine: Machine, screen: Screen, installer: Installer, now: float
) -> Optional[Event]:
    """Return the report of an installation that has stopped, or None."""
    if any(script.fatal for script in installer_screen.failed_scripts(machine.failed)):
        return failed_event(machine, screen, "")
    reason = screen.stop_reason(now)
    if not reason and installer.has_ended(now):
        screen.read(now)
        reason = installer_screen.stop_reason(screen.paragraphs()) or "the installer has ended"
    return failed_event(machine, screen, reason) if reason else None


def failed_event(machine: Machine, screen: Screen, reason: str) -> Event:
    """Build the report of an installation that has stopped: its cause, and the ends of logs.

    A script that failed is the cause; otherwise ``reason`` from the screen is, unless it only
    refers to a log.
    """
    fatal = [script for script in all_failed_scripts(machine.failed) if script.fatal]
    if fatal:
        reason = fatal[-1].sentence()
    elif reason.startswith(REFERENCES):
        log = progress.tail([ANACONDA_LOG])
        last_exception = installer_screen.last_exception
        reason = last_exception(screen.text()) or last_exception(log) or reason
    logs = progress.tail([machine.screen, *machine.logs])
    output = fatal[-1].log[-LOG_CHARACTERS:].rstrip("\n") if fatal else ""
    return {"phase": "failed", "message": reason, "log": (output + "\n" + logs).lstrip("\n")}


def report_failure(frontend: Frontend, machine: Machine) -> int:
    """Report why the installation has stopped, from %onerror."""
    screen = Screen(machine.screen)
    screen.read(time.monotonic())
    reason = installer_screen.stop_reason(screen.paragraphs()) or "the installer has stopped"
    return report(frontend, failed_event(machine, screen, reason), ONERROR_SECONDS)


def report_installed(frontend: Frontend, machine: Machine, seconds: float) -> int:
    """Report the end of the installation, with the scripts that failed.

    The watch ends: from now on the installer's end is no failure.
    """
    with open(machine.installed, "w"):
        pass
    scripts = all_failed_scripts(machine.failed)
    event: Any = {"phase": "installed", "message": ""}
    if scripts:
        event["message"] = "; ".join(script.sentence() for script in scripts)
        share = LOG_CHARACTERS // len(scripts)
        event["log"] = "\n".join(
            "==> %s\n%s" % (script.name, script.log[-share:]) for script in scripts
        )
    return report(frontend, event, seconds)


def all_failed_scripts(folder: str) -> List[FailedScript]:
    """Return the scripts that recorded a failure, and those of which only the log knows."""
    scripts = installer_screen.failed_scripts(folder)
    recorded = [script.name for script in scripts]
    logged = installer_screen.logged_failures(read(ANACONDA_LOG), read(KICKSTART))
    return scripts + [script for script in logged if script.name not in recorded]


def read(path: str) -> str:
    """Return the text of a file, "" if it cannot be read."""
    try:
        with open(path, "r", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def main(argv: List[str]) -> int:
    parser = progress.frontend_arguments("Report an installation to the frontend.")
    parser.add_argument("command", choices=("watch", "installed", "failed"))
    parser.add_argument("--screen", default="/run/rocks/screen")
    parser.add_argument("--failed", default="/run/rocks/failed", metavar="FOLDER")
    parser.add_argument("--installed", default="/run/rocks/installed", metavar="FILE")
    parser.add_argument("--log", action="append", default=[])
    parser.add_argument("--interval", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=progress.REPORT_SECONDS)
    parser.add_argument(
        "--new-session", action="store_true", help="survive the script that starts this program"
    )
    options = parser.parse_args(argv)
    frontend = progress.frontend_of(options)
    machine = Machine(options.screen, options.failed, options.installed, options.log)
    if options.new_session:
        progress.leave_session()
    if options.command == "watch":
        return watch(frontend, machine, options.interval)
    if options.command == "failed":
        return report_failure(frontend, machine)
    return report_installed(frontend, machine, options.seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
