# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The programs that a Python program starts, and their options, from its syntax tree.

An argument list that cannot be read is an error, so that all programs are checked: it must be a
list literal, or be composed from list literals in the same function or module.
"""

from __future__ import annotations

import ast
from typing import Iterator, NamedTuple, Optional, Union

UNKNOWN = "\0"  # an argument, or a part of it, that the program computes
SUBPROCESS = ("run", "call", "check_call", "check_output", "Popen")
Function = Union[ast.FunctionDef, ast.Module]


class Argv(NamedTuple):
    """A program that is started: its name, and all arguments that it can have."""

    program: str
    arguments: tuple[str, ...]
    line: int


def argvs(source: str) -> list[Argv]:
    """Return the programs that a source file starts by subprocess or os.exec."""
    return list(_Reader(ast.parse(source)).argvs())


class _Reader:
    def __init__(self, module: ast.Module) -> None:
        self.module = module
        self.functions = {
            node.name: node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)
        }
        # A function that passes its own parameter to subprocess: its callers have the list.
        self.runners = {
            name
            for name, node in self.functions.items()
            for call in ast.walk(node)
            if isinstance(call, ast.Call)
            and self._starts(call)
            and self._is_parameter(self._argument(call), node)
        }

    def argvs(self) -> Iterator[Argv]:
        functions: tuple[Function, ...] = (self.module, *self.functions.values())
        for function in functions:
            for call in _own_nodes(function):
                if not isinstance(call, ast.Call):
                    continue
                runner = isinstance(call.func, ast.Name) and call.func.id in self.runners
                if not runner and not self._starts(call):
                    continue
                argument = self._argument(call)
                if self._is_parameter(argument, function):
                    continue
                words = self._words(argument, function)
                if words is None or not words or UNKNOWN in words[0]:
                    raise AssertionError(
                        f"line {call.lineno}: the program and its arguments cannot be read"
                    )
                yield Argv(words[0], tuple(words[1:]), call.lineno)

    def _starts(self, call: ast.Call) -> bool:
        function = call.func
        if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
            return False
        where = function.value.id
        what = function.attr
        return (where == "subprocess" and what in SUBPROCESS) or (
            where == "os" and what.startswith(("exec", "spawn"))
        )

    def _argument(self, call: ast.Call) -> ast.expr:
        execs = isinstance(call.func, ast.Attribute) and call.func.attr.startswith("exec")
        return call.args[1 if execs else 0]

    def _is_parameter(self, argument: ast.expr, function: Function) -> bool:
        return (
            isinstance(argument, ast.Name)
            and isinstance(function, ast.FunctionDef)
            and argument.id in [parameter.arg for parameter in function.args.args]
        )

    def _words(self, node: ast.expr, function: Function) -> Optional[list[str]]:
        """Return the words that an expression can add to a list of arguments; None if it cannot be
        read.
        """
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self._text(item, function) for item in node.elts]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts = [self._words(node.left, function), self._words(node.right, function)]
        elif isinstance(node, ast.IfExp):
            parts = [self._words(node.body, function), self._words(node.orelse, function)]
        elif isinstance(node, ast.Name):
            parts = [self._words(value, function) for value in self._values(node.id, function)] or [
                None
            ]
        elif isinstance(node, ast.Attribute):
            parts = [self._words(value, self.module) for value in self._attribute(node.attr)] or [
                None
            ]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in self.functions
        ):
            called = self.functions[node.func.id]
            returned = [
                item.value
                for item in ast.walk(called)
                if isinstance(item, ast.Return) and item.value is not None
            ]
            parts = [self._words(value, called) for value in returned]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "list"
        ):
            return [UNKNOWN]
        else:
            return None
        return None if None in parts else [word for part in parts for word in part or []]

    def _text(self, node: ast.expr, function: Function) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            return self._text(node.left, function)
        if isinstance(node, ast.Name):
            texts = {self._text(value, function) for value in self._values(node.id, function)}
            return texts.pop() if len(texts) == 1 else UNKNOWN
        return UNKNOWN

    def _values(self, name: str, function: Function) -> list[ast.expr]:
        """Return what is assigned or added to a name in the function, else in the module."""
        for scope in (function, self.module):
            values = [
                node.value
                for node in _own_nodes(scope)
                if (
                    isinstance(node, ast.Assign)
                    and any(_is_name(target, name) for target in node.targets)
                )
                or (isinstance(node, ast.AugAssign) and _is_name(node.target, name))
            ]
            if values:
                return values
        return []

    def _attribute(self, name: str) -> list[ast.expr]:
        return [
            node.value
            for node in ast.walk(self.module)
            if isinstance(node, ast.Assign)
            and any(
                isinstance(target, ast.Attribute) and target.attr == name for target in node.targets
            )
        ]


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Return the nodes of a function without those of nested functions, in order."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, ast.FunctionDef):
            yield from _own_nodes(child)


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
