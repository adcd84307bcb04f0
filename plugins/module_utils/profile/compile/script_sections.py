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
from ..escaping import MARGIN, PLACEHOLDER, placeholder, unmark
from ..model import Element, Origin, Text
from ..value_rules import LINE_END
from ..xml.reader import reject_reserved
from .expansion import Chunk, Expander, SourceLine, annotate_lines, split_lines
from .file_content import annotate_content, annotate_expanded_content
from .shell_quoting import is_shell

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
        else annotate_lines(expander.lines(element), interpreter)
    )


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
        write = program_lines if chunk.tag == "programs" else file_lines
        file_commands.append(write(expander, chunk))
    lines += split_lines(chunks)
    return _assign_contexts(lines, places, file_commands)


def _assign_contexts(
    lines: list[SourceLine], places: dict[int, int], file_commands: list[list[SourceLine]]
) -> list[SourceLine]:
    annotated = annotate_lines(lines, BASH, closed_at=places)
    out: list[SourceLine] = []
    for number, line in enumerate(annotated):
        out += file_commands[places[number]] if number in places else [line]
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
        (expression,) = annotate_lines([SourceLine(options["expr"], origin)], BASH)
        out.append(SourceLine(f"{{ {expression.text}; }} {arrow} {path}", origin))
        if content:
            raise DescriptionError(
                "<file> has both expr= and text", str(origin), "use two <file> elements"
            )
    elif content:
        write = _expanded_lines if options.get("vars") == "expanded" else _literal_lines
        out += write(options["name"], content, f"{arrow} {path}", origin)
    else:
        out.append(SourceLine(f"touch {_operand(options['name'])}", origin))
    if options.get("owner"):
        out.append(SourceLine(f"chown {_operand(options['owner'])} {path}", origin))
    if options.get("perms"):
        out.append(SourceLine(f"chmod {_operand(options['perms'])} {path}", origin))
    return out


def program_lines(expander: Expander, element: Element) -> list[SourceLine]:
    """Return the commands that write the profile's programs to the folder of a <programs>."""
    expander.programs.are_used = True
    folder = element.attributes.get("folder", "")
    lines: list[SourceLine] = []
    for name, path in sorted(expander.programs.paths.items()):
        text = reject_reserved(read_text(path), path)
        content = Text(f"\n{text}", Origin(path, 0), literal=True)
        attributes = {"name": f"{folder}/{name}", "perms": "0755"}
        file = Element("file", attributes, [content], element.origin)
        lines += file_lines(expander, file)
    return lines


def _check_path(name: str, origin: Origin) -> str:
    if not name.startswith("/") and not PLACEHOLDER.match(name):
        raise DescriptionError(f'<file name="{unmark(name)}"> is not an absolute path', str(origin))
    return name


def _make_parent(name: str) -> list[str]:
    folder = os.path.dirname(name)
    return [f"mkdir -p {_operand(folder)}"] if folder.count("/") > 1 else []


def _file_content(expander: Expander, element: Element) -> list[SourceLine]:
    """Return the lines between the line of the start tag and the line of the end tag."""
    include = element.attributes.get("include")
    if include:
        path = expander.layers.find_include(include, str(element.origin))
        return split_lines([Chunk(read_text(path), Origin(path, 1), tracks_lines=True)])
    lines = expander.lines(element)
    return lines[1:] if lines and not lines[0].text.strip() else lines


def _literal_lines(
    name: str, content: list[SourceLine], target: str, origin: Origin
) -> list[SourceLine]:
    lines = annotate_content(unmark(name), content)
    return [
        SourceLine(f"{STRIP} {target} <<'{DELIMITER}'", origin),
        *(SourceLine(MARGIN + line.text, line.origin) for line in lines),
        SourceLine(DELIMITER, origin),
    ]


def _expanded_lines(
    name: str, content: list[SourceLine], target: str, origin: Origin
) -> list[SourceLine]:
    lines = [
        SourceLine(f"$(){text}" if HAZARD.match(text) or text == DELIMITER else text, line.origin)
        for line in annotate_expanded_content(unmark(name), content, DELIMITER)
        for text in [line.text]
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
    commands = annotate_lines(content, BASH)
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


def _operand(text: str) -> str:
    """Return a text as a word that is no option, whatever value it begins with."""
    return ("-- " if PLACEHOLDER.match(text) else "") + quote_word(text)


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
