# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The attributes that a compile uses, and whether an element's conditions hold.

A compile reads attributes only through TrackedAttributes, which records them: the attributes that
decided what a profile contains are the profile's shape, and nodes that have equal values of all of
them share the profile.
"""

from __future__ import annotations

import re
from typing import Mapping, Optional

from ...errors import DescriptionError
from .. import releases
from ..escaping import PLACEHOLDER, unmark
from ..model import Condition, Element, Origin
from .expressions import evaluate_expression, parse

LISTS = ("arch", "os", "release")


class TrackedAttributes:
    """The attributes of one compile, and a record of those that it used."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        self.used: dict[str, Optional[str]] = {}

    def get(self, name: str) -> Optional[str]:
        """Return the value, or None if it is not set. Either result becomes part of the shape."""
        value = self.values.get(name)
        self.used[name] = value
        return value

    def resolve(self, text: str, origin: Origin) -> str:
        """Replace the references in a text by their values.

        This is for texts that must be known when the profile is compiled. Raises DescriptionError
        if an attribute is not set.
        """

        def value_of(match: re.Match[str]) -> str:
            value = self.get(match.group(1))
            if value is None:
                raise undefined_attribute_error(match.group(1), origin)
            return value

        return PLACEHOLDER.sub(value_of, text) if PLACEHOLDER.search(text) else text


def undefined_attribute_error(name: str, origin: Optional[Origin]) -> DescriptionError:
    """Return the error for a reference to an attribute that has no value."""
    return DescriptionError(
        f'attribute "{name}" is not defined', str(origin or ""), "set it, or correct its name"
    )


def condition_of(element: Element) -> Optional[Condition]:
    """Return the condition that an element's attributes state, or None."""
    attributes = element.attributes
    if not attributes:
        return None
    lists = tuple((name, _split_names(attributes[name])) for name in LISTS if attributes.get(name))
    expression = attributes.get("cond", "").strip()
    return Condition(lists, expression, element.origin) if lists or expression else None


def holds(condition: Optional[Condition], attributes: TrackedAttributes) -> bool:
    """Return whether a condition holds. Raises DescriptionError if it cannot be evaluated."""
    if condition is None:
        return True
    if not all(_matches_list(name, values, attributes) for name, values in condition.lists):
        return False
    if not condition.expression:
        return True
    try:
        return evaluate_expression(parse(condition.expression), attributes.get)
    except ValueError as error:
        raise DescriptionError(
            f'cond="{unmark(condition.expression)}": {error}', str(condition.origin)
        ) from None


def _matches_list(name: str, values: tuple[str, ...], attributes: TrackedAttributes) -> bool:
    value = attributes.get(name)
    if value is None:
        return False
    candidates = releases.selector_names(value) if name == "release" else (value,)
    return any(candidate in values for candidate in candidates)


def _split_names(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
