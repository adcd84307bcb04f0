# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Group files (comps) of all sources as one: without it an installer knows no ``@^minimal-environment``.

Groups, environments and categories with one id become one; the first source's names and texts stay, members are
united, and a package is as wanted as the group that wants it most.
"""

from __future__ import annotations

import copy
from typing import Iterable, Optional

try:
    from lxml import etree
except ImportError:  # ansible-test, and whoever only looks, has no libraries
    etree = None  # type: ignore[assignment,unused-ignore]

from ...errors import DescriptionError

DOCTYPE = b'<?xml version="1.0" encoding="UTF-8"?>\n'
# The strongest first: what a group says of a package.
WANTED = ("mandatory", "default", "conditional", "optional")
ENTITIES = ("group", "environment", "category")
# Where each entity keeps its members.
LISTS = {
    "group": ("packagelist",),
    "environment": ("grouplist", "optionlist"),
    "category": ("grouplist",),
}


def merge_comps(documents: Iterable[tuple[bytes, str]]) -> bytes:
    """One comps.xml from several; each comes with the name that errors give it.  Empty when there are none.

    Merging a merged document changes nothing.  Raises DescriptionError that names the document and the line.
    """
    entities: dict[tuple[str, str], etree._Element] = {}
    langpacks: dict[str, etree._Element] = {}
    found = False
    for data, where in documents:
        if not data:
            continue
        found = True
        root = _root(data, where)
        for element in root:
            if element.tag in ENTITIES:
                key = (str(element.tag), _id(element, where))
                entities[key] = _united(entities.get(key), element)
            elif element.tag == "langpacks":
                langpacks.update(
                    {
                        match.get("name", ""): match
                        for match in element
                        if match.get("name", "") not in langpacks
                    }
                )
    return _written(entities, langpacks) if found else b""


def read_groups(data: bytes, where: str) -> dict[str, list[str]]:
    """What ``@name`` may mean in a package list: ids and names of groups and environments -> packages and groups.

    An environment's members are its mandatory groups, as ``@id``; ``^`` stands before what only an environment is.
    """
    meanings: dict[str, list[str]] = {}
    if not data:
        return meanings
    for element in _root(data, where):
        if element.tag == "group":
            members = [
                row.text or ""
                for row in element.iterfind("packagelist/packagereq")
                if row.get("type", WANTED[0]) in WANTED[:2]
            ]
            names, prefix = [element.findtext("id", ""), element.findtext("name", "")], ""
        elif element.tag == "environment":
            members = [f"@{row.text}" for row in element.iterfind("grouplist/groupid")]
            names, prefix = [element.findtext("id", ""), element.findtext("name", "")], "^"
        else:
            continue
        meanings.update({prefix + name: members for name in names if name})
    return meanings


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
        raise DescriptionError(f"not XML ({error.msg})", f"{where}:{error.lineno}") from None
    if root.tag != "comps":
        raise DescriptionError(f"the root element is {root.tag!r}, not comps", where)
    return root


def _id(element: etree._Element, where: str) -> str:
    name = (element.findtext("id") or "").strip()
    if not name:
        raise DescriptionError(f"a {element.tag} has no id", f"{where}:{element.sourceline}")
    return name


def _united(first: Optional[etree._Element], second: etree._Element) -> etree._Element:
    if first is None:
        return copy.deepcopy(second)
    for name in LISTS[str(first.tag)]:
        ours, theirs = first.find(name), second.find(name)
        if theirs is None:
            continue
        if ours is None:
            first.append(copy.deepcopy(theirs))
            continue
        for member in theirs:
            ours.append(copy.deepcopy(member))
    return first


def _written(
    entities: dict[tuple[str, str], etree._Element], langpacks: dict[str, etree._Element]
) -> bytes:
    root = etree.Element("comps")
    for kind in ENTITIES:
        for key in sorted(entities):
            if key[0] == kind:
                root.append(_tidy(entities[key]))
    if langpacks:
        element = etree.SubElement(root, "langpacks")
        for name in sorted(langpacks):
            element.append(copy.deepcopy(langpacks[name]))
    etree.indent(root, "  ")
    return DOCTYPE + etree.tostring(root, encoding="UTF-8") + b"\n"


def _tidy(entity: etree._Element) -> etree._Element:
    """Each member once, at its strongest, sorted."""
    for name in LISTS[str(entity.tag)]:
        members = entity.find(name)
        if members is None:
            continue
        strongest: dict[str, etree._Element] = {}
        for member in members:
            text = (member.text or "").strip()
            if text not in strongest or _weight(member) < _weight(strongest[text]):
                strongest[text] = member
        members[:] = [strongest[text] for text in sorted(strongest)]
    return entity


def _weight(member: etree._Element) -> int:
    kind = member.get("type", WANTED[0])
    return WANTED.index(kind) if kind in WANTED else len(WANTED)
