# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The groups of the stock distribution, as comps.xml."""

from __future__ import annotations

from typing import Iterable
from xml.etree import ElementTree

from . import lists
from .build import rpm_name

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def text() -> str:
    """Return the document; group "core" has all of CORE, the others as in the table."""
    root = ElementTree.Element("comps")
    for name, description, members in lists.GROUPS:
        group = _entry(root, "group", name, description)
        packages = ElementTree.SubElement(group, "packagelist")
        for member in sorted(
            {rpm_name(deb) for deb in (lists.CORE if members is None else members)}
        ):
            ElementTree.SubElement(packages, "packagereq", type="mandatory").text = member
    for name, description, groups, options in lists.ENVIRONMENTS:
        environment = _entry(root, "environment", name, description)
        _list(environment, "grouplist", groups)
        _list(environment, "optionlist", options)
    ElementTree.indent(root)
    return HEAD + ElementTree.tostring(root, encoding="unicode") + "\n"


def _entry(
    parent: ElementTree.Element, kind: str, name: str, description: str
) -> ElementTree.Element:
    entry = ElementTree.SubElement(parent, kind)
    values = [
        ("id", name),
        ("name", description),
        ("description", description),
        ("display_order", "1"),
    ]
    if kind == "group":
        values += [("default", "false"), ("uservisible", "true")]
    for tag, value in values:
        ElementTree.SubElement(entry, tag).text = value
    return entry


def _list(parent: ElementTree.Element, kind: str, names: Iterable[str]) -> None:
    entry = ElementTree.SubElement(parent, kind)
    for name in names:
        ElementTree.SubElement(entry, "groupid").text = name
