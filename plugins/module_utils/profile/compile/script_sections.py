# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Scripts: the lines of one %pre or %post, with every <file> in them turned into the commands that write it."""

from __future__ import annotations

import os
import re
import shlex
from typing import Mapping, NamedTuple, Optional, Sequence

from ...errors import DescriptionError
from ...files import read_text
from ..escaping import LINE_END, MARGIN, OPEN, PLACEHOLDER, placeholder, unmark
from ..model import Element, Origin
from .expansion import Chunk, Expander, SourceLine, split_lines
from .shell_quoting import Lexer, annotate, annotate_expanded, is_shell

BASH = "/bin/bash"
DELIMITER = "EOF"
STRIP = f"sed 's/^{MARGIN}//'"
# What the installer would take for the end of the section, or for the beginning of another.
HAZARD = re.compile(rf"\s*%(?:[a-z]|{PLACEHOLDER.pattern})")
# How references are written in a script that itself stands behind a margin.
SHELTERED = {"shell-here": "shell-here-line", "body": "body-twice"}
UNSAFE = re.compile(r"[^A-Za-z0-9_./:@%+=,-]")


class Script(NamedTuple):
    """One section: ``options`` as they stand behind its %name."""

    section: str
    options: tuple[str, ...]
    lines: tuple[SourceLine, ...]
    origin: Origin


def script_lines(workshop: Expander, element: Element, interpreter: str) -> list[SourceLine]:
    """The lines of a script, every reference with its context, without blank lines at either end.

    Raises DescriptionError for a <file> in a script of another language than the shell's, or inside quotes.
    """
    return strip_blank_lines(
        _shell_body(workshop, element)
        if is_shell(interpreter)
        else _foreign(workshop, element, interpreter)
    )


def _foreign(workshop: Expander, element: Element, interpreter: str) -> list[SourceLine]:
    lines = workshop.lines(element)
    texts = annotate([line.text for line in lines], interpreter)
    return [SourceLine(text, line.origin) for line, text in zip(lines, texts)]


def _shell_body(workshop: Expander, element: Element) -> list[SourceLine]:
    written: list[list[SourceLine]] = []  # our own commands: not to be read again
    lines: list[SourceLine] = []
    places: dict[int, int] = {}
    chunks: list[Chunk] = []
    for chunk in workshop.chunks(element):
        if isinstance(chunk, Chunk):
            chunks.append(chunk)
            continue
        lines += split_lines(chunks)
        chunks = []
        places[len(lines)] = len(written)
        lines.append(SourceLine("", chunk.origin))
        written.append(file_lines(workshop, chunk))
    lines += split_lines(chunks)
    return _read(lines, places, written)


def _read(
    lines: list[SourceLine], places: dict[int, int], written: list[list[SourceLine]]
) -> list[SourceLine]:
    if not places and not any(OPEN in line.text for line in lines):
        return lines
    lexer = Lexer()
    texts: list[str] = []
    for number, line in enumerate(lines):
        if number in places and lexer.open:
            raise DescriptionError(
                "<file> stands inside quotes or a here-document",
                str(line.origin),
                "close them before it",
            )
        texts.append(lexer.line(line.text))
    if not lexer.finished:
        texts = [
            PLACEHOLDER.sub(lambda found: placeholder(found.group(1), "plain"), line.text)
            for line in lines
        ]
    out: list[SourceLine] = []
    for number, (line, text) in enumerate(zip(lines, texts)):
        out += written[places[number]] if number in places else [SourceLine(text, line.origin)]
    return out


def file_lines(workshop: Expander, element: Element) -> list[SourceLine]:
    """The commands that write a <file>."""
    if element.tag != "file":
        raise DescriptionError(f"<{element.tag}> cannot stand in a script", str(element.origin))
    given, origin = element.attributes, element.origin
    path = quote_word(_path(given.get("name", ""), origin))
    content = _content(workshop, element)
    arrow = ">>" if given.get("mode") == "append" else ">"
    commands = [*_parent(given["name"])]
    out = [SourceLine(command, origin) for command in commands]
    if given.get("mode") == "pipe":
        out += _pipe(content, given, path, origin)
    elif given.get("expr"):
        expression = annotate([given["expr"]], BASH)[0]
        out.append(SourceLine(f"{{ {expression}; }} {arrow} {path}", origin))
        if content:
            raise DescriptionError(
                "<file> has both expr= and text", str(origin), "write two <file>s"
            )
    elif content:
        write = _expanded if given.get("vars") == "expanded" else _literal
        out += write(content, f"{arrow} {path}", origin)
    else:
        out.append(SourceLine(f"touch {path}", origin))
    if given.get("owner"):
        out.append(SourceLine(f"chown {quote_word(given['owner'])} {path}", origin))
    if given.get("perms"):
        out.append(SourceLine(f"chmod {quote_word(given['perms'])} {path}", origin))
    return out


def _path(name: str, origin: Origin) -> str:
    if not name.startswith("/") and not PLACEHOLDER.match(name):
        raise DescriptionError(f'<file name="{unmark(name)}"> is not a path from /', str(origin))
    return name


def _parent(name: str) -> list[str]:
    folder = os.path.dirname(name)
    return [f"mkdir -p {quote_word(folder)}"] if folder.count("/") > 1 else []


def _content(workshop: Expander, element: Element) -> list[SourceLine]:
    """The lines of the file: from behind the line of the start tag to before the line of the end tag."""
    include = element.attributes.get("include")
    if include:
        path = workshop.sources.find_include(include, str(element.origin))
        return split_lines([Chunk(read_text(path), Origin(path, 1), True)])
    lines = workshop.lines(element)
    return lines[1:] if lines and not lines[0].text.strip() else lines


def _literal(content: list[SourceLine], target: str, origin: Origin) -> list[SourceLine]:
    lines = [
        SourceLine(
            MARGIN + PLACEHOLDER.sub(lambda found: placeholder(found.group(1), "body"), line.text),
            line.origin,
        )
        for line in content
    ]
    return [
        SourceLine(f"{STRIP} {target} <<'{DELIMITER}'", origin),
        *lines,
        SourceLine(DELIMITER, origin),
    ]


def _expanded(content: list[SourceLine], target: str, origin: Origin) -> list[SourceLine]:
    texts = annotate_expanded([line.text for line in content])
    lines = [
        SourceLine(f"$(){text}" if HAZARD.match(text) or text == DELIMITER else text, line.origin)
        for line, text in zip(content, texts)
    ]
    return [
        SourceLine(f"cat {target} <<{DELIMITER}", origin),
        *lines,
        SourceLine(DELIMITER, origin),
    ]


def _pipe(
    content: list[SourceLine], given: Mapping[str, str], path: str, origin: Origin
) -> list[SourceLine]:
    """The file, or another one, through the commands that the element holds."""
    texts = annotate([line.text for line in content], BASH)
    commands = [SourceLine(text, line.origin) for text, line in zip(texts, content)]
    source = quote_word(given["src"]) if given.get("src") else path
    target = path if given.get("src") else f"{path}.rocks-new"
    out = [SourceLine("{", origin), *commands, SourceLine(f"}} < {source} > {target}", origin)]
    if not given.get("src"):
        # Through cat, so that the file keeps its owner and permissions.
        out.append(SourceLine(f"cat {target} > {path} && rm {target}", origin))
    return out


def quote_word(text: str) -> str:
    """A text as one word of the shell, its references still references."""
    parts: list[str] = []
    end = 0
    for found in PLACEHOLDER.finditer(text):
        parts += [_quoted(text[end : found.start()]), placeholder(found.group(1), "shell-word")]
        end = found.end()
    return "".join([*parts, _quoted(text[end:])])


def _quoted(text: str) -> str:
    return shlex.quote(text) if UNSAFE.search(text) else text


def strip_blank_lines(lines: Sequence[SourceLine]) -> list[SourceLine]:
    """The lines without blank ones at either end."""
    filled = [number for number, line in enumerate(lines) if line.text.strip()]
    return list(lines[filled[0] : filled[-1] + 1]) if filled else []


def protect_end_markers(
    lines: Sequence[SourceLine], interpreter: str, origin: Origin
) -> Optional[list[SourceLine]]:
    """The script by way of a file, when a line of it would end the section; else None.

    The margin keeps the line from being read as %end; then the interpreter runs the file.
    """
    if not any(HAZARD.match(line.text) for line in lines):
        return None
    inner = [
        SourceLine(MARGIN + PLACEHOLDER.sub(_one_line_form, line.text), line.origin)
        for line in lines
    ]
    head = ["script=$(mktemp)", f"{STRIP} > \"$script\" <<'ROCKS-SCRIPT'"]
    tail = ["ROCKS-SCRIPT", f'{interpreter} "$script"', "status=$?", 'rm "$script"', "exit $status"]
    return [
        *(SourceLine(text, origin) for text in head),
        *inner,
        *(SourceLine(text, origin) for text in tail),
    ]


def _one_line_form(found: re.Match[str]) -> str:
    context = found.group(2) or "plain"
    return placeholder(found.group(1), SHELTERED.get(context, context))


def reject_line_ends(lines: Sequence[SourceLine]) -> None:
    """Raise DescriptionError for a character that ends a line for the installer but not for anybody else."""
    for line in lines:
        found = LINE_END.search(line.text)
        if found:
            raise DescriptionError(
                f"U+{ord(found.group()):04X} ends a line for the installer", str(line.origin)
            )
