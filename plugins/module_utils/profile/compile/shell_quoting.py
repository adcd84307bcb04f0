# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Determine where in a script a reference is: in a word, quotes, a here-document or a comment.

This reads the shell's quoting, not its grammar. Where it cannot be sure (inside backticks, ${…},
arithmetic; a ``case`` inside $(…); quotes that are never closed) the reference accepts only plain
values, which need no quoting anywhere.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..escaping import CLOSE, OPEN, PLACEHOLDER, assign_context, placeholder

SHELLS = frozenset(("sh", "bash", "dash", "ksh"))
REFERENCE = f"{OPEN}[^{CLOSE}]*{CLOSE}"
# The lexer skips these as a whole.
WORD = r"[\w./:,=+@%-]+"

TOP = re.compile(
    rf"""(?P<variable>\${REFERENCE}) | (?P<reference>{REFERENCE})
    | (?P<escape>\\(?:{REFERENCE}|.|$)) | (?P<comment>(?:(?<=[\s;&|()])|^)\#.*)
    | (?P<herestring><<<) | (?P<heredoc><<-?\s*(?:'[^']*'|"[^"]*"|\\?[\w.!%:+,@/-]+))
    | (?P<ansi>\$') | (?P<single>') | (?P<double>\$?")
    | (?P<arithmetic>\$?\(\() | (?P<substitution>\$\() | (?P<brace>\${{) | (?P<backtick>`)
    | (?P<group>\() | (?P<close>\)) | (?P<word>{WORD}) | (?P<other>\s+|.)""",
    re.VERBOSE,
)
DOUBLE = re.compile(
    rf"""(?P<variable>\${REFERENCE}) | (?P<reference>{REFERENCE})
    | (?P<escape>\\(?:{REFERENCE}|.|$)) | (?P<close>")
    | (?P<arithmetic>\$\(\() | (?P<substitution>\$\() | (?P<brace>\${{)
    | (?P<backtick>`) | (?P<other>{WORD}|.)""",
    re.VERBOSE,
)
SINGLE = re.compile(rf"(?P<reference>{REFERENCE})|(?P<close>')|(?P<other>{WORD}|.)")
ANSI = re.compile(
    rf"(?P<unsure>{REFERENCE})|(?P<escape>\\(?:{REFERENCE}|.|$))|(?P<close>')|(?P<other>.)"
)
BACKTICK = re.compile(
    rf"(?P<unsure>{REFERENCE})|(?P<escape>\\(?:{REFERENCE}|.|$))|(?P<close>`)|(?P<other>.)"
)
BRACE = re.compile(
    rf"(?P<unsure>{REFERENCE})|(?P<escape>\\(?:{REFERENCE}|.|$))"
    r"|(?P<brace>\$?{)|(?P<close>})|(?P<other>.)"
)
ARITHMETIC = re.compile(rf"(?P<unsure>{REFERENCE})|(?P<nested>\()|(?P<close>\)\))|(?P<other>.)")
NESTED = re.compile(rf"(?P<unsure>{REFERENCE})|(?P<nested>\()|(?P<close>\))|(?P<other>.)")
# An expanded here-document runs these; a value inside would be part of a command.
RUNS = re.compile(r"`|\$[({]")


class State(NamedTuple):
    """A quoting state: its tokens, and the context of a reference in it."""

    name: str
    tokens: re.Pattern[str]
    context: str


WORDS = State("words", TOP, "shell-word")
STATES = {
    "double": State("double", DOUBLE, "shell-double"),
    "single": State("single", SINGLE, "shell-single"),
    "ansi": State("ansi", ANSI, "plain"),
    "backtick": State("backtick", BACKTICK, "plain"),
    "brace": State("brace", BRACE, "plain"),
    "arithmetic": State("arithmetic", ARITHMETIC, "plain"),
    "nested": State("nested", NESTED, "plain"),
    "substitution": State("substitution", TOP, "shell-word"),
    "group": State("group", TOP, "shell-word"),
}
ORDINARY = frozenset(("words", "group", "substitution"))


class Heredoc(NamedTuple):
    """A here-document whose body follows."""

    delimiter: str
    tabs: bool
    context: str


class Lexer:
    """Reads a script line by line, and assigns a context to every reference."""

    def __init__(self) -> None:
        self.stack = [WORDS]
        self.heredocs: list[Heredoc] = []
        self.continued = False
        self.sure = True

    def line(self, text: str) -> str:
        """Return the line with contexts."""
        if self.heredocs and self.stack[-1].name in ORDINARY:
            return self._heredoc_line(text)
        out: list[str] = []
        position = 0
        while position < len(text):
            match = self.stack[-1].tokens.match(text, position)
            if match is None:  # a line separator that "." does not match
                out.append(text[position])
                position += 1
                continue
            out.append(self._token(str(match.lastgroup), match.group(), position))
            position = match.end()
        self.continued = (len(text) - len(text.rstrip("\\"))) % 2 == 1
        return "".join(out)

    @property
    def open(self) -> bool:
        """Whether the script so far ends inside quotes or a here-document."""
        return bool(self.heredocs) or self.stack[-1].name not in ORDINARY

    @property
    def complete(self) -> bool:
        """Whether everything is closed. If not, no context is reliable."""
        return self.sure and not self.heredocs and len(self.stack) == 1

    def _heredoc_line(self, text: str) -> str:
        heredoc = self.heredocs[0]
        if (text.lstrip("\t") if heredoc.tabs else text) == heredoc.delimiter:
            self.heredocs.pop(0)
            return text
        if heredoc.context == "shell-here" and RUNS.search(text):
            self.heredocs[0] = heredoc = heredoc._replace(context="plain")
        return assign_context(text, heredoc.context)

    def _token(self, kind: str, token: str, position: int) -> str:
        state = self.stack[-1]
        if kind == "reference":
            return assign_context(token, state.context)
        if kind in ("unsure", "variable", "escape"):
            return assign_context(token, "plain")
        if kind == "comment":
            if position == 0 and self.continued:
                return token[0] + self.line(token[1:])
            return assign_context(token, "comment")
        if kind == "heredoc":
            self.heredocs.append(_heredoc(token))
        elif kind == "word" and token == "case":
            self.sure = self.sure and all(outer.name in ("words", "group") for outer in self.stack)
        elif kind == "close":
            if len(self.stack) > 1:  # a single ")" at the top level belongs to a case
                self.stack.pop()
        elif kind in STATES:
            self.stack.append(STATES[kind])
        return token


def annotate(lines: list[str], interpreter: str) -> list[str]:
    """Assign a context to every reference in the lines of a script.

    interpreter  the program's path; quotes of other languages than the shell's are read by line
    """
    if not any(OPEN in line for line in lines):
        return lines
    if not is_shell(interpreter):
        return [_annotate_other_language(line) for line in lines]
    lexer = Lexer()
    annotated = [lexer.line(line) for line in lines]
    return annotated if lexer.complete else [assign_context(line, "plain") for line in lines]


def annotate_expanded(lines: list[str]) -> list[str]:
    """Assign contexts to the references in a text that the shell expands."""
    context = "plain" if any(RUNS.search(line) for line in lines) else "shell-here"
    return [assign_context(line, context) for line in lines]


def is_shell(interpreter: str) -> bool:
    """Return whether a program reads its script as a shell does."""
    return interpreter.rsplit("/", 1)[-1] in SHELLS


def _heredoc(token: str) -> Heredoc:
    body = token[2:]
    tabs = body.startswith("-")
    word = body.lstrip("-").strip()
    quoted = word[0] in "'\"\\"
    return Heredoc(
        word.strip("'\"").lstrip("\\"), tabs, "shell-literal" if quoted else "shell-here"
    )


def _annotate_other_language(line: str) -> str:
    """Annotate a line of another language; only references in simple quotes get a context."""
    return PLACEHOLDER.sub(
        lambda match: placeholder(match.group(1), _context_in_quotes(line[: match.start()])), line
    )


def _context_in_quotes(before: str) -> str:
    quote = ""
    for character in PLACEHOLDER.sub("", before):
        if character == "\\" or (character == "#" and not quote):
            return "plain"
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
    return "quoted" if quote else "plain"
