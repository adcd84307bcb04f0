# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Translate stacki's spelling of node files: the prefix goes, and a few names change.

Rocks 5 (<var>) and Rocks 6 and 7 (entities) need no translation: both are read as they are.
"""

from __future__ import annotations

from typing import Callable, Mapping

from ...attribute_values import is_false
from ..model import Element, Text

PREFIX = "stack:"
STAGES: Mapping[str, str] = {
    "install-pre": "pre",
    "install-pre-package": "pre-install",
    "install-post": "post",
    "boot-pre": "boot",
    "boot-post": "boot",
}
REPORT = "/opt/stack/bin/stack report"


def normalise(element: Element) -> Element:
    """Return the element in our dialect; an element that is not stacki's is returned unchanged."""
    if not element.tag.startswith(PREFIX):
        return element
    tag = element.tag[len(PREFIX) :]
    attributes = {
        name.removeprefix(PREFIX): value
        for name, value in element.attributes.items()
        if not name.startswith("xmlns")
    }
    children = [
        child if isinstance(child, Text) else normalise(child) for child in element.children
    ]
    plain = Element(tag=tag, attributes=attributes, children=children, origin=element.origin)
    return SPELLINGS[tag](plain) if tag in SPELLINGS else plain


def _stack(element: Element) -> Element:
    return element._replace(tag="kickstart")


def _package(element: Element) -> Element:
    attributes = dict(element.attributes)
    if not is_false(attributes.pop("meta", "false")):
        attributes["type"] = "meta"
    if is_false(attributes.pop("enable", "true")):
        attributes["disable"] = "true"
    return element._replace(attributes=attributes)


def _licence(element: Element) -> Element:
    return element._replace(tag="copyright")


def _own_tools(element: Element) -> Element:
    return element._replace(tag="attributes", attributes={})


def _script(element: Element) -> Element:
    attributes = dict(element.attributes)
    tag = STAGES.get(attributes.pop("stage", "install-post"), "script")
    if "shell" in attributes:
        attributes["interpreter"] = attributes.pop("shell")
    return element._replace(tag=tag, attributes=attributes)


def _report(element: Element) -> Element:
    attributes = dict(element.attributes)
    words = attributes.pop("name", "").replace(".", " ")
    children = [Text(f"{REPORT} {words} ", element.origin), *element.children]
    return Element(
        tag="eval",
        attributes={"shell": "sh", "mode": "xml", **attributes},
        children=children,
        origin=element.origin,
    )


SPELLINGS: Mapping[str, Callable[[Element], Element]] = {
    "stack": _stack,
    "package": _package,
    "script": _script,
    "rocks": _licence,
    "stacki": _own_tools,
    "report": _report,
}
