# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kickstart of a profile, line by line: commands, %packages, add-ons, scripts, each with where it was written."""

from __future__ import annotations

import os
import re
from typing import Iterable, Iterator, NamedTuple, Sequence

from ...errors import DescriptionError
from ..escaping import LINE_END, PLACEHOLDER, placeholder, split_references
from ..model import Line, Origin, Package, ProfileNode
from .assembly import PackageRequest
from .expansion import SourceLine
from .release_rules import Command
from .script_sections import Script

BLANK = Line((), None)
ORDER = ("pre", "pre-install", "post", "onerror")
# Where a section's output goes; the installer itself puts /mnt/sysroot in front for a %post inside the new system.
LOGS = {"post": "/var/log/rocks/", "post --nochroot": "/mnt/sysimage/var/log/rocks/"}
ELSEWHERE = "/tmp/rocks-"


class Contents(NamedTuple):
    """What a kickstart holds, in the order of the nodes."""

    nodes: tuple[ProfileNode, ...]
    commands: list[Command]
    package_options: list[Command]
    packages: tuple[Package, ...]
    addons: list[Script]
    scripts: list[Script]


def build_lines(title: str, contents: Contents) -> tuple[Line, ...]:
    """All lines of the kickstart, in the order in which the installer reads it."""
    return (
        *_head(title, contents.nodes),
        *_commands(contents.commands),
        BLANK,
        *_packages(contents.package_options, contents.packages),
        *(line for addon in contents.addons for line in _section(addon, "")),
        *_scripts(contents.scripts),
    )


def resolve_packages(asked: Iterable[PackageRequest]) -> tuple[Package, ...]:
    """One line per name: groups, packages, then what is kept out; a package that one node wants is not kept out."""
    origins: dict[tuple[str, bool], list[Origin]] = {}
    for wish in asked:
        places = origins.setdefault((wish.name, wish.included), [])
        if wish.origin not in places:
            places.append(wish.origin)
    wanted = sorted((not name.startswith("@"), name) for name, on in origins if on)
    unwanted = sorted(name for name, on in origins if not on and (name, True) not in origins)
    return tuple(
        [Package(name, tuple(origins[name, True])) for _no_group, name in wanted]
        + [Package("-" + name, tuple(origins[name, False])) for name in unwanted]
    )


def command_text(command: Command) -> str:
    """A command as one line, each reference with its context.

    A reference that stands alone gives as many words as its value has; one that is part of a word, or in quotes,
    gives a part of one word.
    """
    text = command.text
    out: list[str] = []
    quote, end = "", 0
    for found in PLACEHOLDER.finditer(text):
        between = text[end : found.start()]
        quote = _quote_after(between, quote, command.origin)
        out += [between, placeholder(found.group(1), _command_context(text, found, quote))]
        end = found.end()
    if _quote_after(text[end:], quote, command.origin):
        raise DescriptionError(f"a quote in {command.name} does not close", str(command.origin))
    return f"{command.name} {''.join(out)}{text[end:]}".strip()


def _command_context(text: str, found: re.Match[str], quote: str) -> str:
    if quote:
        return "kickstart-double" if quote == '"' else "kickstart-single"
    before, after = text[: found.start()], text[found.end() :]
    alone = (not before or before[-1].isspace()) and (not after or after[0].isspace())
    return "kickstart-words" if alone else "kickstart-word"


def _quote_after(text: str, quote: str, origin: Origin) -> str:
    """The quote that is open behind a text, as shlex counts them."""
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
            "a backslash stands before an attribute or at the end", str(origin), "take it out"
        )
    return quote


def _head(title: str, nodes: Iterable[ProfileNode]) -> Iterator[Line]:
    yield Line((f"# {title}",), None)
    for node in nodes:
        for file in node.files:
            yield Line((f"#   {file}",), None)


def _commands(commands: Iterable[Command]) -> Iterator[Line]:
    """The commands, each exact repetition once."""
    written: set[str] = set()
    for command in commands:
        text = command_text(command)
        if text not in written:
            written.add(text)
            yield _line(SourceLine(text, command.origin))


def _packages(options: Sequence[Command], packages: Iterable[Package]) -> Iterator[Line]:
    given = dict.fromkeys(option.text for option in options)
    if options:
        yield _line(SourceLine(" ".join(["%packages", *given]), options[0].origin))
    else:
        yield Line(("%packages",), None)
    for package in packages:
        yield Line((package.name,), package.origins[0])
    yield from (Line(("%end",), None), BLANK)


def _scripts(scripts: Iterable[Script]) -> Iterator[Line]:
    names: dict[str, int] = {}
    for script in sorted(scripts, key=lambda script: ORDER.index(script.section)):
        node = os.path.splitext(os.path.basename(script.origin.file))[0]
        name = f"{script.section}-{node}"
        names[name] = names.get(name, 0) + 1
        folder = LOGS.get(
            " ".join([script.section, *(o for o in script.options if o == "--nochroot")]), ELSEWHERE
        )
        number = f"-{names[name]}" if names[name] > 1 else ""
        yield from _section(script, f"--log={folder}{name}{number}.log")


def _section(script: Script, log: str) -> Iterator[Line]:
    header = " ".join([f"%{script.section}", *script.options, *([log] if log else [])])
    yield _line(SourceLine(header, script.origin))
    yield from map(_line, script.lines)
    yield from (Line(("%end",), script.origin), BLANK)


def _line(source: SourceLine) -> Line:
    found = LINE_END.search(source.text)
    if found:
        raise DescriptionError(
            f"U+{ord(found.group()):04X} ends a line for the installer", str(source.origin)
        )
    return Line(split_references(source.text), source.origin)
