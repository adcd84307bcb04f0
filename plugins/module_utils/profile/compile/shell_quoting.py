# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Determine where in a script a reference is: in a word, quotes, a here-document or a comment.

This reads the shell's quoting, and of its grammar only which command a word belongs to. Where
quotes protect no value (arithmetic, subscripts, ``eval``) or where it cannot be sure (inside
backticks or ${…}; a ``case`` inside $(…); quotes that are never closed) the reference accepts only
numbers or plain values, which need no quoting anywhere.
"""

from __future__ import annotations

from typing import Collection, Optional, Sequence

from ..escaping import OPEN, PLACEHOLDER, assign_context, placeholder
from . import here_documents, other_languages
from .here_documents import HereDocument
from .shell_commands import EVALUATION, NUMBER, PLAIN, SHELLS, argument_context, numeric_names
from .shell_tokens import (
    ASSIGNED,
    BEGINNINGS,
    BODY,
    NUMBER_IN_BRACE,
    ORDINARY,
    PATTERN_IN_BRACE,
    STATES,
    WORDS,
    State,
)


class UnsafeLine(Exception):
    """A reference that no quoting makes safe; ``number`` is the index of its line."""

    def __init__(self, number: int, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.number = number
        self.what = what
        self.hint = hint or "write the value with a <file>, or outside the here-document"


class Command:
    """The words of a command so far. A part in quotes or a reference is an empty text."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.inside_word = False

    def add(self, text: str) -> None:
        if self.inside_word:
            self.words[-1] += text
        else:
            self.words.append(text)
        self.inside_word = True

    def add_operator(self, text: str) -> None:
        self.words.append(text)
        self.inside_word = False

    def other(self, token: str) -> None:
        """Read blanks, an operator, or a character without a meaning here."""
        if token in ("<", ">"):
            self.add_operator(token)
        elif token in (";", "|", "&") or (token in ("{", "}") and not self.inside_word):
            self.words = []
            self.inside_word = False
        elif token.isspace():
            self.inside_word = False
        else:
            self.add(token)


class Lexer:
    """Reads a script line by line, and assigns a context to every reference."""

    def __init__(self, base: State = WORDS, numbers: Collection[str] = ()) -> None:
        self.numbers = numbers
        self.stack = [base]
        self.commands = [Command()]
        self.heredocs: list[HereDocument] = []
        self.body: Optional[Lexer] = None
        self.continued = False
        self.sure = True

    def line(self, text: str) -> str:
        """Return the line with contexts. Raises ValueError for a reference that cannot be safe."""
        if self.heredocs and self.stack[-1].name in ORDINARY:
            return self._heredoc_line(text)
        if not self.continued and self.stack[-1].name in ORDINARY:
            self.commands[-1] = Command()
        out: list[str] = []
        position = 0
        while position < len(text):
            match = self.stack[-1].tokens.match(text, position)
            if match is None:  # a line separator that "." does not match
                out.append(text[position])
                position += 1
                continue
            out.append(self._token(str(match.lastgroup), match.group(), text, position))
            position = match.end()
        self.continued = (len(text) - len(text.rstrip("\\"))) % 2 == 1
        return "".join(out)

    @property
    def open(self) -> bool:
        """Whether the script so far ends inside quotes or a here-document."""
        return bool(self.heredocs) or self.stack[-1].name not in ORDINARY

    @property
    def inside_expansion(self) -> bool:
        """Whether the next line begins inside $(…), ${…} or the like, or continues this one."""
        return len(self.stack) > 1 or self.continued

    @property
    def complete(self) -> bool:
        """Whether everything is closed. If not, no context is reliable."""
        return self.sure and not self.heredocs and len(self.stack) == 1

    def _heredoc_line(self, text: str) -> str:
        heredoc = self.heredocs[0]
        if heredoc.ends_at(text):
            self.sure = self.sure and (self.body is None or self.body.complete)
            self.body = None
            self.heredocs.pop(0)
            return text
        if not heredoc.expanded:
            return here_documents.annotate_quoted(text, heredoc)
        self.body = self.body or body_lexer()
        nested = self.body.inside_expansion
        return here_documents.annotate_expanded(
            self.body.line(text),
            heredoc,
            heredoc.contexts(text),
            inside_expansion=nested,
        )

    def _token(self, kind: str, token: str, text: str, position: int) -> str:
        state = self.stack[-1]
        command = self.commands[-1]
        if kind == "reference":
            return self._reference(token, text, position)
        if kind in ("unsure", "variable", "escape"):
            if state.name in ORDINARY:
                command.add("")
            return assign_context(token, self._unsure_context(kind, state, text[:position]))
        if kind == "comment":
            if position == 0 and self.continued:
                return token[0] + self.line(token[1:])
            return assign_context(token, "comment")
        if kind in ("herestring", "redirection"):
            command.add_operator(token)
        elif kind in ("heredoc", "unknown"):
            self._begin_heredoc(token, text)
        elif kind == "word":
            command.add(token)
            if token == "case":
                self.sure = self.sure and all(
                    outer.name in ("words", "group") for outer in self.stack
                )
        elif kind == "close":
            self._close()
        elif kind in STATES or kind in BEGINNINGS:
            self._begin(STATES[BEGINNINGS.get(kind, "brackets" if token == "$[" else kind)])
        elif kind == "other" and state.name in ORDINARY:
            command.other(token)
        return token

    def _reference(self, token: str, text: str, position: int) -> str:
        state = self.stack[-1]
        command = self.commands[-1]
        if state.name in ORDINARY:
            command.add("")
        context = state.context
        if any(outer.name in ORDINARY for outer in self.stack):
            before = _without_references(text[:position])
            context = argument_context(command.words, _without_references(text), before) or context
            assigned = ASSIGNED.match(command.words[-1]) if state.name in ORDINARY else None
            assigned = assigned or ASSIGNED.search(before)
            if assigned and assigned.group(1) in self.numbers:
                context = NUMBER
        after = text[position + len(token) : position + len(token) + 1]
        if context == "shell-word" and after and after in "<>#":
            context = "shell-quoted"  # 2>file redirects another file, and an empty word# a comment
        return assign_context(token, context)

    def _unsure_context(self, kind: str, state: State, before: str) -> str:
        if kind != "unsure":
            return "not-empty"  # else the next character would be escaped, or the $ begin another
        if state.name == "brace":
            start = before.rfind("${")
            if NUMBER_IN_BRACE.match(before, start):
                return NUMBER
            if PATTERN_IN_BRACE.match(before, start):
                return "pattern"
        return NUMBER if EVALUATION.search(before) and state.context == PLAIN else state.context

    def _begin_heredoc(self, token: str, text: str) -> None:
        if OPEN in token:
            raise ValueError("an attribute cannot be in the delimiter of a here-document")
        if token == "<<":
            self.sure = False
        else:
            self.heredocs.append(here_documents.parse(token, _without_references(text)))

    def _begin(self, state: State) -> None:
        if self.stack[-1].name in ORDINARY:
            self.commands[-1].add("")
        self.stack.append(state)
        if state.name in ORDINARY:
            self.commands.append(Command())

    def _close(self) -> None:
        if len(self.stack) == 1:  # a single ")" belongs to a case
            self.commands[-1] = Command()
        elif self.stack.pop().name in ORDINARY:
            self.commands.pop()


def body_lexer() -> Lexer:
    """Return a lexer for the text of an expanded here-document."""
    return Lexer(BODY)


def annotate(lines: Sequence[str], interpreter: str, closed_at: Collection[int] = ()) -> list[str]:
    """Assign a context to every reference in the lines of a script.

    interpreter  the program's path; quotes of other languages than the shell's are read by line
    closed_at    numbers of lines that must not be inside quotes or a here-document

    Raises UnsafeLine for a reference that no quoting makes safe.
    """
    if not closed_at and not any(OPEN in line for line in lines):
        return list(lines)
    if not is_shell(interpreter):
        return [other_languages.annotate_line(line) for line in lines]
    lexer = Lexer(numbers=numeric_names(map(_without_references, lines)))
    annotated = []
    for number, line in enumerate(lines):
        if number in closed_at and lexer.open:
            raise UnsafeLine(number, "<file> is inside quotes or a here-document", "close them")
        try:
            annotated.append(lexer.line(line))
        except ValueError as error:
            raise UnsafeLine(number, str(error)) from None
    return annotated if lexer.complete else _annotate_unread(lines, annotated)


def _annotate_unread(lines: Sequence[str], annotated: Sequence[str]) -> list[str]:
    """Let every reference of a script whose quoting cannot be read accept plain values only."""
    documents = here_documents.possible_documents(map(_without_references, lines))
    for number, line in enumerate(lines):
        if OPEN in line and any(document.can_end_at(line) for document in documents):
            raise UnsafeLine(number, "the value could end a here-document")
    return [_plain_line(line, read) for line, read in zip(lines, annotated)]


def _plain_line(line: str, read: str) -> str:
    """Let the references of a line accept plain values, or numbers where those were read."""
    contexts = iter([match.group(2) for match in PLACEHOLDER.finditer(read)])
    return PLACEHOLDER.sub(
        lambda match: placeholder(match.group(1), NUMBER if next(contexts) == NUMBER else PLAIN),
        line,
    )


def _without_references(text: str) -> str:
    return PLACEHOLDER.sub("x", text)


def is_shell(interpreter: str) -> bool:
    """Return whether a program reads its script as a shell does."""
    return interpreter.rsplit("/", 1)[-1] in SHELLS
