# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How an attribute's value is escaped at the place of its reference, so that it remains a value.

A reference passes through the compiler as a placeholder in the text. The code that knows the
surrounding language (kickstart.py, shell_quoting.py, file_languages.py) assigns it a context. Each
context has one function in ``ESCAPERS``, from the value to the text. It raises ValueError, naming
the obstacle, for a value that cannot be written there.

A context can have several steps, the innermost language first: ``unit-word+shell-here-line`` is a
word of a systemd unit that an expanded here-document writes. ``~TEXT`` after the last step refuses
the value that would complete the delimiter of a here-document.
"""

from __future__ import annotations

import re
import shlex
from typing import Callable, Mapping

from .file_escaping import FILE_ESCAPERS
from .model import Piece, Reference
from .value_rules import ANYWHERE, LINE_END, PLAIN, one_line, only_newlines, require

# Private-use characters: legal in XML, but the reader rejects them in files, so text never looks
# like a placeholder.
OPEN = "\ue000"
CLOSE = "\ue001"
CONTEXT = "\ue002"
RESERVED = re.compile(f"[{OPEN}{CLOSE}{CONTEXT}]")
PLACEHOLDER = re.compile(
    f"{OPEN}([^{CLOSE}{CONTEXT}]+)(?:{CONTEXT}([a-z+-]+(?:~[^{CLOSE}]*)?))?{CLOSE}"
)

# Every line of a <file> body begins with this; the script that writes the file removes it.
MARGIN = "|"

IN_QUOTES = re.compile(r"[A-Za-z0-9_.,:/@+%=^ ()&;*?!<>~|\[\]-]*\Z")
SHELL_PLAIN = re.compile(r"(?!.*\.\.)[A-Za-z0-9_./:@+-]+\Z")
SHELL_KEYWORDS = frozenset(
    (
        *("if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case"),
        *("esac", "in", "select", "function", "time", "coproc"),
    )
)
INTEGER = re.compile(r"-?(?:[0-9]+|0[xX][0-9A-Fa-f]+)?\Z")
PATTERN = re.compile(r"[A-Za-z0-9_.,:@+-]*\Z")
KICKSTART_UNSAFE = re.compile(r"[\s\"'\\#]")
FORBIDDEN = re.compile("[\x00\ud800-\udfff]")


def placeholder(name: str, context: str = "") -> str:
    """Return the text that represents the value of an attribute."""
    return OPEN + name + (CONTEXT + context if context else "") + CLOSE


def assign_context(text: str, context: str) -> str:
    """Assign the context to every reference that does not have one yet."""
    return PLACEHOLDER.sub(
        lambda match: placeholder(match.group(1), match.group(2) or context), text
    )


def unmark(text: str) -> str:
    """Return the text as its author wrote it, for messages."""
    return PLACEHOLDER.sub(r"&\1;", text)


def split_references(text: str) -> tuple[Piece, ...]:
    """Split a text into plain text and references, for substitution."""
    parts: list[Piece] = []
    end = 0
    for match in PLACEHOLDER.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        parts.append(Reference(match.group(1), match.group(2) or "plain"))
        end = match.end()
    if end < len(text):
        parts.append(text[end:])
    return tuple(parts)


def escape(value: str, context: str) -> str:
    """Write a value as its context requires. Raises ValueError, naming what cannot be written."""
    if FORBIDDEN.search(value):
        raise ValueError("a NUL or an unpaired surrogate cannot be written anywhere")
    steps, guarded, ending = context.partition("~")
    if guarded and value == ending:
        raise ValueError("it would end the here-document")
    text = value
    for step in steps.split("+"):
        if step in STRICT or not PLAIN.match(text):
            text = ESCAPERS[step](text)
    return text


def _kickstart_word(value: str) -> str:
    """Write one word of a command for shlex, the installer's reader; nothing if it is empty."""
    return shlex.quote(value) if KICKSTART_UNSAFE.search(one_line(value)) else value


def _kickstart_words(value: str) -> str:
    """Write as many words as the value contains: ``&Bootloader;`` can be several options."""
    try:
        words = shlex.split(value)
    except ValueError:
        raise ValueError("it has an unpaired quote") from None
    return " ".join(_kickstart_word(word) or "''" for word in words)


def _kickstart_double(value: str) -> str:
    return re.sub(r'(["\\])', r"\\\1", one_line(value))


def _kickstart_single(value: str) -> str:
    return one_line(value).replace("'", r"'\''")


def _ansi(match: re.Match[str]) -> str:
    """Write a line end as bash's $'…', the only form of a shell word on a single line."""
    return "$'" + "".join(f"\\{byte:03o}" for byte in match.group().encode()) + "'"


# The installer ends a section at a line that begins with %end, whatever that line means in the
# script. So no value may begin with a bare %.


def _guard_percent(value: str, guard: str) -> str:
    return guard + value if value.lstrip().startswith("%") else value


def _shell_word(value: str) -> str:
    """Write a part of a word; nothing if it is empty, so that ``/export/&x;`` reads as written."""
    if not value or (SHELL_PLAIN.match(value) and value not in SHELL_KEYWORDS):
        return value
    return _shell_quoted(value)


def _shell_quoted(value: str) -> str:
    return "'" + _shell_single(value) + "'"


def _shell_double(value: str) -> str:
    escaped = re.sub(r'([$`"\\])', r"\\\1", value)
    return _guard_percent(LINE_END.sub(lambda match: f'"{_ansi(match)}"', escaped), '""')


def _shell_single(value: str) -> str:
    return _guard_percent(
        LINE_END.sub(lambda match: f"'{_ansi(match)}'", value.replace("'", r"'\''")), "''"
    )


def _shell_here(value: str) -> str:
    """Write a value in a here-document that the shell expands.

    ``$()`` is empty; it keeps a line from being a delimiter or %end.
    """
    escaped = re.sub(r"([$`\\])", r"\\\1", only_newlines(value))
    return _guard_percent(escaped.replace("\n", "\n$()"), "$()")


def _shell_here_line(value: str) -> str:
    return _shell_here(one_line(value))


def _shell_literal(value: str) -> str:
    """Write a value in a here-document that the shell does not expand, without escaping."""
    if _guard_percent(value, "|") != value:
        raise ValueError(f"a leading '%' cannot be written here; {ANYWHERE}")
    return one_line(value)


def _shell_literal_tabs(value: str) -> str:
    if value.startswith("\t"):
        raise ValueError("the shell would remove a tab from the beginning of this line")
    return _shell_literal(value)


def _comment(value: str) -> str:
    return LINE_END.sub(" ", value)


def _body(value: str) -> str:
    """Write a value in a file's content: all characters unchanged, each line behind the margin."""
    return only_newlines(value).replace("\n", "\n" + MARGIN)


def _body_twice(value: str) -> str:
    return only_newlines(value).replace("\n", "\n" + MARGIN + MARGIN)


def _plain(value: str) -> str:
    return require(PLAIN, value)


def _not_empty(value: str) -> str:
    if not value:
        raise ValueError("an empty value cannot be written here")
    return _plain(value)


def _number(value: str) -> str:
    if not INTEGER.match(value):
        raise ValueError("only a whole number can be written in arithmetic and subscripts")
    return value


def _pattern(value: str) -> str:
    return require(PATTERN, value)


def _in_quotes(value: str) -> str:
    if _guard_percent(value, "|") != value:
        raise ValueError(f"a leading '%' cannot be written here; {ANYWHERE}")
    return require(IN_QUOTES, value)


ESCAPERS: Mapping[str, Callable[[str], str]] = {
    **FILE_ESCAPERS,
    "kickstart-word": _kickstart_word,
    "kickstart-words": _kickstart_words,
    "kickstart-double": _kickstart_double,
    "kickstart-single": _kickstart_single,
    "shell-word": _shell_word,
    "shell-quoted": _shell_quoted,
    "shell-double": _shell_double,
    "shell-single": _shell_single,
    "shell-here": _shell_here,
    "shell-here-line": _shell_here_line,
    "shell-literal": _shell_literal,
    "shell-literal-tabs": _shell_literal_tabs,
    "comment": _comment,
    "body": _body,
    "body-twice": _body_twice,
    "plain": _plain,
    "not-empty": _not_empty,
    "number": _number,
    "pattern": _pattern,
    "quoted": _in_quotes,
}
# Even a plain value can have a meaning here: braces with a comma, a file descriptor, a variable.
STRICT = frozenset(
    (
        *("shell-word", "shell-quoted", "number", "pattern", "unit-path", "sudoers"),
        *("yaml-scalar", "yaml-part", "certificate"),
    )
)
