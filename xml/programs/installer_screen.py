# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the installer's screen: the phase of the installation, and why it has stopped.

The texts are those of anaconda's text mode in EL 8 to 10 and Fedora. A dialog is wrapped at 80
columns, so a sentence is searched for in the joined rows of a paragraph. A prompt is the last row
and has no line end.

%pre starts this program with the installer's Python: standard library of Python 3.6 only.
"""

import itertools
import os
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from progress import plain

SCREEN_BYTES = 1 << 18
ROWS = 120  # a traceback, or a dialog with the log of a script
MESSAGE_CHARACTERS = 400
# A dialog is complete when the screen did not change for this time.
SETTLE_SECONDS = 2.0
# Nobody answers: nothing on the screen changes while a prompt waits.
PROMPT_SECONDS = 20.0

PHASES = tuple(
    (re.compile(pattern), phase)
    for pattern, phase in (
        (r"Setting up the installation environment|Starting automated install", "setup"),
        (r"Configuring storage|Creating \S+ on ", "format"),
        (
            r"Downloading packages|Downloading (?P<total>\d+) RPMs, .*?\((?P<percent>\d+)%\)",
            "download",
        ),
        (r"(?:Installing|Upgrading) (?P<item>\S+) \((?P<done>\d+)/(?P<total>\d+)\)", "install"),
        (r"Starting package installation process|Preparing transaction from", "install"),
        (
            r"(?:Verifying|Configuring) (?P<item>\S+\.\w+)(?: \((?P<done>\d+)/(?P<total>\d+)\))?",
            "posttrans",
        ),
        (r"Performing post-installation setup tasks", "posttrans"),
        (r"Installing boot loader", "bootloader"),
        (r"Configuring installed system|Writing network configuration|Creating users", "configure"),
        (r"Configuring addons|Generating initramfs", "configure"),
        (r"Running post-installation scripts", "post"),
        (r"Installation complete", "end"),
    )
)
PHASE_ORDER = tuple(dict.fromkeys(phase for _pattern, phase in PHASES))

# Where the reason stands: after the sentence, in the paragraph before it, or in the last row before
# the prompt.
AFTER = "after"
BEFORE = "before"
LAST = "last"
# The sentences with which an installation stops, the more specific first.
STOPPED = (
    ("The exact error message is:", AFTER),
    ("There was an error running the kickstart script", LAST),
    ("An error occurred during reading the kickstart file:", AFTER),
    ("The following mandatory spokes are not completed:", AFTER),
    ("The following error occurred", AFTER),
    ("An error occurred while activating your storage configuration.", AFTER),
    ("There is a problem with your existing storage configuration", LAST),
    ("The following software marked for installation has errors.", AFTER),
    ("The details of this error are:", AFTER),
    ("Some packages, groups or modules are broken", BEFORE),
    ("Would you like to ignore this", BEFORE),
    ("This is a fatal error", AFTER),
    ("The installation cannot continue", BEFORE),
    ("An unknown error has occured, look at", AFTER),
)
PROMPTS = (
    "Please respond 'yes' or 'no'",
    "Press ENTER to exit",
    "Please make a selection from the above",
    "Please make your choice from above",
    "Enter your passphrase",
)
NOT_A_REASON = ("The installer will now terminate.", *PROMPTS)
RULER = re.compile(r"[=\s]*\Z")
EXCEPTION = re.compile(r"^\s*((?:\w+\.)*\w*(?:Error|Exception|Failure)(?:: .+)?)$", re.MULTILINE)
ERROR_CODE = re.compile(r"Error code (-?\d+) running the kickstart script at line (\d+)")
LOG_OPTION = re.compile(r"--log=\S*/(\S+)\.log(?=\s|\Z)")

Event = Dict[str, Any]


class FailedScript(NamedTuple):
    """A script of the kickstart that failed."""

    name: str
    """Its section and node file, such as post-munge."""
    status: int
    fatal: bool
    """Whether the installer stops because of it."""
    log: str
    """The end of its output."""

    def sentence(self) -> str:
        """Return what failed, and the last row of the output."""
        section, _dash, node = self.name.partition("-")
        rows = [row.strip() for row in self.log.splitlines() if row.strip()]
        reason = ": %s" % rows[-1] if rows else ""
        text = "%%%s %s failed with exit status %d%s" % (section, node, self.status, reason)
        return text[:MESSAGE_CHARACTERS]


class Screen:
    """The installer's screen, which tmux copies into a file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.position = 0
        self.rows: List[str] = []
        self.unfinished = ""
        self.changed = 0.0

    def read(self, now: float) -> List[str]:
        """Return the rows that were added; ``now`` is a monotonic time."""
        before = self.position
        rows, self.position, self.unfinished = new_lines(self.path, before, self.unfinished)
        self.rows = (self.rows + rows)[-ROWS:]
        if self.position != before or not self.changed:
            self.changed = now
        return rows

    def text(self) -> str:
        """Return the last rows."""
        return "\n".join(self.rows + [self.unfinished])

    def paragraphs(self) -> List[str]:
        """Return the last paragraphs, without line ends and multiple spaces."""
        return paragraphs(self.rows + [self.unfinished])

    def stop_reason(self, now: float) -> str:
        """Return why the installation has stopped; "" while it has not, or is not known to have."""
        silent = now - self.changed
        if silent < SETTLE_SECONDS:
            return ""
        parts = self.paragraphs()
        reason = stop_reason(parts)
        if reason or silent < PROMPT_SECONDS or not parts:
            return reason
        if any(prompt in parts[-1] for prompt in PROMPTS):
            return "the installer asks a question: %s" % " ".join(parts[-2:])[-MESSAGE_CHARACTERS:]
        return ""


def new_lines(path: str, position: int, remainder: str) -> Tuple[List[str], int, str]:
    """Read what was added to the screen's file after ``position``.

    ``remainder`` is the incomplete last line of the previous call. Returns the complete lines, the
    new position, and the new incomplete line. If more than SCREEN_BYTES were added, only the end is
    read, because only the newest progress matters.
    """
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size - position > SCREEN_BYTES:
                position = size - SCREEN_BYTES
                remainder = ""
            file.seek(position)
            data = file.read(SCREEN_BYTES)
    except OSError:
        return [], position, remainder
    if data.endswith(b"\r"):
        data = data[:-1]  # the first half of a line end
    text = remainder + plain(data)
    lines = text.split("\n")
    return lines[:-1], position + len(data), lines[-1][-SCREEN_BYTES:]


def recognise(line: str) -> Optional[Event]:
    """Return the progress event of a row of the installer's screen, or None."""
    for pattern, phase in PHASES:
        match = pattern.search(line)
        if match:
            return progress_event(phase, line, match.groupdict())
    return None


def progress_event(phase: str, line: str, counts: Mapping[str, Optional[str]]) -> Event:
    """Build the event of a phase; ``counts`` are the named groups of its pattern."""
    event: Event = {"phase": phase, "message": line.strip()[:MESSAGE_CHARACTERS]}
    if counts.get("percent"):
        event.update(done=int(counts["percent"] or 0), total=100)
    elif counts.get("total") and counts.get("done"):
        event.update(done=int(counts["done"] or 0), total=int(counts["total"] or 0))
    return event


def advance(current: Optional[Event], event: Event) -> Event:
    """Return the progress after a row; phases only go forward.

    dnf5 runs the scriptlets of a package ("Configuring NAME") between two packages that it
    installs: they belong to the phase ``install`` until all packages are installed.
    """
    if current is None:
        return event
    if PHASE_ORDER.index(event["phase"]) < PHASE_ORDER.index(current["phase"]):
        return current
    is_scriptlet = event["phase"] == "posttrans" and event["message"].startswith("Configuring")
    if is_scriptlet and current["phase"] == "install":
        return event if current.get("done") == current.get("total") else current
    return event


def paragraphs(rows: List[str]) -> List[str]:
    """Join the rows of a screen to paragraphs; blank rows and rulers separate them."""
    parts: List[List[str]] = [[]]
    for row in rows:
        if RULER.match(row):
            parts.append([])
        else:
            parts[-1] += row.split()
    return [" ".join(words) for words in parts if words]


def stop_reason(parts: List[str]) -> str:
    """Return the reason that stands beside a sentence of STOPPED; "" without such a sentence."""
    for sentence, place in STOPPED:
        for number, part in enumerate(parts):
            if sentence in part:
                reason = _reason(parts, number, sentence, place)
                return (reason or part)[:MESSAGE_CHARACTERS].strip()
    return ""


def _reason(parts: List[str], number: int, sentence: str, place: str) -> str:
    before, _sentence, rest = parts[number].partition(sentence)
    if place == BEFORE:
        return before.strip() or (parts[number - 1] if number else "")
    following = list(itertools.takewhile(_is_reason, parts[number + 1 :]))
    if place == LAST:
        return "%s: %s" % (sentence, following[-1]) if following else ""
    if sentence.endswith(":"):
        following.insert(0, rest.strip())
    return " ".join(following).strip(" .")


def _is_reason(part: str) -> bool:
    return not part.startswith(NOT_A_REASON)


def last_exception(text: str) -> str:
    """Return the last line of the last Python traceback in a text; "" without one."""
    lines = EXCEPTION.findall(text)
    return str(lines[-1])[:MESSAGE_CHARACTERS] if lines else ""


def failed_scripts(folder: str) -> List[FailedScript]:
    """Return the failed scripts that /run/rocks/bin/script-end recorded, in order of time."""
    try:
        names = [name for name in os.listdir(folder) if not name.startswith(".")]
        paths = sorted((os.stat(os.path.join(folder, name)).st_mtime, name) for name in names)
    except OSError:
        return []
    return [_read_record(folder, name) for _time, name in paths]


def _read_record(folder: str, name: str) -> FailedScript:
    with open(os.path.join(folder, name), "rb") as file:
        text = plain(file.read())
    status, _space, rest = text.partition(" ")
    effect, _end, log = rest.partition("\n")
    return FailedScript(name, int(status), effect == "fatal", log)


def logged_failures(log: str, kickstart: str) -> List[FailedScript]:
    """Return the scripts that failed according to anaconda.log.

    These include scripts in other languages than the shell's, which record nothing. The installer
    logs the line of the section's header, and the header contains the name of its log.
    """
    headers = kickstart.splitlines()
    scripts = []
    for status, number in ERROR_CODE.findall(log):
        header = headers[int(number) - 1] if 0 < int(number) <= len(headers) else ""
        option = LOG_OPTION.search(header)
        if option:
            name = option.group(1).replace("ks-script-rocks-", "", 1)
            scripts.append(FailedScript(name, int(status), "--erroronfail" in header, ""))
    return scripts
