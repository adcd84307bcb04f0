# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines of here-documents: which value could end one, and what reads the text.

A line that equals the delimiter ends the document, whether the author or a value wrote it. In a
document that the shell expands, an empty ``$()`` before the line prevents that; in a quoted one,
the values that would complete the delimiter are refused.
"""

from __future__ import annotations

import re
from typing import Iterable, NamedTuple, Optional, Sequence

from ..escaping import PLACEHOLDER, placeholder
from . import file_languages
from .file_languages import Language
from .shell_commands import PLAIN, READS_CODE

OPERATOR = re.compile(r"<<(-?)\s*((?:'[^']*'|\"[^\"]*\"|\\.|[\w.!%:+,@/=^~*?{}-])+)")
TARGET = re.compile(r"(?<![<>&0-9])>{1,2}\|?\s*(/[^\s;|&<>]+)|\btee\s+(?:-\S+\s+)*(/[^\s;|&<>]+)")
GUARD = "$()"


class HereDocument(NamedTuple):
    """A here-document whose body follows."""

    delimiter: str
    tabs: bool = False
    """Whether the shell removes tabs at the beginning of each line (``<<-``)."""
    expanded: bool = True
    language: Optional[Language] = None
    """The language that the text is read in, if it is known."""

    def contexts(self, line: str) -> list[Optional[str]]:
        """Return the contexts of the references in a line; None: the language is unknown."""
        if self.language is None:
            return [None] * len(PLACEHOLDER.findall(line))
        return list(self.language.contexts(line))

    def ends_at(self, line: str) -> bool:
        return (line.lstrip("\t") if self.tabs else line) == self.delimiter

    def can_end_at(self, line: str) -> bool:
        """Return whether a line with references can equal the delimiter."""
        text = line.lstrip("\t") if self.tabs else line
        parts = PLACEHOLDER.split(text)[:: PLACEHOLDER.groups + 1]
        return bool(re.fullmatch(".*".join(map(re.escape, parts)), self.delimiter))


def parse(token: str, line: str) -> HereDocument:
    """Return the here-document of an operator with its delimiter, and of the line it is in."""
    match = OPERATOR.match(token)
    if match is None:
        raise ValueError(f"{token} has no delimiter")
    word = match.group(2)
    target = TARGET.search(line)
    path = (target.group(1) or target.group(2)).strip("\"'") if target else ""
    return HereDocument(
        delimiter=re.sub(r"'([^']*)'|\"([^\"]*)\"|\\(.)", r"\1\2\3", word),
        tabs=bool(match.group(1)),
        expanded=not re.search(r"['\"\\]", word),
        language=_language(path, line),
    )


def _language(path: str, line: str) -> Optional[Language]:
    if READS_CODE.search(line) or (path and file_languages.interpreter_of(path, ())):
        return file_languages.COMMANDS
    return file_languages.language_of(path) if path else None


def possible_documents(lines: Iterable[str]) -> list[HereDocument]:
    """Return every here-document that lines could begin, if their quoting cannot be read."""
    return [parse(match.group(), line) for line in lines for match in OPERATOR.finditer(line)]


def annotate_quoted(line: str, document: HereDocument) -> str:
    """Assign contexts to the references in a line that the shell does not expand."""
    if not PLACEHOLDER.search(line):
        return line
    literal = "shell-literal-tabs" if document.tabs else "shell-literal"
    if document.can_end_at(line):
        parts = PLACEHOLDER.split(line.lstrip("\t") if document.tabs else line)
        before, *_names, after = parts
        if len(parts) > PLACEHOLDER.groups + 2:
            raise ValueError("values could together end the here-document")
        literal += "~" + document.delimiter[len(before) : len(document.delimiter) - len(after)]
    contexts = document.contexts(line)
    return assign(line, [f"{context}+{literal}" if context else literal for context in contexts])


def annotate_expanded(
    line: str,
    document: HereDocument,
    languages: Sequence[Optional[str]],
    *,
    inside_expansion: bool,
) -> str:
    """Complete the contexts of a line that the shell expands.

    languages         the context of each reference in the language of the text, if it is known
    inside_expansion  the line begins inside $(…) or the like, where no guard can be written

    Raises ValueError if a value can end the document and no guard is possible.
    """
    references = list(PLACEHOLDER.finditer(line))
    if not references:
        return line
    alone = PLACEHOLDER.fullmatch(line.strip())
    contexts = []
    for match, language in zip(references, languages):
        context = match.group(2) or PLAIN
        if context == "shell-here" and language:
            context = f"{language}+shell-here-line"
        elif context == "shell-here" and not alone:
            context = "shell-here-line"
        contexts.append(context)
    text = assign(line, contexts)
    tabs = len(text) - len(text.lstrip("\t")) if document.tabs else 0
    begins = document.tabs and PLACEHOLDER.match(text, tabs)
    if not begins and not document.can_end_at(line):
        return text
    if inside_expansion:
        raise ValueError("the value could end the here-document")
    return text[:tabs] + GUARD + text[tabs:]


def assign(line: str, contexts: Sequence[str]) -> str:
    """Assign one context to each reference in a line."""
    names = iter(contexts)
    return PLACEHOLDER.sub(lambda match: placeholder(match.group(1), next(names)), line)
