# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Merge the group files (comps) of all sources, which define ``@^minimal-environment`` and others.

Groups, environments and categories with one id become one.  It has the names and texts of the first
source and the members of all; a member in several of them gets its strongest type.
"""

from __future__ import annotations

import copy
from typing import Iterable, NamedTuple, Optional

try:
    from lxml import etree
except ImportError:  # ansible-test, and modules that build nothing, have no libraries
    etree = None  # type: ignore[assignment,unused-ignore]

from ...errors import DescriptionError
from .xml_text import clean_xml

DOCTYPE = b'<?xml version="1.0" encoding="UTF-8"?>\n'
# Types of a member, the strongest first.
MEMBER_TYPES = ("mandatory", "default", "conditional", "optional")
REMEDY = "choose another mirror, or leave its groups out with skip_metadata: [groups]"
ENTITIES = ("group", "environment", "category")
# Entity -> the elements that contain its members.
LISTS = {
    "group": ("packagelist",),
    "environment": ("grouplist", "optionlist"),
    "category": ("grouplist",),
}


class MergedGroups(NamedTuple):
    data: bytes
    """The document; empty when no source has one."""
    remarks: tuple[str, ...]
    """Repairs."""


def merge_comps(documents: Iterable[tuple[bytes, str]]) -> MergedGroups:
    """Merge comps.xml documents.

    documents  content and name in errors of each; merging the result again changes nothing

    Raises DescriptionError that names the document and the line.
    """
    entities: dict[tuple[str, str], etree._Element] = {}
    langpacks: dict[str, etree._Element] = {}
    remarks: list[str] = []
    is_empty = True
    for data, where in documents:
        if not data:
            continue
        is_empty = False
        text = clean_xml(data, where)
        remarks += [f"{where}: {repair} were replaced" for repair in text.repairs]
        root = _root(text.data, where)
        for element in root:
            if element.tag in ENTITIES:
                key = (str(element.tag), _id(element, where))
                entities[key] = _merge_entities(entities.get(key), element)
            elif element.tag == "langpacks":
                matches = {match.get("name", ""): match for match in element}
                langpacks = {**matches, **langpacks}
    merged = b"" if is_empty else _serialise(entities, langpacks)
    return MergedGroups(merged, tuple(remarks))


def read_groups(data: bytes, where: str) -> dict[str, list[str]]:
    """Return the members of each group and environment, by the names after ``@`` in %packages.

    A group is listed under its id and its name, an environment under both with a ``^`` before them.
    Members of a group are its mandatory and default packages; of an environment, its mandatory
    groups as ``@id``.
    """
    members_by_name: dict[str, list[str]] = {}
    if not data:
        return members_by_name
    for element in _root(data, where):
        if element.tag == "group":
            members = [
                row.text or ""
                for row in element.iterfind("packagelist/packagereq")
                if row.get("type", MEMBER_TYPES[0]) in MEMBER_TYPES[:2]
            ]
            prefix = ""
        elif element.tag == "environment":
            members = [f"@{row.text}" for row in element.iterfind("grouplist/groupid")]
            prefix = "^"
        else:
            continue
        names = [element.findtext("id", ""), element.findtext("name", "")]
        members_by_name.update({prefix + name: members for name in names if name})
    return members_by_name


def _root(data: bytes, where: str) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_blank_text=True,
        remove_comments=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise DescriptionError(
            f"not XML ({error.msg})", f"{where}:{error.lineno}", REMEDY
        ) from None
    if root.tag != "comps":
        raise DescriptionError(f"the root element is {root.tag!r}, not comps", where, REMEDY)
    return root


def _id(element: etree._Element, where: str) -> str:
    name = (element.findtext("id") or "").strip()
    if not name:
        raise DescriptionError(
            f"a {element.tag} has no id", f"{where}:{element.sourceline}", REMEDY
        )
    return name


def _merge_entities(first: Optional[etree._Element], second: etree._Element) -> etree._Element:
    if first is None:
        return copy.deepcopy(second)
    for name in LISTS[str(first.tag)]:
        first_members = first.find(name)
        second_members = second.find(name)
        if second_members is None:
            continue
        if first_members is None:
            first.append(copy.deepcopy(second_members))
            continue
        for member in second_members:
            first_members.append(copy.deepcopy(member))
    return first


def _serialise(
    entities: dict[tuple[str, str], etree._Element], langpacks: dict[str, etree._Element]
) -> bytes:
    root = etree.Element("comps")
    for kind in ENTITIES:
        for key in sorted(entities):
            if key[0] == kind:
                root.append(_merge_members(entities[key]))
    if langpacks:
        element = etree.SubElement(root, "langpacks")
        for name in sorted(langpacks):
            element.append(copy.deepcopy(langpacks[name]))
    etree.indent(root, "  ")
    return DOCTYPE + etree.tostring(root, encoding="UTF-8") + b"\n"


def _merge_members(entity: etree._Element) -> etree._Element:
    """Sort the members, and leave each one once, with its strongest type."""
    for name in LISTS[str(entity.tag)]:
        members = entity.find(name)
        if members is None:
            continue
        strongest: dict[str, etree._Element] = {}
        for member in members:
            text = (member.text or "").strip()
            if text not in strongest or _strength(member) < _strength(strongest[text]):
                strongest[text] = member
        members[:] = [strongest[text] for text in sorted(strongest)]
    return entity


def _strength(member: etree._Element) -> int:
    kind = member.get("type", MEMBER_TYPES[0])
    return MEMBER_TYPES.index(kind) if kind in MEMBER_TYPES else len(MEMBER_TYPES)
