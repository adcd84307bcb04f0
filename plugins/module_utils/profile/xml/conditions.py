# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which attributes are asked for, and whether an element's conditions hold.

Every look at an attribute goes through Attributes, which remembers it: what was looked at while a profile was
compiled is the profile's shape, and nodes that agree on it share the profile.
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
    """The attributes of one compile, and the record of those that were looked at."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        self.seen: dict[str, Optional[str]] = {}

    def get(self, name: str) -> Optional[str]:
        """The value, or None; either answer is part of the shape."""
        value = self.values.get(name)
        self.seen[name] = value
        return value

    def resolve(self, text: str, origin: Origin) -> str:
        """The text with the values of its references: for what must be known when the profile is compiled.

        Raises DescriptionError when one is not defined.
        """

        def value(found: re.Match[str]) -> str:
            given = self.get(found.group(1))
            if given is None:
                raise undefined_attribute_error(found.group(1), origin)
            return given

        return PLACEHOLDER.sub(value, text) if PLACEHOLDER.search(text) else text


def undefined_attribute_error(name: str, origin: Optional[Origin]) -> DescriptionError:
    """The error for a reference to an attribute that has no value."""
    return DescriptionError(
        f'attribute "{name}" is not defined', str(origin or ""), "set it, or spell it otherwise"
    )


def condition_of(element: Element) -> Optional[Condition]:
    """What an element's attributes ask for; None when nothing."""
    given = element.attributes
    if not given:
        return None
    lists = tuple((name, _words(given[name])) for name in LISTS if given.get(name))
    expression = given.get("cond", "").strip()
    return Condition(lists, expression, element.origin) if lists or expression else None


def holds(asked: Optional[Condition], attributes: TrackedAttributes) -> bool:
    """Whether a condition holds.  Raises DescriptionError when it cannot be read or compared."""
    if asked is None:
        return True
    if not all(_listed(name, values, attributes) for name, values in asked.lists):
        return False
    if not asked.expression:
        return True
    try:
        return evaluate_expression(parse(asked.expression), attributes.get)
    except ValueError as error:
        raise DescriptionError(
            f'cond="{unmark(asked.expression)}": {error}', str(asked.origin)
        ) from None


def _listed(name: str, values: tuple[str, ...], attributes: TrackedAttributes) -> bool:
    given = attributes.get(name)
    if given is None:
        return False
    return any(
        one in values for one in (releases.selector_names(given) if name == "release" else (given,))
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
