# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands that read their arguments or their input as code, where quotes protect no value.

``eval 'x'`` runs x again, ``let`` and ``[[ x -eq y ]]`` evaluate arithmetic (whose subscripts run
commands), ``unset 'a[x]'`` evaluates a subscript, and ``bash -c``, ``ssh``, ``sed`` or ``awk`` have
a language of their own.
"""

from __future__ import annotations

import re
from typing import Iterable, Optional, Sequence

SHELLS = frozenset(("sh", "bash", "dash", "ksh", "zsh"))
# Their arguments, or a part of them, are code.
EVALUATORS = frozenset(
    (
        *("eval", "trap", "ssh", "scp", "su", "runuser", "at", "batch", "crontab", "watch"),
        *("script", "flock", "sed", "awk", "gawk", "mawk", "perl", "ruby", "lua", "php", "node"),
        *("expect", "tclsh", "bc", "dc", "mysql", "mariadb", "psql", "sqlite3", "nsupdate"),
        *("parted", "sfdisk", "debugfs"),
    )
)
PYTHON = re.compile(r"python[0-9.]*\Z|platform-python\Z")
# They run the command in their arguments.
WRAPPERS = frozenset(
    (
        *("sudo", "env", "nice", "ionice", "nohup", "exec", "command", "builtin", "setsid"),
        *("timeout", "time", "chroot", "xargs", "find", "stdbuf", "systemd-run", "unshare"),
        *("nsenter", "chrt", "taskset"),
    )
)
KEYWORDS = frozenset(("if", "then", "else", "elif", "do", "while", "until", "!", "{", "coproc"))
NAMES = frozenset(("unset", "read", "mapfile", "readarray", "getopts"))
TESTS = frozenset(("printf", "test", "[", "[["))
DECLARATIONS = frozenset(("declare", "typeset", "local", "readonly", "export"))

ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
CODE_OPTION = re.compile(r"-[A-Za-z]*[ceE]\Z")
COMPARISON = re.compile(r"\s-(?:eq|ne|lt|le|gt|ge)\s")
# Before a reference: arithmetic or a subscript that is not closed.
EVALUATION = re.compile(r"(?:\(\(|\$\[)[^)\]]*\Z")
SUBSCRIPT = re.compile(r"\w\[[^\]]*\Z")
LET = re.compile(r"\blet\s[^;|&]*\Z")
# Where a script evaluates the content of variables as arithmetic.
NUMERIC_REGION = re.compile(
    r"(?:\(\((.*?)\)\)|\$\[([^\]]*)\]|\w\[([^\]]*)\]|\$\{\w+:([^}]*)\}"
    r"|\[\[(.*?\s-(?:eq|ne|lt|le|gt|ge)\s.*?)\]\]|\blet\s([^;|&\n]*))"
)
INTEGERS = re.compile(r"\b(?:declare|typeset|local|readonly|export)\s+-\w*i\w*\s([^;|&\n]*)")
# A command at the beginning of a line, or after an operator or keyword.
START = r"(?:^|[;|&(]|\b(?:then|do|else|sudo|exec)\s)\s*(?:\S*/)?"
CODE_READERS = "|".join(
    sorted(SHELLS | EVALUATORS - {"trap", "scp"}) + [r"(?:platform-)?python[0-9.]*"]
)
READS_CODE = re.compile(rf"{START}(?:{CODE_READERS}|source|\.)(?=\s|$)")
PIPED_TO_CODE = re.compile(rf"\|\s*(?:sudo\s+)?(?:\S*/)?(?:{CODE_READERS})(?=[\s;|&)]|$)")

PLAIN = "plain"
NUMBER = "number"


def argument_context(words: Sequence[str], line: str, before: str) -> Optional[str]:
    """Return the context of a reference in a command, or None if quotes protect it.

    words   the words of the command before the reference, and the part of its own word
    line    the whole line
    before  the line's text before the reference
    """
    command, arguments = _split_command(words)
    if PIPED_TO_CODE.search(line) or _runs_code(command, words):
        return code_context(line, before)
    if "<<<" in words:
        return code_context(line, before) if READS_CODE.search(line) else None
    if command == "let" or (command == "[[" and COMPARISON.search(line)):
        return NUMBER
    if command in DECLARATIONS:
        context = _declaration_context(arguments)
        return context and (NUMBER if SUBSCRIPT.search(before) else context)
    tests_variable = command in TESTS and ("-v" in words or "-R" in words)
    return code_context("", before) if command in NAMES or tests_variable else None


def code_context(line: str, before: str) -> str:
    """Return the context of a reference in code that only plain values cannot leave.

    Even those are refused where a shell would read a name of a variable and evaluate its content.
    """
    evaluated = EVALUATION.search(before) or SUBSCRIPT.search(before)
    return NUMBER if evaluated or COMPARISON.search(line) or LET.search(before) else PLAIN


def numeric_names(lines: Iterable[str]) -> frozenset[str]:
    """Return the variables of a shell script that it evaluates as numbers."""
    text = "\n".join(lines)
    names = {
        name
        for pattern in (NUMERIC_REGION, INTEGERS)
        for match in pattern.finditer(text)
        for region in match.groups()
        for name in re.findall(r"[A-Za-z_]\w*", region or "")
    }
    return frozenset(names)


def _runs_code(command: str, words: Sequence[str]) -> bool:
    names = map(_base_name, words) if command in WRAPPERS else (command,)
    return any(name in EVALUATORS for name in names) or _has_code_option(words)


def _split_command(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    for number, word in enumerate(words):
        if word not in KEYWORDS and not ASSIGNMENT.match(word):
            return _base_name(word), words[number + 1 :]
    return "", ()


def _base_name(word: str) -> str:
    return word.rpartition("/")[2]


def _has_code_option(words: Sequence[str]) -> bool:
    """Return whether one of the words is a shell or Python, and a later one is ``-c`` or ``-e``."""
    for number, word in enumerate(words):
        name = _base_name(word)
        if name in SHELLS or PYTHON.match(name):
            return any(CODE_OPTION.match(option) for option in words[number + 1 :])
    return False


def _declaration_context(arguments: Sequence[str]) -> Optional[str]:
    """Only the value of a plain variable is protected: not a name, an array, or a number."""
    options = "".join(word for word in arguments if word.startswith("-"))
    if "i" in options:
        return NUMBER
    if set(options) & set("aAn"):
        return PLAIN
    return None if arguments and ASSIGNMENT.match(arguments[-1]) else PLAIN
