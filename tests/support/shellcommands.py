# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The programs that a shell script runs, and their options, from the syntax tree that shfmt prints.

A command whose name the script computes is an error, unless the script assigns all of its values
literally.
"""

from __future__ import annotations

import functools
import itertools
import json
from typing import Any, Iterator, NamedTuple, Sequence

from ansible_collections.npaci.rocks.plugins.module_utils import process

UNKNOWN = "\0"  # a part of a word that the script computes
# Words before the name of the command.
PREFIXES = ("exec", "command", "builtin")
# Programs that run the rest of their arguments; programs whose command is hard to separate from
# their options.
STARTERS = (("setsid",), ("nohup",))
OPAQUE = frozenset(
    [
        "env",
        "nice",
        "timeout",
        "xargs",
        "flock",
        "chroot",
        "unshare",
        "nsenter",
        "runuser",
        "su",
        "sudo",
    ]
)
SHELLS = ("sh", "bash")


class Call(NamedTuple):
    """A command of a script: its possible names (several from a variable), and its arguments."""

    names: tuple[str, ...]
    arguments: tuple[str, ...]
    line: int


@functools.cache
def builtins() -> frozenset[str]:
    """Return the builtin commands of bash."""
    return frozenset(process.run(["bash", "-c", "compgen -b"], timeout=20).stdout.split())


@functools.cache
def calls(script: str) -> tuple[Call, ...]:
    """Return the external commands of a script, in substitutions, functions, traps and `find -exec`
    too.
    """
    tree = json.loads(
        process.run(["shfmt", "-ln", "bash", "--to-json"], timeout=20, stdin=script).stdout
    )
    variables = _variables(tree)
    functions = {node["Name"]["Value"] for node in _nodes(tree, "FuncDecl")}
    result: list[Call] = []
    for node in _nodes(tree, "CallExpr"):
        words = [_values(word, variables) for word in node.get("Args") or []]
        result += _calls(words, node["Pos"]["Line"])
    internal = builtins() | functions
    return tuple(call for call in result if not set(call.names) <= internal)


def options(arguments: Sequence[str]) -> Iterator[str]:
    """Return the options among the arguments, without values in the same word."""
    for word in itertools.takewhile(lambda word: word != "--", arguments):
        if word.startswith("-") and word != "-" and not word.startswith(UNKNOWN):
            yield word.partition("=")[0].partition(UNKNOWN)[0]


def _nodes(tree: Any, kind: str) -> Iterator[Any]:
    if isinstance(tree, dict):
        if tree.get("Type") == kind:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for child in tree:
            yield from _nodes(child, kind)


def _variables(tree: Any) -> dict[str, tuple[str, ...]]:
    """Return the values of the variables that have only literal assignments."""
    values: dict[str, list[str]] = {
        node["Name"]["Value"]: [UNKNOWN] for node in _nodes(tree, "WordIter")
    }
    for node in _assignments(tree):
        value = _values(node["Value"], {}) if node.get("Value") else ("",)
        values.setdefault(node["Name"]["Value"], []).extend(value)
    return {
        name: tuple(dict.fromkeys(literals))
        for name, literals in values.items()
        if not _is_computed(literals)
    }


def _is_computed(values: Sequence[str]) -> bool:
    return any(UNKNOWN in value for value in values)


def _assignments(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict):
        yield from tree.get("Assigns") or []
        tree = list(tree.values())
    if isinstance(tree, list):
        for child in tree:
            yield from _assignments(child)


def _values(word: Any, variables: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the possible texts of a word; UNKNOWN stands for parts that the script computes."""
    parts = [_part(part, variables) for part in word.get("Parts") or []]
    return tuple("".join(choice) for choice in itertools.product(*parts))


def _part(part: Any, variables: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    kind = part["Type"]
    if kind == "Lit":
        return (part.get("Value", "").replace("\\\n", "").replace("\\", ""),)
    if kind == "SglQuoted":
        return (part.get("Value", ""),)
    if kind == "DblQuoted":
        return _values(part, variables)
    if kind == "ParamExp" and set(part) <= {
        "Type",
        "Pos",
        "End",
        "Dollar",
        "Rbrace",
        "Short",
        "Param",
    }:
        return variables.get(part["Param"]["Value"], (UNKNOWN,))
    return (UNKNOWN,)


def _calls(words: list[tuple[str, ...]], line: int) -> Iterator[Call]:
    """Return the commands of a simple command: itself, and those in its arguments."""
    while words and words[0][0] in PREFIXES and len(words[0]) == 1:
        if words[0][0] == "command" and words[1:] and words[1][0] in ("-v", "-V"):
            return  # only checks whether a program exists
        words = words[1:]
    if not words:
        return
    names = words[0]
    arguments = [word[0] if len(word) == 1 else UNKNOWN for word in words[1:]]
    if _is_computed(names):
        raise AssertionError(
            f"line {line}: the name of a command is computed, so it cannot be checked"
        )
    if names == ("find",) and "-exec" in arguments:
        at = arguments.index("-exec")
        end = next(index for index in range(at, len(arguments)) if arguments[index] in ("+", ";"))
        yield from _calls([(word,) for word in arguments[at + 1 : end]], line)
        arguments = arguments[: at + 1] + arguments[end + 1 :]
    elif names in STARTERS:
        yield from _calls(words[1:], line)
    elif names[0] in OPAQUE:
        raise AssertionError(
            f"line {line}: {names[0]} runs another program, which cannot be checked"
        )
    elif names in (("trap",), ("eval",)) or (names[0] in SHELLS and "-c" in arguments):
        code = arguments[arguments.index("-c") + 1] if "-c" in arguments else arguments[0]
        if UNKNOWN in code:
            raise AssertionError(f"line {line}: the code that {names[0]} runs is computed")
        for call in calls(code):
            yield call._replace(line=line)
    yield Call(names, tuple(arguments), line)
