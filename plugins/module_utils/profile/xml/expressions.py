# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Conditions: a small expression language over attributes, in place of the ``eval`` of Rocks.

    or · and · not · == != < <= > >= · in, not in · is None, is not None · (…) · [a, b]
    'text' 7 7.5 True False None

A bare name is an attribute; names can contain dots. An undefined attribute is None: it equals only
None, and every ordering comparison with it is false. Next to a quoted text a value is compared as
text, otherwise as the boolean, the number or the text that it looks like (``attribute_values``).
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
    """A value in the expression."""

    value: Any


class Operation(NamedTuple):
    """An operator and its operands."""

    operator: str
    operands: tuple[Any, ...]


Expression = Union[Name, Constant, Operation]


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Parse a condition. Raises ValueError that names what cannot be read."""
    parser = _Parser(text)
    expression = parser.disjunction()
    if parser.kind != "end":
        raise ValueError(f"unexpected {parser.describe_token()}")
    return expression


def evaluate_expression(expression: Expression, lookup: Lookup) -> bool:
    """Return whether the expression is true.

    Raises ValueError if a text is ordered against a number.
    """
    return _truth(_value(expression, lookup))


class _Attribute(NamedTuple):
    """An attribute's value, as text and as what it looks like."""

    text: Optional[str]
    value: Any


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self.kind = ""
        self.token = ""
        self.advance()

    def advance(self) -> None:
        match = TOKEN.match(self.text, self.position)
        if not match:
            remainder = self.text[self.position :].strip()
            raise ValueError(f"unexpected {remainder[:12]!r}")
        self.kind = str(match.lastgroup)
        self.token = match.group(self.kind)
        self.position = match.end()
        if self.kind == "name" and self.token in KEYWORDS:
            self.kind = "keyword"

    def describe_token(self) -> str:
        return "the end" if self.kind == "end" else repr(self.token)

    def accept(self, token: str) -> bool:
        if self.token != token or self.kind not in ("keyword", "symbol"):
            return False
        self.advance()
        return True

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise ValueError(f"expected {token!r}, not {self.describe_token()}")

    def disjunction(self) -> Expression:
        operands = [self.conjunction()]
        while self.accept("or"):
            operands.append(self.conjunction())
        return operands[0] if len(operands) == 1 else Operation("or", tuple(operands))

    def conjunction(self) -> Expression:
        operands = [self.negation()]
        while self.accept("and"):
            operands.append(self.negation())
        return operands[0] if len(operands) == 1 else Operation("and", tuple(operands))

    def negation(self) -> Expression:
        self.depth += 1
        if self.depth > MAXIMUM_DEPTH:
            raise ValueError(f"nested deeper than {MAXIMUM_DEPTH} levels")
        result = Operation("not", (self.negation(),)) if self.accept("not") else self.comparison()
        self.depth -= 1
        return result

    def comparison(self) -> Expression:
        left = self.operand()
        if self.kind == "symbol" and self.token in ORDER:
            operator = self.token
            self.advance()
            return Operation(operator, (left, self.operand()))
        if self.accept("is"):
            same = Operation("==", (left, Constant(None)))
            negated = self.accept("not")
            if self.kind != "name" or self.token.lower() != "none":
                raise ValueError(f"expected None, not {self.describe_token()}")
            self.advance()
            return Operation("not", (same,)) if negated else same
        negated = self.accept("not")
        if negated and not (self.kind == "keyword" and self.token == "in"):
            raise ValueError(f"expected 'in', not {self.describe_token()}")
        if self.accept("in"):
            member = Operation("in", (left, *self.members()))
            return Operation("not", (member,)) if negated else member
        return left

    def members(self) -> list[Expression]:
        closing = "]" if self.token == "[" else ")"
        if not (self.accept("[") or self.accept("(")):
            raise ValueError(f"expected a list, not {self.describe_token()}")
        members: list[Expression] = []
        while not self.accept(closing):
            members.append(self.operand())
            if not self.accept(","):
                self.expect(closing)
                break
        return members

    def operand(self) -> Expression:
        kind = self.kind
        token = self.token
        if self.accept("("):
            inner = self.disjunction()
            self.expect(")")
            return inner
        if kind not in ("text", "number", "name"):
            raise ValueError(f"expected a name or a value, not {self.describe_token()}")
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
    left = _plain(left)
    right = _plain(right)
    if left is None or right is None:
        return left is right
    return bool(left == right) and isinstance(left, str) == isinstance(right, str)


def _compare_order(left: Any, right: Any, order: Callable[[Any, Any], bool]) -> bool:
    if isinstance(left, _Attribute) and isinstance(right, str):
        left = left.text
    elif isinstance(left, str) and isinstance(right, _Attribute):
        right = right.text
    left = _plain(left)
    right = _plain(right)
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
    "<": lambda left, right: _compare_order(left, right, lambda a, b: bool(a < b)),
    "<=": lambda left, right: _compare_order(left, right, lambda a, b: bool(a <= b)),
    ">": lambda left, right: _compare_order(left, right, lambda a, b: bool(a > b)),
    ">=": lambda left, right: _compare_order(left, right, lambda a, b: bool(a >= b)),
}
