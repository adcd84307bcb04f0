# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the text of an attribute means.

Attributes are stored as text.  The conditions of node files, the ``with_NAME`` groups of the
inventory and the boot methods all read them by these rules.
"""

from __future__ import annotations

import re
from typing import Any, Optional, Union

from .errors import DescriptionError

Value = Union[None, bool, int, float, str]

TRUE_WORDS = frozenset(("on", "true", "yes", "y", "enabled"))
FALSE_WORDS = frozenset(("off", "false", "no", "n", "disabled"))
INTEGER = re.compile(r"[+-]?\d{1,300}")
DECIMAL = re.compile(r"[+-]?\d{1,300}\.\d{1,300}")


def to_text(value: Any, name: str) -> str:
    """Convert a YAML value to an attribute's text: ``yes`` becomes ``true``, null an empty text.

    Raises DescriptionError for a list or a mapping, without the value, which can be a secret.
    """
    if isinstance(value, (list, tuple, dict)):
        kind = "mapping" if isinstance(value, dict) else "list"
        raise DescriptionError(
            f"the value of {name!r} is a {kind}",
            "",
            "write one text: words separated by spaces, or JSON in quotes",
        )
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def coerce(text: Optional[str]) -> Value:
    """Convert an attribute's text to the boolean, the number or the text that it looks like.

    Case and surrounding blanks do not matter for booleans and numbers.  An undefined attribute is
    None.
    """
    if text is None:
        return None
    word = text.strip().lower()
    if word in TRUE_WORDS or word in FALSE_WORDS:
        return word in TRUE_WORDS
    if INTEGER.fullmatch(word):
        return int(word)
    if DECIMAL.fullmatch(word):
        return float(word)
    return text


def is_true(text: Optional[str]) -> bool:
    """Return whether an attribute is set to anything but an empty text, a false word or zero."""
    return bool(coerce(text))


def is_false(text: Optional[str]) -> bool:
    """Return whether an attribute is set to a false word or zero.

    An empty text is neither true nor false.
    """
    value = coerce(text)
    return not isinstance(value, str) and value is not None and not value


def is_true_flag(text: Optional[str]) -> bool:
    """Return whether an attribute is a flag (a true or false word, 0 or 1) and is true.

    An attribute that holds a quantity or a name, such as a port or a time zone, is true but not a
    flag.
    """
    value = coerce(text)
    return value is True or (isinstance(value, int) and value == 1)
