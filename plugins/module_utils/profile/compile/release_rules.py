# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Translate commands for a release: rename, move, omit where nothing is lost, or reject.

This adds to the tables of releases.py what a row cannot express: a value that moves to another
command.
"""

from __future__ import annotations

import re
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple

from ..model import ERROR, WARNING, Origin, Remark
from ..releases import DEPRECATED, OPTION_CHANGES, UNKNOWN, OptionChange, Release, command_status
from ..xml.conditions import TrackedAttributes
from .script_sections import Script

# The ages of the first releases with %certificate, and with its option --type.
CERTIFICATES = 9
TYPED_CERTIFICATES = 12
VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s\"'])+"
# What authconfig configured here is the default of the releases that no longer have it.
AUTH_DEFAULTS = re.compile(
    r"(\s*--(enable|use)shadow|\s*--passalgo[= ]sha512|\s*--enablemd5)*\s*\Z"
)


class Command(NamedTuple):
    """A command: its name, and the text after it with references that have no context yet."""

    name: str
    text: str
    origin: Origin


class Translation(NamedTuple):
    """The commands of a release, and the findings about them."""

    commands: list[Command]
    remarks: list[Remark]


def translate_commands(
    commands: Iterable[Command], release: Release, attributes: TrackedAttributes
) -> Translation:
    """Return the commands as ``release`` knows them.

    A command or option that the release rejects and that has no counterpart becomes an error among
    the remarks, with its line; a deprecated one becomes a warning.
    """
    result = Translation([], [])
    for command in commands:
        special = SPECIAL.get(command.name, _keep_command)
        for translated in special(command, release, attributes, result.remarks):
            result.remarks.extend(_check_command(translated, release))
            result.commands.append(translate_options(translated, release, result.remarks))
    return Translation(_merge_timesource(result.commands, release, result.remarks), result.remarks)


def translate_options(command: Command, release: Release, remarks: list[Remark]) -> Command:
    """Return the command with its options as the release spells them."""
    for row in OPTION_CHANGES:
        if row.command == command.name and row.since <= release.age < row.until:
            command = _translate_option(command, row, release, remarks)
    return command


def _translate_option(
    command: Command, row: OptionChange, release: Release, remarks: list[Remark]
) -> Command:
    pattern = re.compile(
        rf"(?<!\S){row.option}" + (rf"(?:=|\s+)({VALUE})" if row.has_value else r"(?=\s|\Z)")
    )
    match = pattern.search(command.text)
    if not match:
        return command
    if row.new == "":
        text = f"{command.name} {row.option} is unknown in {release.name}"
        remarks.append(
            Remark(
                severity=ERROR,
                rule="unknown-option",
                origin=command.origin,
                text=text,
                hint="remove it for this release",
            )
        )
        return command
    if row.new is None:
        text = f"{command.name} {row.option} is omitted for {release.name}: {row.reason}"
        remarks.append(
            Remark(severity=WARNING, rule="dropped-option", origin=command.origin, text=text)
        )
        changed = pattern.sub("", command.text)
    else:
        changed = pattern.sub(rf"{row.new}=\1" if row.has_value else row.new, command.text)
    return command._replace(text=re.sub(r"\s{2,}", " ", changed).strip())


def _check_command(command: Command, release: Release) -> list[Remark]:
    support = command_status(command.name, release)
    if support == UNKNOWN:
        text = f"{release.name} does not know the command {command.name}"
        return [
            Remark(
                severity=ERROR,
                rule="unknown-command",
                origin=command.origin,
                text=text,
                hint="exclude it with release= or cond=",
            )
        ]
    if support == DEPRECATED:
        text = f"the command {command.name} is deprecated in {release.name}"
        return [
            Remark(severity=WARNING, rule="deprecated-command", origin=command.origin, text=text)
        ]
    return []


def check_certificates(certificates: Iterable[Script], release: Release) -> Iterator[Remark]:
    """Return an error for each <certificate> that the release does not know.

    EL 9 knows the section since 9.6, and no release before Fedora 45 its ``type``.
    """
    for certificate in certificates:
        typed = any(option.startswith("--type=") for option in certificate.options)
        if release.age >= (TYPED_CERTIFICATES if typed else CERTIFICATES):
            continue
        yield Remark(
            severity=ERROR,
            rule="unknown-command",
            origin=certificate.origin,
            text=f"{release.name} does not know "
            + ("the type of a" if typed else "the section")
            + " %certificate",
            hint="exclude it with release=, and write the file in a <post>",
        )


Special = Callable[[Command, Release, TrackedAttributes, list[Remark]], list[Command]]


def _keep_command(
    command: Command, _release: Release, _attributes: TrackedAttributes, _remarks: list[Remark]
) -> list[Command]:
    return [command]


def _drop(
    command: Command, _release: Release, _attributes: TrackedAttributes, remarks: list[Remark]
) -> list[Command]:
    text = f"<{command.name}> has no effect: no installer uses it any longer"
    remarks.append(
        Remark(severity=WARNING, rule="dropped-command", origin=command.origin, text=text)
    )
    return []


def _default_since_8(
    command: Command, release: Release, _attributes: TrackedAttributes, _remarks: list[Remark]
) -> list[Command]:
    """``install`` and similar: newer installers always do what these commands requested."""
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
    text = f"{command.name} is omitted for {release.name}, where its options are the default"
    remarks.append(
        Remark(severity=WARNING, rule="dropped-command", origin=command.origin, text=text)
    )
    return []


def _timezone(
    command: Command, release: Release, attributes: TrackedAttributes, _remarks: list[Remark]
) -> list[Command]:
    """From rhel9 on, the time servers of ``timezone`` are a command of their own."""
    if release.age < 9:
        return [command]
    moved: list[Command] = []

    def servers(match: re.Match[str]) -> str:
        # The list is split here, so an attribute that contains it is part of the shape.
        for server in attributes.resolve(match.group(1).strip("\"'"), command.origin).split(","):
            if server.strip():
                moved.append(
                    Command("timesource", f"--ntp-server={server.strip()}", command.origin)
                )
        return ""

    def disable(_match: re.Match[str]) -> str:
        moved.append(Command("timesource", "--ntp-disable", command.origin))
        return ""

    text = re.sub(rf"(?<!\S)--ntpservers(?:=|\s+)({VALUE})", servers, command.text)
    text = re.sub(r"(?<!\S)--nontp(?=\s|\Z)", disable, text)
    return [command._replace(text=re.sub(r"\s{2,}", " ", text).strip()), *moved]


SPECIAL: Mapping[str, Special] = {
    **dict.fromkeys(("interactive", "langsupport", "lilocheck", "mouse"), _drop),
    **dict.fromkeys(("install", "unsupported_hardware"), _default_since_8),
    **dict.fromkeys(("auth", "authconfig"), _auth),
    "lilo": _lilo,
    "zerombr": _zerombr,
    "timezone": _timezone,
}


def _merge_timesource(
    commands: list[Command], release: Release, remarks: list[Remark]
) -> list[Command]:
    """Before rhel9, ``timesource`` becomes options of ``timezone``."""
    sources = [command for command in commands if command.name == "timesource"]
    zones = [number for number, command in enumerate(commands) if command.name == "timezone"]
    if release.age >= 9 or not sources or not zones:
        return commands
    options_by_source = {source: _time_option(source) for source in sources}
    if not all(kind for kind, _value in options_by_source.values()):
        return commands
    remarks[:] = [
        remark
        for remark in remarks
        if not (remark.rule == "unknown-command" and "timesource" in remark.text)
    ]
    servers = ",".join(
        value
        for source in sources
        for kind, value in [options_by_source[source]]
        if kind == "server"
    )
    extra = f" --ntpservers={servers}" if servers else " --nontp"
    last = zones[-1]
    gathered = commands[last]._replace(text=commands[last].text + extra)
    return [
        gathered if number == last else command
        for number, command in enumerate(commands)
        if command not in options_by_source
    ]


def _time_option(command: Command) -> tuple[str, str]:
    match = re.fullmatch(rf"\s*--ntp-(?:server|pool)(?:=|\s+)({VALUE})\s*", command.text)
    if match:
        return "server", match.group(1)
    return ("disable", "") if command.text.strip() == "--ntp-disable" else ("", "")
