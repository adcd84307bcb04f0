# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The types of attributes, and whether a declared attribute permits a value.

``<attribute name= default= type= values=>`` in a graph file declares an attribute. An empty value
means "not set" and is permitted where the declared default is empty too.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Callable, Iterable, Iterator, Mapping, Optional, Sequence, get_args

from ...attribute_values import coerce
from ..model import ERROR, AttributeDeclaration, AttributeType, Remark

TYPES: tuple[AttributeType, ...] = get_args(AttributeType)
HOST_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/]+\S*|file:///\S*")


def value_error(declaration: AttributeDeclaration, value: str) -> str:
    """Return what is wrong with a value, or an empty text if the declaration permits it."""
    if value == "" and declaration.default == "":
        return ""
    if declaration.values:
        if any(_equal(value, allowed) for allowed in declaration.values):
            return ""
        return f'"{value}" is not one of {", ".join(declaration.values)}'
    if declaration.type in CHECKS and not CHECKS[declaration.type](value):
        return f'"{value}" is not a valid {declaration.type}'
    return ""


def check_values(
    declarations: Iterable[AttributeDeclaration], nodes: Sequence[Mapping[str, str]]
) -> Iterator[Remark]:
    """Check the attributes of nodes against their declarations, each value once.

    A finding's place is that of the declaration.
    """
    for declaration in declarations:
        name = declaration.name
        for value in sorted({attributes[name] for attributes in nodes if name in attributes}):
            error = value_error(declaration, value)
            if error:
                text = f'attribute "{name}": {error}'
                hint = "change the attribute's value, or its declaration"
                yield Remark(
                    severity=ERROR,
                    rule="attribute-value",
                    origin=declaration.origin,
                    text=text,
                    hint=hint,
                )


def _equal(value: str, allowed: str) -> bool:
    """Compare texts, and truth values and numbers by value: ``no`` equals ``false``."""
    first = coerce(value)
    second = coerce(allowed)
    return value == allowed or (not isinstance(first, str) and first == second)


def _is_bool(value: str) -> bool:
    return coerce(value) in (True, False) and not isinstance(coerce(value), float)


def _is_int(value: str) -> bool:
    converted = coerce(value)
    return isinstance(converted, int) and not isinstance(converted, bool)


def _is_address(value: str) -> bool:
    return _accepts(ipaddress.ip_address, value)


def _is_network(value: str) -> bool:
    return "/" in value and _accepts(ipaddress.ip_network, value)


def _accepts(convert: Callable[[str], object], value: str) -> bool:
    try:
        convert(value)
    except ValueError:
        return False
    return True


def _is_host(value: str) -> bool:
    return HOST_NAME.fullmatch(value) is not None or _is_address(value)


def _is_path(value: str) -> bool:
    return value.startswith("/") and "\n" not in value


def _is_url(value: str) -> bool:
    return URL.fullmatch(value) is not None


CHECKS: Mapping[Optional[AttributeType], Callable[[str], bool]] = {
    "bool": _is_bool,
    "int": _is_int,
    "address": _is_address,
    "network": _is_network,
    "host": _is_host,
    "path": _is_path,
    "url": _is_url,
}
