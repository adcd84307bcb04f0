# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines of a profile's kickstart: commands, %packages, add-ons and scripts."""

from __future__ import annotations

import os
import re
import textwrap
from typing import Iterable, Iterator, NamedTuple, Sequence

from ...errors import DescriptionError
from ...xml_folders import SUFFIX
from ..escaping import PLACEHOLDER, placeholder, split_references
from ..model import Line, Origin, Package, ProfileNode
from .assembly import PackageRequest
from .expansion import SourceLine
from .release_rules import Command
from .script_sections import Script, reject_line_ends

BLANK = Line((), None)
HEAD_COLUMNS = 96
ORDER = ("pre", "pre-install", "post", "onerror")
# The folder of a section's log; for a %post in the new system the installer itself adds
# /mnt/sysroot.
LOG_FOLDERS = {"post": "/var/log/rocks/", "post --nochroot": "/mnt/sysimage/var/log/rocks/"}
# The installer copies logs of this name to the installed system, beside its own.
OTHER_LOGS = "/tmp/ks-script-rocks-"
# Records a script that failed. Profiles of managed nodes fetch this program. In the new root, /run
# is the installer's, too.
SCRIPT_END = "/run/rocks/bin/script-end"
# The line that lists this program, or that writes it.
SCRIPT_END_LISTED = re.compile(rf"[0-9a-f]{{64}}  script-end\Z|> {SCRIPT_END} <<")


class Contents(NamedTuple):
    """The content of a kickstart, in the order of the nodes."""

    nodes: tuple[ProfileNode, ...]
    commands: list[Command]
    package_options: list[Command]
    packages: tuple[Package, ...]
    certificates: list[Script]
    addons: list[Script]
    scripts: list[Script]


def build_lines(title: str, contents: Contents) -> tuple[Line, ...]:
    """Return all lines of the kickstart, in the order in which the installer reads it."""
    return (
        *_head(title, contents.nodes),
        *_commands(contents.commands),
        BLANK,
        *(line for section in contents.certificates for line in _section(section, "")),
        *_packages(contents.package_options, contents.packages),
        *(line for addon in contents.addons for line in _section(addon, "")),
        *_scripts(contents.scripts),
    )


def resolve_packages(requests: Iterable[PackageRequest]) -> tuple[Package, ...]:
    """Return one entry per name: groups, packages, then exclusions.

    A package that one node includes and another excludes is included.
    """
    origins: dict[tuple[str, bool], list[Origin]] = {}
    for request in requests:
        places = origins.setdefault((request.name, request.included), [])
        if request.origin not in places:
            places.append(request.origin)
    included = {name for name, include in origins if include}
    excluded = {name for name, include in origins if not include} - included
    return tuple(
        [
            Package(name, tuple(origins[name, True]))
            for name in sorted(included, key=lambda name: (not name.startswith("@"), name))
        ]
        + [Package("-" + name, tuple(origins[name, False])) for name in sorted(excluded)]
    )


def command_text(command: Command) -> str:
    """Return a command as one line, each reference with its context.

    A reference that is a word of its own becomes as many words as its value has; one that is a part
    of a word, or in quotes, becomes a part of one word.
    """
    text = command.text
    out: list[str] = []
    quote = ""
    end = 0
    for match in PLACEHOLDER.finditer(text):
        between = text[end : match.start()]
        quote = _quote_after(between, quote, command.origin)
        out += [between, placeholder(match.group(1), _command_context(text, match, quote))]
        end = match.end()
    if _quote_after(text[end:], quote, command.origin):
        raise DescriptionError(f"a quote in {command.name} is not closed", str(command.origin))
    return f"{command.name} {''.join(out)}{text[end:]}".strip()


def _command_context(text: str, match: re.Match[str], quote: str) -> str:
    if quote:
        return "kickstart-double" if quote == '"' else "kickstart-single"
    before = text[: match.start()]
    after = text[match.end() :]
    is_word = (not before or before[-1].isspace()) and (not after or after[0].isspace())
    return "kickstart-words" if is_word else "kickstart-word"


def _quote_after(text: str, quote: str, origin: Origin) -> str:
    """Return the quote that is open after a text, as shlex counts them."""
    escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#":
            return quote
    if escaped:
        raise DescriptionError(
            "a backslash before an attribute, or at the end", str(origin), "remove it"
        )
    return quote


def _head(title: str, nodes: Iterable[ProfileNode]) -> Iterator[Line]:
    yield Line((f"# {title}",), None)
    folders: dict[str, list[str]] = {}
    for node in nodes:
        for file in node.files:
            folder, name = os.path.split(file)
            folders.setdefault(folder, []).append(name.removesuffix(SUFFIX))
    for folder, names in folders.items():
        yield Line((f"# {folder}/:",), None)
        for text in textwrap.wrap(" ".join(names), HEAD_COLUMNS, break_on_hyphens=False):
            yield Line((f"#   {text}",), None)


def _commands(commands: Iterable[Command]) -> Iterator[Line]:
    """Yield the commands, exact repetitions once."""
    written: set[str] = set()
    for command in commands:
        text = command_text(command)
        if text not in written:
            written.add(text)
            yield _line(SourceLine(text, command.origin))


def _packages(options: Sequence[Command], packages: Iterable[Package]) -> Iterator[Line]:
    texts = dict.fromkeys(option.text for option in options)
    if options:
        yield _line(SourceLine(" ".join(["%packages", *texts]), options[0].origin))
    else:
        yield Line(("%packages",), None)
    for package in packages:
        yield Line((package.name,), package.origins[0])
    yield from (Line(("%end",), None), BLANK)


def _scripts(scripts: Iterable[Script]) -> Iterator[Line]:
    names: dict[str, int] = {}
    records_failures = False
    for script in sorted(scripts, key=lambda script: ORDER.index(script.section)):
        node = os.path.splitext(os.path.basename(script.origin.file))[0]
        name = f"{script.section}-{node}"
        count = names[name] = names.get(name, 0) + 1
        flags = [option for option in script.options if option == "--nochroot"]
        folder = LOG_FOLDERS.get(" ".join([script.section, *flags]), OTHER_LOGS)
        if count > 1:
            name = f"{name}-{count}"
        log = f"{folder}{name}.log"
        if records_failures and script.is_shell() and script.section != "onerror":
            script = _with_record(script, name)
        yield from _section(script, f"--log={log}")
        records_failures |= any(SCRIPT_END_LISTED.search(line.text) for line in script.lines)


def _with_record(script: Script, name: str) -> Script:
    """Return a script of the shell that records its own failure when it ends."""
    effect = " fatal" if "--erroronfail" in script.options else ""
    text = f"trap '{SCRIPT_END} {name} $?{effect}' EXIT"
    return script._replace(lines=(SourceLine(text, script.origin), *script.lines))


def _section(script: Script, log: str) -> Iterator[Line]:
    header = " ".join([f"%{script.section}", *script.options, *([log] if log else [])])
    yield _line(SourceLine(header, script.origin))
    yield from map(_line, script.lines)
    yield from (Line(("%end",), script.origin), BLANK)


def _line(source: SourceLine) -> Line:
    reject_line_ends([source])
    return Line(split_references(source.text), source.origin)
