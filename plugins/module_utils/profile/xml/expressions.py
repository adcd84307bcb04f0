# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Conditions: a small expression language over attributes, in place of the original's Python ``eval``.

    or · and · not · == != < <= > >= · in, not in · is None, is not None · (…) · [a, b] · 'text' 7 7.5 True False None

A bare name is an attribute; names may hold dots.  An undefined attribute is None: it equals nothing but None, and no
order holds for it.  A value is compared as text with a quoted text, otherwise as the boolean, the number or the text that
it looks like (``attribute_values``).
"""

from __future__ import annotations

import functools
import re
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Optional, Union

from ...attribute_values import coerce

Lookup = Callable[[str], Optional[str]]

TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'[^']*'|"[^"]*")
    | (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
    | (?P<name>[A-Za-z_][\w.-]*)
    | (?P<symbol>==|!=|<=|>=|<|>|\(|\)|\[|\]|,)
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
KEYWORDS = frozenset(("and", "or", "not", "in", "is"))
CONSTANTS: Mapping[str, Any] = {"none": None, "true": True, "false": False}
MAXIMUM_DEPTH = 50


class Name(NamedTuple):
    """An attribute."""

    name: str


class Constant(NamedTuple):
    """A value that stands in the expression."""

    value: Any


class Operation(NamedTuple):
    """An operator and its operands."""

    operator: str
    operands: tuple[Any, ...]


Expression = Union[Name, Constant, Operation]


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """The expression that a condition's text means.  Raises ValueError that says what cannot be read."""
    parser = _Parser(text)
    expression = parser.disjunction()
    if parser.kind != "end":
        raise ValueError(f"{parser.shown()} is not expected there")
    return expression


def attribute_names(expression: Expression) -> frozenset[str]:
    """Every attribute that the expression speaks of, evaluated or not."""
    if isinstance(expression, Name):
        return frozenset((expression.name,))
    if isinstance(expression, Operation):
        return frozenset().union(*map(attribute_names, expression.operands))
    return frozenset()


def evaluate_expression(expression: Expression, lookup: Lookup) -> bool:
    """Whether the condition is met.  Raises ValueError when a text is to be ordered against a number."""
    return _truth(_value(expression, lookup))


class _Attribute(NamedTuple):
    """An attribute's value, as text and as what it looks like."""

    text: Optional[str]
    value: Any


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.text, self.position, self.depth = text, 0, 0
        self.kind = self.token = ""
        self.advance()

    def advance(self) -> None:
        found = TOKEN.match(self.text, self.position)
        if not found:
            rest = self.text[self.position :].strip()
            raise ValueError(f"{rest[:12]!r} is not expected there")
        self.kind, self.token, self.position = (
            str(found.lastgroup),
            found.group(str(found.lastgroup)),
            found.end(),
        )
        if self.kind == "name" and self.token in KEYWORDS:
            self.kind = "keyword"

    def shown(self) -> str:
        return "the end" if self.kind == "end" else repr(self.token)

    def take(self, token: str) -> bool:
        if self.token != token or self.kind not in ("keyword", "symbol"):
            return False
        self.advance()
        return True

    def expect(self, token: str) -> None:
        if not self.take(token):
            raise ValueError(f"{token!r} is expected where {self.shown()} stands")

    def disjunction(self) -> Expression:
        operands = [self.conjunction()]
        while self.take("or"):
            operands.append(self.conjunction())
        return operands[0] if len(operands) == 1 else Operation("or", tuple(operands))

    def conjunction(self) -> Expression:
        operands = [self.negation()]
        while self.take("and"):
            operands.append(self.negation())
        return operands[0] if len(operands) == 1 else Operation("and", tuple(operands))

    def negation(self) -> Expression:
        self.depth += 1
        if self.depth > MAXIMUM_DEPTH:
            raise ValueError(f"it is nested deeper than {MAXIMUM_DEPTH}")
        result = Operation("not", (self.negation(),)) if self.take("not") else self.comparison()
        self.depth -= 1
        return result

    def comparison(self) -> Expression:
        left = self.operand()
        if self.kind == "symbol" and self.token in ORDER:
            operator = self.token
            self.advance()
            return Operation(operator, (left, self.operand()))
        if self.take("is"):
            same = Operation("==", (left, Constant(None)))
            negated = self.take("not")
            if self.kind != "name" or self.token.lower() != "none":
                raise ValueError(f"None is expected where {self.shown()} stands")
            self.advance()
            return Operation("not", (same,)) if negated else same
        negated = self.take("not")
        if negated and not (self.kind == "keyword" and self.token == "in"):
            raise ValueError(f"'in' is expected where {self.shown()} stands")
        if self.take("in"):
            member = Operation("in", (left, *self.members()))
            return Operation("not", (member,)) if negated else member
        return left

    def members(self) -> list[Expression]:
        closing = "]" if self.token == "[" else ")"
        if not (self.take("[") or self.take("(")):
            raise ValueError(f"a list is expected where {self.shown()} stands")
        members: list[Expression] = []
        while not self.take(closing):
            members.append(self.operand())
            if not self.take(","):
                self.expect(closing)
                break
        return members

    def operand(self) -> Expression:
        kind, token = self.kind, self.token
        if self.take("("):
            inner = self.disjunction()
            self.expect(")")
            return inner
        if kind not in ("text", "number", "name"):
            raise ValueError(f"a name or a value is expected where {self.shown()} stands")
        self.advance()
        if kind == "text":
            return Constant(token[1:-1])
        if kind == "number":
            return Constant(float(token) if "." in token else int(token))
        if token.lower() in CONSTANTS:
            return Constant(CONSTANTS[token.lower()])
        return Name(token)


def _value(expression: Expression, lookup: Lookup) -> Any:
    if isinstance(expression, Name):
        text = lookup(expression.name)
        return _Attribute(text, coerce(text))
    if isinstance(expression, Constant):
        return expression.value
    operator, operands = expression
    if operator in LOGIC:
        return LOGIC[operator](_truth(_value(operand, lookup)) for operand in operands)
    left, *others = (_value(operand, lookup) for operand in operands)
    if operator == "in":
        return any(_equal(left, other) for other in others)
    return ORDER[operator](left, others[0])


def _truth(value: Any) -> bool:
    return bool(_plain(value))


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, _Attribute) else value


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, _Attribute):
        left, right = right, left
    if isinstance(left, _Attribute) and isinstance(right, str):
        return left.text == right
    left, right = _plain(left), _plain(right)
    if left is None or right is None:
        return left is right
    return bool(left == right) and isinstance(left, str) == isinstance(right, str)


def _ordered(left: Any, right: Any, order: Callable[[Any, Any], bool]) -> bool:
    if isinstance(left, _Attribute) and isinstance(right, str):
        left = left.text
    elif isinstance(left, str) and isinstance(right, _Attribute):
        right = right.text
    left, right = _plain(left), _plain(right)
    if left is None or right is None:
        return False
    if isinstance(left, str) != isinstance(right, str):
        raise ValueError(f"{left!r} and {right!r} have no order; compare two numbers or two texts")
    return order(left, right)


LOGIC: Mapping[str, Callable[[Iterable[bool]], bool]] = {
    "and": all,
    "or": any,
    "not": lambda values: not any(values),
}
ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": lambda left, right: _ordered(left, right, lambda a, b: bool(a < b)),
    "<=": lambda left, right: _ordered(left, right, lambda a, b: bool(a <= b)),
    ">": lambda left, right: _ordered(left, right, lambda a, b: bool(a > b)),
    ">=": lambda left, right: _ordered(left, right, lambda a, b: bool(a >= b)),
}
