# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Merge the advisories (updateinfo) of all sources into one document, each identifier once.

Advisories whose packages have been superseded stay: they still apply to the nodes that have an
older version.  No installation needs an advisory, so a faulty one does not end the build: it is
repaired or left out, with a remark.
"""

from __future__ import annotations

import copy
import re
from typing import Iterable, Iterator, NamedTuple

try:
    from lxml import etree
except ImportError:  # ansible-test, and modules that build nothing, have no libraries
    etree = None  # type: ignore[assignment,unused-ignore]

from ...errors import DescriptionError
from .xml_text import clean_xml, escape_markup

HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n<updates>\n'
TAIL = b"</updates>\n"
ELEMENTS = re.findall(
    r"\w+",
    "updates update id title issued updated release rights pushcount severity summary description"
    " solution message references reference pkglist collection name module package filename sum"
    " reboot_suggested restart_suggested relogin_suggested",
)
MAX_LISTED = 10
"""Advisories that a remark lists."""
_UPDATE = re.compile(r"<update[\s>].*?</update\s*>", re.DOTALL)
_OPENING = re.compile(r"<update[\s>]")
_ID = re.compile(r"<id>\s*([^<]*?)\s*</id>")
_NUMBER = re.compile(r"[0-9]{1,18}")


class MergedAdvisories(NamedTuple):
    data: bytes
    """The document; empty when no source has one."""
    remarks: tuple[str, ...]
    """Repairs, and the advisories that were left out."""


class _Reading(NamedTuple):
    """The usable advisories of one document."""

    updates: list[etree._Element]
    remarks: list[str]


def merge_updateinfo(documents: Iterable[tuple[bytes, str]]) -> MergedAdvisories:
    """Merge updateinfo.xml documents.

    documents  content and name in remarks of each, in the order of preference

    Of advisories with one identifier, the texts of the highest version stay; of equal versions,
    the first.  Repositories share identifiers, and each lists only its own packages, so the lists
    are joined.
    """
    by_identifier: dict[str, list[etree._Element]] = {}
    remarks: list[str] = []
    is_empty = True
    for data, where in documents:
        if not data:
            continue
        is_empty = False
        reading = _read(data, where)
        remarks += reading.remarks
        for update in reading.updates:
            by_identifier.setdefault(_identifier(update), []).append(update)
    if is_empty:
        return MergedAdvisories(b"", ())
    texts = [
        etree.tostring(_join(by_identifier[identifier]), encoding="unicode", with_tail=False)
        for identifier in sorted(by_identifier)
    ]
    body = "".join(f"{text}\n" for text in texts)
    return MergedAdvisories(b"".join((HEAD, body.encode(), TAIL)), tuple(remarks))


def advisory_ids(data: bytes) -> frozenset[str]:
    """Return the identifiers of the advisories in a document of ``merge_updateinfo``."""
    return frozenset(map(_identifier, _read(data, "updateinfo").updates)) if data else frozenset()


def _read(data: bytes, where: str) -> _Reading:
    try:
        text = clean_xml(data, where)
    except DescriptionError as error:
        return _Reading([], [f"{where}: no advisory can be read: {error.what}"])
    remarks = [f"{where}: {repair} were replaced" for repair in text.repairs]
    try:
        root = etree.fromstring(text.data, _parser())
    except etree.XMLSyntaxError as error:
        line = f"{where}:{error.lineno}"
        remarks.append(f"{line}: not XML ({error.msg}); each advisory was read alone")
        updates = _read_each(text.data.decode(), where, remarks)
    else:
        if root.tag != "updates":
            remarks.append(f"{where}: no advisory can be read: the root element is {root.tag!r}")
        updates = list(root.iterchildren("update")) if root.tag == "updates" else []
    nameless = sum(not _identifier(update) for update in updates)
    if nameless:
        remarks.append(f"{where}: {nameless} advisories without an identifier were left out")
    return _Reading([update for update in updates if _identifier(update)], remarks)


def _read_each(text: str, where: str, remarks: list[str]) -> list[etree._Element]:
    """Read the advisories of a document that is not XML, and append remarks about them."""
    updates: list[etree._Element] = []
    escaped: list[str] = []
    unusable: list[str] = []
    for part in _parts(text):
        identifier = _ID.search(part)
        name = identifier.group(1) if identifier else "an advisory without an identifier"
        clean = escape_markup(part, ELEMENTS)
        try:
            updates.append(etree.fromstring(clean, _parser()))
        except etree.XMLSyntaxError:
            unusable.append(name)
        else:
            escaped += [name] if clean != part else []
    if escaped:
        remarks.append(f"{where}: unescaped < or & were escaped in {_list(escaped)}")
    if unusable:
        remarks.append(f"{where}: advisories that are not XML were left out: {_list(unusable)}")
    return updates


def _parts(text: str) -> Iterator[str]:
    """Yield each advisory, also one that has no end because the next begins or the text ends."""
    starts = [match.start() for match in _OPENING.finditer(text)]
    for start, limit in zip(starts, [*starts[1:], len(text)]):
        whole = _UPDATE.match(text, start, limit)
        yield whole.group(0) if whole else text[start:limit]


def _join(updates: list[etree._Element]) -> etree._Element:
    """Join the advisories of one identifier, which are in the order of preference."""
    newest_first = sorted(updates, key=_version, reverse=True)  # stable: the order of preference
    joined = newest_first[0]
    for other in newest_first[1:]:
        _add_references(joined, other)
        _add_packages(joined, other, superseded=_version(other) < _version(joined))
    return joined


def _add_references(joined: etree._Element, other: etree._Element) -> None:
    known = {_reference_key(reference) for reference in joined.iterfind("references/reference")}
    for reference in other.iterfind("references/reference"):
        if _reference_key(reference) not in known:
            _child(joined, "references").append(copy.deepcopy(reference))


def _add_packages(joined: etree._Element, other: etree._Element, *, superseded: bool) -> None:
    """Add the packages that only the other advisory lists.

    superseded  it is an older version: its packages of names that the newer one lists are left out
    """
    key = _name_and_arch if superseded else _package_key
    known = {key(package) for package in joined.iterfind("pkglist/collection/package")}
    for collection in other.iterfind("pkglist/collection"):
        missing = [
            package for package in collection.iterfind("package") if key(package) not in known
        ]
        if missing:
            target = _same_collection(joined, collection)
            target.extend(copy.deepcopy(package) for package in missing)


def _same_collection(joined: etree._Element, collection: etree._Element) -> etree._Element:
    """Return the collection of the same name and module stream; a new one without packages if
    there is none.
    """
    for candidate in joined.iterfind("pkglist/collection"):
        if _collection_key(candidate) == _collection_key(collection):
            return candidate
    created = copy.deepcopy(collection)
    for package in created.findall("package"):
        created.remove(package)
    _child(joined, "pkglist").append(created)
    return created


def _child(element: etree._Element, name: str) -> etree._Element:
    existing = element.find(name)
    return etree.SubElement(element, name) if existing is None else existing


def _identifier(update: etree._Element) -> str:
    return (update.findtext("id") or "").strip()


def _version(update: etree._Element) -> int:
    number = _NUMBER.match(update.get("version", ""))
    return int(number.group(0)) if number else 0


def _reference_key(reference: etree._Element) -> tuple[str, str, str]:
    return reference.get("type", ""), reference.get("id", ""), reference.get("href", "")


def _collection_key(collection: etree._Element) -> tuple[object, ...]:
    module = collection.find("module")
    return (
        collection.get("short"),
        collection.findtext("name"),
        sorted(module.attrib.items()) if module is not None else None,
    )


def _name_and_arch(package: etree._Element) -> tuple[str, ...]:
    return package.get("name", ""), package.get("arch", "")


def _package_key(package: etree._Element) -> tuple[str, ...]:
    return tuple(
        package.get(field, "") for field in ("name", "epoch", "version", "release", "arch")
    )


def _list(names: list[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
