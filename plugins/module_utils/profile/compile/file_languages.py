# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The language of a file that a node file writes, and how a value remains a value in it.

The path decides, or the first line of a script. In a file of an unknown language a reference that
is alone on its line can be any text, and another one any text of one line: whatever the language
is, a value adds no line to the author's.
"""

from __future__ import annotations

import re
from typing import Callable, Iterator, NamedTuple, Optional, Sequence

from ..escaping import PLACEHOLDER
from .shell_commands import code_context

ANY = "body"
ONE_LINE = "body-line"


class Language(NamedTuple):
    """A language whose lines can be read one by one."""

    name: str
    context: Callable[[str, str], str]
    """Takes the text of the line before a reference and after it; returns the context."""

    def contexts(self, line: str) -> Iterator[str]:
        """Yield the context of each reference in a line."""
        for match in PLACEHOLDER.finditer(line):
            before = PLACEHOLDER.sub("x", line[: match.start()])
            yield self.context(before, PLACEHOLDER.sub("x", line[match.end() :]))


def unknown_contexts(line: str) -> list[str]:
    """Return the contexts of the references in a line of a file of an unknown language."""
    alone = PLACEHOLDER.fullmatch(line.strip())
    return [ANY if alone else ONE_LINE for _match in PLACEHOLDER.finditer(line)]


def language_of(path: str) -> Optional[Language]:
    """Return the language of a file that is read line by line, or None if it is unknown."""
    return next((language for pattern, language in PATHS if pattern.search(path)), None)


def interpreter_of(path: str, lines: Sequence[str]) -> str:
    """Return the program that runs a file as a script, or an empty text."""
    if lines and lines[0].startswith("#!"):
        words = lines[0][2:].split()
        names = [word for word in words if not word.startswith("-") and "=" not in word]
        return next((word for word in names if not word.endswith("/env")), "")
    return "/bin/bash" if SHELL_PATHS.search(path) else ""


def _unit(before: str, _after: str) -> str:
    if re.match(r"\s*[#;]", before):
        return "unit-text"
    key = before.partition("=")[0].strip()
    if key in ("Description", "Documentation") or key.startswith("Condition"):
        return "unit-text"
    if re.fullmatch(r"\s*Exec\w+\s*=\s*[-@:+!]*", before):
        return "unit-path"
    return "unit-quoted" if before.count('"') % 2 else "unit-word"


def _yaml(before: str, after: str) -> str:
    quote = _open_quote(before)
    if quote:
        return "yaml-double" if quote == '"' else "yaml-single"
    if re.search(r"(?:^|\s)#", before):
        return ONE_LINE
    whole = re.fullmatch(r"(?:\s*-)*\s*(?:[\w.-]+:)?\s*", before) and (
        before == before.rstrip() + " " or not before.strip() or before.endswith((" ", "\t"))
    )
    return "yaml-scalar" if whole and re.fullmatch(r"\s*(?:\s#.*)?", after) else "yaml-part"


def _json(before: str, _after: str) -> str:
    return "yaml-double" if before.replace('\\"', "").count('"') % 2 else "number"


def _open_quote(before: str) -> str:
    quote = ""
    escaped = False
    for number, character in enumerate(before):
        if escaped:
            escaped = False
        elif quote == '"' and character == "\\":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and re.search(r"(?:^|[\s\[{,:-])\Z", before[:number]):
            quote = character
    return quote


UNIT = Language("a systemd unit", _unit)
SUDOERS = Language("sudoers", lambda _before, _after: "sudoers")
YAML = Language("YAML", _yaml)
JSON = Language("JSON", _json)
XML = Language("XML", lambda _before, _after: "xml-text")
COMMANDS = Language("commands", lambda before, after: code_context(before + after, before))

PATHS: Sequence[tuple[re.Pattern[str], Language]] = (
    (re.compile(r"/systemd/(?!.*\.sh\Z)|\.(?:service|socket|timer|mount|path|target)\Z"), UNIT),
    (re.compile(r"/sudoers(?:\Z|\.d/)"), SUDOERS),
    (re.compile(r"\.ya?ml\Z"), YAML),
    (re.compile(r"\.json\Z"), JSON),
    (re.compile(r"\.(?:xml|svg|html?)\Z"), XML),
    # Commands of GRUB, iPXE, cron and kickstart.
    (
        re.compile(r"/grub\.cfg|/(?:user|custom)\.cfg\Z|\.(?:ipxe|ks)\Z|/cron\.d/|/crontab\Z"),
        COMMANDS,
    ),
)
SHELL_PATHS = re.compile(
    r"\.(?:sh|bash)\Z|/etc/(?:profile(?:\.d/|\Z)|bashrc\Z|bash\.bashrc\Z|rc\.d/|rc\.local\Z|init\.d/)"
    r"|/etc/(?:sysconfig|default)/|/cron\.(?:hourly|daily|weekly|monthly)/|/\.bash\w+\Z|/\.profile\Z"
)
