# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Boolean dependencies (rpm.org, "Boolean Dependencies"): ``(a and b)``, ``(a if b else c)``, ``(a with b)`` …"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple, Optional, Union

from ...errors import DescriptionError
from ..evr import parse_evr
from .capabilities import FLAGS, Capability

OPERATORS = ("and", "or", "if", "unless", "with", "without", "else")
# A name may hold brackets: perl(Foo), libc.so.6(GLIBC_2.34)(64bit).
_TOKEN = re.compile(r"\s*(\((?=\s)|\(|\)|[^\s()]+(?:\([^\s()]*\))*)")


class RichDependency(NamedTuple):
    """An operation on two dependencies, and for ``if`` and ``unless`` on a third (``else``)."""

    operator: str
    left: Dependency
    right: Dependency
    otherwise: Optional[Dependency] = None


Dependency = Union[Capability, RichDependency]


def parse_rich(text: str) -> Dependency:
    """The dependency that a text in brackets means.  Raises DescriptionError when it means none."""
    tokens = _Tokens(text)
    found = _bracket(tokens)
    if tokens.peek():
        raise tokens.fault()
    return found


def is_satisfiable(dependency: Dependency, is_met: Callable[[Capability], bool]) -> bool:
    """Whether some choice of packages can meet it.

    is_met  tells whether anything provides a capability

    A conditional dependency is met by leaving its condition out.
    """
    if isinstance(dependency, Capability):
        return is_met(dependency)
    left = is_satisfiable(dependency.left, is_met)
    right = is_satisfiable(dependency.right, is_met)
    otherwise = dependency.otherwise is None or is_satisfiable(dependency.otherwise, is_met)
    if dependency.operator == "or":
        return left or right
    if dependency.operator == "if":
        return (left and right) or otherwise
    if dependency.operator == "unless":
        return left or (right and dependency.otherwise is not None and otherwise)
    return left if dependency.operator == "without" else left and right


class _Tokens:
    """The words of a dependency, one after another."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._words = [match.group(1) for match in _TOKEN.finditer(text)]
        self._next = 0

    def peek(self) -> str:
        return self._words[self._next] if self._next < len(self._words) else ""

    def take(self) -> str:
        word = self.peek()
        self._next += 1
        return word

    def fault(self) -> DescriptionError:
        return DescriptionError(f'"{self.text}" is no boolean dependency')


def _bracket(tokens: _Tokens) -> Dependency:
    if tokens.take() != "(":
        raise tokens.fault()
    found = _operand(tokens)
    while tokens.peek() in OPERATORS:
        operator = tokens.take()
        operand = _operand(tokens)
        if operator != "else":
            found = RichDependency(operator, found, operand)
        elif isinstance(found, RichDependency) and found.operator in ("if", "unless"):
            found = found._replace(otherwise=operand)
        else:
            raise tokens.fault()
    if tokens.take() != ")":
        raise tokens.fault()
    return found


def _operand(tokens: _Tokens) -> Dependency:
    if tokens.peek() == "(":
        return _bracket(tokens)
    name = tokens.take()
    if not name or name == ")" or name in OPERATORS:
        raise tokens.fault()
    flags = FLAGS.get(tokens.peek())
    if flags is None:
        return Capability(name)
    tokens.take()
    evr = parse_evr(tokens.take())
    return Capability(name, flags, evr.epoch, evr.version, evr.release)
