# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines of each %pre or %post, with every <file> replaced by the commands that write it."""

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
INTERPRETER = "--interpreter="
DELIMITER = "EOF"
STRIP = f"sed 's/^{MARGIN}//'"
# The installer reads such a line as the end of the section, or as the beginning of another.
# A reference before the "%" can have an empty value.
HAZARD = re.compile(
    rf"\s*(?:%(?:[a-z]|{PLACEHOLDER.pattern})|{PLACEHOLDER.pattern}(?:\s|{PLACEHOLDER.pattern})*%)"
)
# The contexts of references in a script that itself is behind a margin.
PROTECTED_CONTEXTS = {"shell-here": "shell-here-line", "body": "body-twice"}
UNSAFE = re.compile(r"[^A-Za-z0-9_./:@%+=,-]")


class Script(NamedTuple):
    """A section: ``options`` follow its %name."""

    section: str
    options: tuple[str, ...]
    lines: tuple[SourceLine, ...]
    origin: Origin

    def is_shell(self) -> bool:
        """Return whether the interpreter among the options is a shell."""
        return any(
            option.startswith(INTERPRETER) and is_shell(option[len(INTERPRETER) :])
            for option in self.options
        )


def script_lines(expander: Expander, element: Element, interpreter: str) -> list[SourceLine]:
    """Return the lines of a script, each reference with its context.

    Blank lines at either end are removed. Raises DescriptionError for a <file> in a script of
    another language than the shell's, or inside quotes.
    """
    return strip_blank_lines(
        _shell_lines(expander, element)
        if is_shell(interpreter)
        else _other_language_lines(expander, element, interpreter)
    )


def _other_language_lines(
    expander: Expander, element: Element, interpreter: str
) -> list[SourceLine]:
    lines = expander.lines(element)
    texts = annotate([line.text for line in lines], interpreter)
    return [SourceLine(text, line.origin) for line, text in zip(lines, texts)]


def _shell_lines(expander: Expander, element: Element) -> list[SourceLine]:
    file_commands: list[list[SourceLine]] = []  # generated commands, which need no contexts
    lines: list[SourceLine] = []
    places: dict[int, int] = {}
    chunks: list[Chunk] = []
    for chunk in expander.chunks(element):
        if isinstance(chunk, Chunk):
            chunks.append(chunk)
            continue
        lines += split_lines(chunks)
        chunks = []
        places[len(lines)] = len(file_commands)
        lines.append(SourceLine("", chunk.origin))
        file_commands.append(file_lines(expander, chunk))
    lines += split_lines(chunks)
    return _assign_contexts(lines, places, file_commands)


def _assign_contexts(
    lines: list[SourceLine], places: dict[int, int], file_commands: list[list[SourceLine]]
) -> list[SourceLine]:
    if not places and not any(OPEN in line.text for line in lines):
        return lines
    lexer = Lexer()
    texts: list[str] = []
    for number, line in enumerate(lines):
        if number in places and lexer.open:
            raise DescriptionError(
                "<file> is inside quotes or a here-document",
                str(line.origin),
                "close them before the <file>",
            )
        texts.append(lexer.line(line.text))
    if not lexer.complete:
        texts = [
            PLACEHOLDER.sub(lambda match: placeholder(match.group(1), "plain"), line.text)
            for line in lines
        ]
    out: list[SourceLine] = []
    for number, (line, text) in enumerate(zip(lines, texts)):
        out += (
            file_commands[places[number]] if number in places else [SourceLine(text, line.origin)]
        )
    return out


def file_lines(expander: Expander, element: Element) -> list[SourceLine]:
    """Return the commands that write a <file>."""
    if element.tag != "file":
        raise DescriptionError(f"<{element.tag}> is not permitted in a script", str(element.origin))
    options = element.attributes
    origin = element.origin
    path = quote_word(_check_path(options.get("name", ""), origin))
    content = _file_content(expander, element)
    arrow = ">>" if options.get("mode") == "append" else ">"
    out = [SourceLine(command, origin) for command in _make_parent(options["name"])]
    if options.get("mode") == "pipe":
        out += _pipe_lines(content, options, path, origin)
    elif options.get("expr"):
        expression = annotate([options["expr"]], BASH)[0]
        out.append(SourceLine(f"{{ {expression}; }} {arrow} {path}", origin))
        if content:
            raise DescriptionError(
                "<file> has both expr= and text", str(origin), "use two <file> elements"
            )
    elif content:
        write = _expanded_lines if options.get("vars") == "expanded" else _literal_lines
        out += write(content, f"{arrow} {path}", origin)
    else:
        out.append(SourceLine(f"touch {path}", origin))
    if options.get("owner"):
        out.append(SourceLine(f"chown {quote_word(options['owner'])} {path}", origin))
    if options.get("perms"):
        out.append(SourceLine(f"chmod {quote_word(options['perms'])} {path}", origin))
    return out


def _check_path(name: str, origin: Origin) -> str:
    if not name.startswith("/") and not PLACEHOLDER.match(name):
        raise DescriptionError(f'<file name="{unmark(name)}"> is not an absolute path', str(origin))
    return name


def _make_parent(name: str) -> list[str]:
    folder = os.path.dirname(name)
    return [f"mkdir -p {quote_word(folder)}"] if folder.count("/") > 1 else []


def _file_content(expander: Expander, element: Element) -> list[SourceLine]:
    """Return the lines between the line of the start tag and the line of the end tag."""
    include = element.attributes.get("include")
    if include:
        path = expander.layers.find_include(include, str(element.origin))
        return split_lines([Chunk(read_text(path), Origin(path, 1), tracks_lines=True)])
    lines = expander.lines(element)
    return lines[1:] if lines and not lines[0].text.strip() else lines


def _literal_lines(content: list[SourceLine], target: str, origin: Origin) -> list[SourceLine]:
    lines = [
        SourceLine(
            MARGIN + PLACEHOLDER.sub(lambda match: placeholder(match.group(1), "body"), line.text),
            line.origin,
        )
        for line in content
    ]
    return [
        SourceLine(f"{STRIP} {target} <<'{DELIMITER}'", origin),
        *lines,
        SourceLine(DELIMITER, origin),
    ]


def _expanded_lines(content: list[SourceLine], target: str, origin: Origin) -> list[SourceLine]:
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


def _pipe_lines(
    content: list[SourceLine], options: Mapping[str, str], path: str, origin: Origin
) -> list[SourceLine]:
    """Filter the file, or another file, through the commands in the element."""
    texts = annotate([line.text for line in content], BASH)
    commands = [SourceLine(text, line.origin) for text, line in zip(texts, content)]
    source = quote_word(options["src"]) if options.get("src") else path
    target = path if options.get("src") else f"{path}.rocks-new"
    out = [SourceLine("{", origin), *commands, SourceLine(f"}} < {source} > {target}", origin)]
    if not options.get("src"):
        # Through cat, so that the file keeps its owner and permissions.
        out.append(SourceLine(f"cat {target} > {path} && rm {target}", origin))
    return out


def quote_word(text: str) -> str:
    """Return a text as one word of the shell, its references still references."""
    parts: list[str] = []
    end = 0
    for match in PLACEHOLDER.finditer(text):
        parts += [_quote(text[end : match.start()]), placeholder(match.group(1), "shell-word")]
        end = match.end()
    return "".join([*parts, _quote(text[end:])])


def _quote(text: str) -> str:
    return shlex.quote(text) if UNSAFE.search(text) else text


def strip_blank_lines(lines: Sequence[SourceLine]) -> list[SourceLine]:
    """Remove blank lines at both ends."""
    filled = [number for number, line in enumerate(lines) if line.text.strip()]
    return list(lines[filled[0] : filled[-1] + 1]) if filled else []


def protect_end_markers(
    lines: Sequence[SourceLine], interpreter: str, origin: Origin
) -> Optional[list[SourceLine]]:
    """Return a script that writes this script to a file and runs it; None if that is not necessary.

    It is necessary if the installer would read a line as the end of the section. The margin
    prevents that.
    """
    if not any(HAZARD.match(line.text) for line in lines):
        return None
    inner = [
        SourceLine(MARGIN + PLACEHOLDER.sub(_protected_context, line.text), line.origin)
        for line in lines
    ]
    head = ["script=$(mktemp)", f"{STRIP} > \"$script\" <<'ROCKS-SCRIPT'"]
    tail = ["ROCKS-SCRIPT", f'{interpreter} "$script"', "status=$?", 'rm "$script"', "exit $status"]
    return [
        *(SourceLine(text, origin) for text in head),
        *inner,
        *(SourceLine(text, origin) for text in tail),
    ]


def _protected_context(match: re.Match[str]) -> str:
    context = match.group(2) or "plain"
    return placeholder(match.group(1), PROTECTED_CONTEXTS.get(context, context))


def reject_line_ends(lines: Sequence[SourceLine]) -> None:
    """Raise DescriptionError for a character that ends a line for the installer only."""
    for line in lines:
        match = LINE_END.search(line.text)
        if match:
            raise DescriptionError(
                f"U+{ord(match.group()):04X} ends a line for the installer", str(line.origin)
            )
