# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands as one release's installer takes them: renamed, moved, left out where nothing is lost, or refused.

What is here beyond the tables of releases.py is what one row cannot say: a value that moves to another command.
"""

from __future__ import annotations

import re
from typing import Callable, Iterable, Mapping, NamedTuple

from ..model import ERROR, WARNING, Origin, Remark
from ..releases import DEPRECATED, OPTION_CHANGES, UNKNOWN, OptionChange, Release, command_status
from ..xml.conditions import TrackedAttributes

VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s\"'])+"
# What authconfig wrote is how the releases that no longer have it behave anyway.
AUTH_DEFAULTS = re.compile(
    r"(\s*--(enable|use)shadow|\s*--passalgo[= ]sha512|\s*--enablemd5)*\s*\Z"
)


class Command(NamedTuple):
    """One command: its name, and the text behind it with references that have no context yet."""

    name: str
    text: str
    origin: Origin


class Translation(NamedTuple):
    """Commands of a release, and what there is to say about them."""

    commands: list[Command]
    remarks: list[Remark]


def translate_commands(
    commands: Iterable[Command], release: Release, attributes: TrackedAttributes
) -> Translation:
    """The commands as ``release`` knows them.

    A command or option that the release refuses and that has no counterpart is an error among the remarks, with its
    line; a deprecated one is a warning.
    """
    result = Translation([], [])
    for command in commands:
        special = SPECIAL.get(command.name, _as_it_is)
        for translated in special(command, release, attributes, result.remarks):
            result.remarks.extend(_judge(translated, release))
            result.commands.append(translate_options(translated, release, result.remarks))
    return Translation(_gather_time(result.commands, release, result.remarks), result.remarks)


def translate_options(command: Command, release: Release, remarks: list[Remark]) -> Command:
    """The command with its options as the release spells them."""
    for row in OPTION_CHANGES:
        if row.command == command.name and row.since <= release.age < row.until:
            command = _option(command, row, release, remarks)
    return command


def _option(
    command: Command, row: OptionChange, release: Release, remarks: list[Remark]
) -> Command:
    pattern = re.compile(
        rf"(?<!\S){row.option}" + (rf"(?:=|\s+)({VALUE})" if row.value else r"(?=\s|\Z)")
    )
    found = pattern.search(command.text)
    if not found:
        return command
    if row.new == "":
        text = f"{command.name} {row.option} is not known to {release.name}"
        remarks.append(
            Remark(ERROR, "unknown-option", command.origin, text, "take it out for this release")
        )
        return command
    if row.new is None:
        text = f"{command.name} {row.option} is left out for {release.name}: {row.why}"
        remarks.append(Remark(WARNING, "dropped-option", command.origin, text))
        changed = pattern.sub("", command.text)
    else:
        changed = pattern.sub(rf"{row.new}=\1" if row.value else row.new, command.text)
    return command._replace(text=re.sub(r"\s{2,}", " ", changed).strip())


def _judge(command: Command, release: Release) -> list[Remark]:
    state = command_status(command.name, release)
    if state == UNKNOWN:
        text = f"{release.name} does not know the command {command.name}"
        return [
            Remark(
                ERROR,
                "unknown-command",
                command.origin,
                text,
                "keep it away with release= or cond=",
            )
        ]
    if state == DEPRECATED:
        text = f"the command {command.name} is deprecated in {release.name}"
        return [Remark(WARNING, "deprecated-command", command.origin, text)]
    return []


Special = Callable[[Command, Release, TrackedAttributes, list[Remark]], list[Command]]


def _as_it_is(
    command: Command, _release: Release, _attributes: TrackedAttributes, _remarks: list[Remark]
) -> list[Command]:
    return [command]


def _not_any_more(
    command: Command, _release: Release, _attributes: TrackedAttributes, remarks: list[Remark]
) -> list[Command]:
    text = f"<{command.name}> has no effect: no installer asks for it any more"
    remarks.append(Remark(WARNING, "dropped-command", command.origin, text))
    return []


def _default_since_8(
    command: Command, release: Release, _attributes: TrackedAttributes, _r: list[Remark]
) -> list[Command]:
    """``install`` and the like: what they asked for is the only thing that newer installers do."""
    return [command] if release.age < 8 else []


def _lilo(
    command: Command, _release: Release, _attributes: TrackedAttributes, _remarks: list[Remark]
) -> list[Command]:
    return [command._replace(name="bootloader")]


def _zerombr(
    command: Command, _release: Release, _attributes: TrackedAttributes, _remarks: list[Remark]
) -> list[Command]:
    return [command._replace(text="" if command.text == "yes" else command.text)]


def _auth(
    command: Command, release: Release, _attributes: TrackedAttributes, remarks: list[Remark]
) -> list[Command]:
    if release.age < 8 or not AUTH_DEFAULTS.match(command.text):
        return [command]
    text = f"{command.name} is left out for {release.name}: shadow passwords and SHA-512 are what it does"
    remarks.append(Remark(WARNING, "dropped-command", command.origin, text))
    return []


def _timezone(
    command: Command, release: Release, attributes: TrackedAttributes, _remarks: list[Remark]
) -> list[Command]:
    """The time servers of ``timezone`` are a command of their own from rhel9 on."""
    if release.age < 9:
        return [command]
    moved: list[Command] = []

    def servers(found: re.Match[str]) -> str:
        # The list is taken apart here, so an attribute that holds it is part of the shape.
        for server in attributes.resolve(found.group(1).strip("\"'"), command.origin).split(","):
            if server.strip():
                moved.append(
                    Command("timesource", f"--ntp-server={server.strip()}", command.origin)
                )
        return ""

    def disabled(_found: re.Match[str]) -> str:
        moved.append(Command("timesource", "--ntp-disable", command.origin))
        return ""

    text = re.sub(rf"(?<!\S)--ntpservers(?:=|\s+)({VALUE})", servers, command.text)
    text = re.sub(r"(?<!\S)--nontp(?=\s|\Z)", disabled, text)
    return [command._replace(text=re.sub(r"\s{2,}", " ", text).strip()), *moved]


SPECIAL: Mapping[str, Special] = {
    **dict.fromkeys(("interactive", "langsupport", "lilocheck", "mouse"), _not_any_more),
    **dict.fromkeys(("install", "unsupported_hardware"), _default_since_8),
    **dict.fromkeys(("auth", "authconfig"), _auth),
    "lilo": _lilo,
    "zerombr": _zerombr,
    "timezone": _timezone,
}


def _gather_time(commands: list[Command], release: Release, remarks: list[Remark]) -> list[Command]:
    """Before rhel9, ``timesource`` becomes options of ``timezone``."""
    sources = [command for command in commands if command.name == "timesource"]
    zones = [number for number, command in enumerate(commands) if command.name == "timezone"]
    if release.age >= 9 or not sources or not zones:
        return commands
    taken = {source: _time_option(source) for source in sources}
    if not all(kind for kind, _value in taken.values()):
        return commands
    remarks[:] = [
        r for r in remarks if not (r.rule == "unknown-command" and "timesource" in r.text)
    ]
    servers = ",".join(
        value for source in sources for kind, value in [taken[source]] if kind == "server"
    )
    extra = f" --ntpservers={servers}" if servers else " --nontp"
    last = zones[-1]
    gathered = commands[last]._replace(text=commands[last].text + extra)
    return [gathered if n == last else c for n, c in enumerate(commands) if c not in taken]


def _time_option(command: Command) -> tuple[str, str]:
    found = re.fullmatch(rf"\s*--ntp-(?:server|pool)(?:=|\s+)({VALUE})\s*", command.text)
    if found:
        return "server", found.group(1)
    return ("disable", "") if command.text.strip() == "--ntp-disable" else ("", "")
