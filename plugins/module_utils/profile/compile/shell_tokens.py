# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tokens of the shell in each state of quoting, and the context of a reference there."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..escaping import CLOSE, OPEN
from .shell_commands import NUMBER, PLAIN

REFERENCE = f"{OPEN}[^{CLOSE}]*{CLOSE}"
# The lexer skips these as a whole.
WORD = r"[\w./:,=+@%-]+"
DELIMITER = r"(?:'[^']*'|\"[^\"]*\"|\\.|[\w.!%:+,@/=^~*?{}-])+"

EXPANSIONS = rf"""(?P<variable>\${REFERENCE})
    | (?P<arithmetic>\$\(\(|\$\[) | (?P<substitution>\$\() | (?P<brace>\${{) | (?P<backtick>`)
    | (?P<escape>\\(?:{REFERENCE}|.|$))"""
TOP = re.compile(
    rf"""{EXPANSIONS} | (?P<reference>{REFERENCE})
    | (?P<comment>(?:(?<=[\s;&|()])|^)\#.*)
    | (?P<herestring><<<) | (?P<heredoc><<-?\s*(?:{DELIMITER}|{REFERENCE})+) | (?P<unknown><<)
    | (?P<ansi>\$') | (?P<single>') | (?P<double>\$?")
    | (?P<redirection>[<>]&|&>>?|>\|) | (?P<evaluation>\(\() | (?P<group>\() | (?P<close>\))
    | (?P<subscript>(?<![\w./:,=+@%-])[A-Za-z_]\w*\[(?=[^\]]*{OPEN}))
    | (?P<word>{WORD}) | (?P<other>\s+|.)""",
    re.VERBOSE,
)
DOUBLE = re.compile(
    rf"{EXPANSIONS} | (?P<reference>{REFERENCE}) | (?P<close>\") | (?P<other>{WORD}|.)", re.VERBOSE
)
HERE = re.compile(rf"{EXPANSIONS} | (?P<reference>{REFERENCE}) | (?P<other>{WORD}|.)", re.VERBOSE)
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
BRACKETS = re.compile(rf"(?P<unsure>{REFERENCE})|(?P<brackets>\[)|(?P<close>\])|(?P<other>.)")
# The variable that a word assigns a value to.
ASSIGNED = re.compile(r"""(?:^|(?<=[\s;|&(]))([A-Za-z_]\w*)\+?=[^\s;|&]*\Z""")
# In ${…}, before the reference: a subscript, the offset of a substring, or a pattern.
NUMBER_IN_BRACE = re.compile(r"\$\{(?:!|[!#]?\w*(?:\[[^\]]*|(?:\[[^\]]*\])?:(?![-=?+])[^}]*))\Z")
PATTERN_IN_BRACE = re.compile(r"\$\{[!#]?\w*(?:\[[^\]]*\])?/[^}]*\Z")


class State(NamedTuple):
    """A quoting state: its tokens, and the context of a reference in it."""

    name: str
    tokens: re.Pattern[str]
    context: str


WORDS = State("words", TOP, "shell-word")
BODY = State("body", HERE, "shell-here")
STATES = {
    "double": State("double", DOUBLE, "shell-double"),
    "single": State("single", SINGLE, "shell-single"),
    "ansi": State("ansi", ANSI, PLAIN),
    "backtick": State("backtick", BACKTICK, PLAIN),
    "brace": State("brace", BRACE, PLAIN),
    "arithmetic": State("arithmetic", ARITHMETIC, NUMBER),
    "nested": State("nested", NESTED, NUMBER),
    "brackets": State("brackets", BRACKETS, NUMBER),
    "substitution": State("substitution", TOP, "shell-word"),
    "group": State("group", TOP, "shell-word"),
}
ORDINARY = frozenset(("words", "group", "substitution"))
# Tokens that begin a state of another name.
BEGINNINGS = {"evaluation": "arithmetic", "subscript": "brackets"}
