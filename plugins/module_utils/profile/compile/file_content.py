# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The contexts of references in the content of a <file>, by the language of the file."""

from __future__ import annotations

from typing import Optional, Sequence

from ...errors import DescriptionError
from ..escaping import OPEN, PLACEHOLDER
from . import here_documents
from .expansion import SourceLine, annotate_lines
from .file_languages import interpreter_of, language_of, unknown_contexts
from .shell_quoting import body_lexer

# In a file, nothing reads the line ends of a here-document in a script that it contains.
INNER_CONTEXTS = {"shell-here": "shell-here-line"}


def annotate_content(path: str, content: Sequence[SourceLine]) -> list[SourceLine]:
    """Assign contexts to the references in a file that is written as it is."""
    if not any(OPEN in line.text for line in content):
        return list(content)
    known = _known_contexts(path, content)
    return [
        SourceLine(
            here_documents.assign(
                line.text,
                [context or unknown for context, unknown in zip(row, unknown_contexts(line.text))],
            ),
            line.origin,
        )
        for line, row in zip(content, known)
    ]


def annotate_expanded_content(
    path: str, content: Sequence[SourceLine], delimiter: str
) -> list[SourceLine]:
    """Assign contexts to the references in a file that the shell expands on the node."""
    if not any(OPEN in line.text for line in content):
        return list(content)
    document = here_documents.HereDocument(delimiter)
    lexer = body_lexer()
    lines = []
    for line, row in zip(content, _known_contexts(path, content)):
        nested = lexer.inside_expansion
        text = lexer.line(line.text)
        try:
            text = here_documents.annotate_expanded(text, document, row, inside_expansion=nested)
        except ValueError as error:
            raise DescriptionError(str(error), str(line.origin)) from None
        lines.append(SourceLine(text, line.origin))
    if not lexer.complete:
        return [
            SourceLine(here_documents.assign(line.text, plain), line.origin)
            for line in content
            for plain in [["plain"] * len(PLACEHOLDER.findall(line.text))]
        ]
    return lines


def _known_contexts(path: str, content: Sequence[SourceLine]) -> list[list[Optional[str]]]:
    """Return the contexts that the file's language has, line by line; None: it is unknown."""
    interpreter = interpreter_of(path, [line.text for line in content])
    if interpreter:
        return [
            [
                INNER_CONTEXTS.get(match.group(2), match.group(2))
                for match in PLACEHOLDER.finditer(line.text)
            ]
            for line in annotate_lines(content, interpreter)
        ]
    language = language_of(path)
    if language is None:
        return [[None] * len(PLACEHOLDER.findall(line.text)) for line in content]
    return [list(language.contexts(line.text)) for line in content]
