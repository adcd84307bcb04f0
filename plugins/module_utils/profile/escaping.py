# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a value is written where its reference stands, so that it stays a value.

A reference travels through the compiler as a mark in the text.  Whoever knows the language around it (command.py,
shell.py, script.py) gives it a context; each context is one rule below, a function from the value to the text.  A
rule that cannot write a value in its place raises ValueError with what stands in the way.
"""

from __future__ import annotations

import re
import shlex
from typing import Callable, Mapping

from .model import Piece, Reference

# Private-use characters: legal in XML, refused in source files (markup.py), so a mark is never somebody's text.
OPEN, CLOSE, AS = "\ue000", "\ue001", "\ue002"
RESERVED = re.compile(f"[{OPEN}{CLOSE}{AS}]")
PLACEHOLDER = re.compile(f"{OPEN}([^{CLOSE}{AS}]+)(?:{AS}([a-z-]+))?{CLOSE}")

# Every line of a <file> body starts with this; the script that writes the file takes it off again.
MARGIN = "|"

# What ends a line for the installer, which splits its input as Python's str.splitlines does.
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
LINE_END = re.compile(f"[{LINE_ENDS}]")
ODD_LINE_END = re.compile(f"[{LINE_ENDS[1:]}]")

# No rule need look at such a value twice: no language gives these characters a meaning inside a word.
PLAIN = re.compile(r"[A-Za-z0-9_.,:/@+-]+\Z")
IN_QUOTES = re.compile(r"[A-Za-z0-9_.,:/@+%=^ ()#&;*?!<>~|\[\]{}-]*\Z")
KICKSTART_UNSAFE = re.compile(r"[\s\"'\\#]")
FORBIDDEN = re.compile("[\x00\ud800-\udfff]")


def placeholder(name: str, context: str = "") -> str:
    """The reference to an attribute, as text."""
    return OPEN + name + (AS + context if context else "") + CLOSE


def referenced_names(text: str) -> list[str]:
    """The attributes that a text refers to, in order."""
    return [found.group(1) for found in PLACEHOLDER.finditer(text)]


def assign_context(text: str, context: str) -> str:
    """The text with this context for every reference that has none yet."""
    return PLACEHOLDER.sub(
        lambda found: placeholder(found.group(1), found.group(2) or context), text
    )


def unmark(text: str) -> str:
    """The text as its author wrote it, for messages."""
    return PLACEHOLDER.sub(r"&\1;", text)


def split_references(text: str) -> tuple[Piece, ...]:
    """A text with contextual references, taken apart for substitution."""
    parts: list[Piece] = []
    end = 0
    for found in PLACEHOLDER.finditer(text):
        if found.start() > end:
            parts.append(text[end : found.start()])
        parts.append(Reference(found.group(1), found.group(2) or "plain"))
        end = found.end()
    if end < len(text):
        parts.append(text[end:])
    return tuple(parts)


def escape(value: str, context: str) -> str:
    """The value as its context writes it.  Raises ValueError, naming what cannot be written there."""
    if PLAIN.match(value):
        return value
    if FORBIDDEN.search(value):
        raise ValueError("a NUL or half a character cannot be written anywhere")
    return ESCAPERS[context](value)


def _one_line(value: str) -> str:
    if LINE_END.search(value):
        raise ValueError("a line break cannot be written there")
    return value


def _only_newlines(value: str) -> str:
    found = ODD_LINE_END.search(value)
    if found:
        raise ValueError(
            f"U+{ord(found.group()):04X} ends a line for the installer, and cannot be written there"
        )
    return value


def _kickstart_word(value: str) -> str:
    """One word of a command, as shlex (the installer's reader) takes it apart; nothing when empty."""
    return shlex.quote(value) if KICKSTART_UNSAFE.search(_one_line(value)) else value


def _kickstart_words(value: str) -> str:
    """As many words as the value holds: ``<bootloader>&Bootloader;</bootloader>`` gives options."""
    try:
        words = shlex.split(value)
    except ValueError:
        raise ValueError("its quotes do not pair") from None
    return " ".join(_kickstart_word(word) or "''" for word in words)


def _kickstart_double(value: str) -> str:
    return re.sub(r'(["\\])', r"\\\1", _one_line(value))


def _kickstart_single(value: str) -> str:
    return _one_line(value).replace("'", r"'\''")


def _ansi(found: re.Match[str]) -> str:
    """A line end as bash's $'…' writes it: the one form of a shell word that does not break the line."""
    return "$'" + "".join(f"\\{byte:03o}" for byte in found.group().encode()) + "'"


# The installer ends a section at a line that begins with %end, whatever the script around it thinks of that line; so
# no value begins with a bare %.


def _guarded(value: str, guard: str) -> str:
    return guard + value if value.lstrip().startswith("%") else value


def _shell_word(value: str) -> str:
    """A piece of a word; nothing when empty, so that ``/export/&x;`` reads as written."""
    return "'" + _shell_single(value) + "'" if value else ""


def _shell_double(value: str) -> str:
    escaped = re.sub(r'([$`"\\])', r"\\\1", value)
    return _guarded(LINE_END.sub(lambda found: f'"{_ansi(found)}"', escaped), '""')


def _shell_single(value: str) -> str:
    return _guarded(
        LINE_END.sub(lambda found: f"'{_ansi(found)}'", value.replace("'", r"'\''")), "''"
    )


def _shell_here(value: str) -> str:
    """In a here-document that the shell expands; ``$()`` is empty, and keeps a line from being a delimiter or %end."""
    escaped = re.sub(r"([$`\\])", r"\\\1", _only_newlines(value))
    return _guarded(escaped.replace("\n", "\n$()"), "$()")


def _shell_here_line(value: str) -> str:
    return _shell_here(_one_line(value))


def _shell_literal(value: str) -> str:
    """In a here-document of the author's own that the shell does not expand: nothing can be escaped there."""
    if _guarded(value, "|") != value:
        raise ValueError("a leading '%' cannot be written there; a <file> takes any text")
    return _one_line(value)


def _comment(value: str) -> str:
    return LINE_END.sub(" ", value)


def _body(value: str) -> str:
    """In a file's content: every character as it is; the margin keeps its lines from being anything else."""
    return _only_newlines(value).replace("\n", "\n" + MARGIN)


def _body_twice(value: str) -> str:
    return _only_newlines(value).replace("\n", "\n" + MARGIN + MARGIN)


def _plain(value: str) -> str:
    return _within(PLAIN, value)


def _quoted(value: str) -> str:
    if _guarded(value, "|") != value:
        raise ValueError("a leading '%' cannot be written there; a <file> takes any text")
    return _within(IN_QUOTES, value)


def _within(allowed: re.Pattern[str], value: str) -> str:
    for character in value:
        if not allowed.match(character):
            raise ValueError(
                f"{character!r} cannot be written safely there; a <file> takes any text"
            )
    return value


ESCAPERS: Mapping[str, Callable[[str], str]] = {
    "kickstart-word": _kickstart_word,
    "kickstart-words": _kickstart_words,
    "kickstart-double": _kickstart_double,
    "kickstart-single": _kickstart_single,
    "shell-word": _shell_word,
    "shell-double": _shell_double,
    "shell-single": _shell_single,
    "shell-here": _shell_here,
    "shell-here-line": _shell_here_line,
    "shell-literal": _shell_literal,
    "comment": _comment,
    "body": _body,
    "body-twice": _body_twice,
    "plain": _plain,
    "quoted": _quoted,
}
