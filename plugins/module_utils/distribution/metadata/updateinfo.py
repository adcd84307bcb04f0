# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Advisories (updateinfo) of all sources as one document, each identifier once.

They are copied as they are: an advisory whose packages a newer version has replaced still tells a node what it lacks.
"""

from __future__ import annotations

import re
from typing import Iterable

try:
    from lxml import etree
except ImportError:  # ansible-test, and whoever only looks, has no libraries
    etree = None  # type: ignore[assignment,unused-ignore]

from ...errors import DescriptionError

HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n<updates>\n'
TAIL = b"</updates>\n"
_UPDATE = re.compile(rb"<update[ >].*?</update>", re.DOTALL)
_ID = re.compile(rb"<id>\s*([^<]+?)\s*</id>")
_VERSION = re.compile(rb'\sversion="([0-9]+)')


def merge_updateinfo(documents: Iterable[tuple[bytes, str]]) -> bytes:
    """One updateinfo.xml from several; each comes with the name that errors give it.  Empty when there are none.

    Of two advisories with one identifier the one with the higher version stays, of equal ones the first.  Raises
    DescriptionError for a document that is no XML.
    """
    best: dict[str, tuple[int, bytes]] = {}
    found = False
    for data, where in documents:
        if not data:
            continue
        found = True
        for identifier, version, text in _updates(data, where):
            if identifier not in best or version > best[identifier][0]:
                best[identifier] = (version, text)
    if not found:
        return b""
    return b"".join((HEAD, *(best[identifier][1] + b"\n" for identifier in sorted(best)), TAIL))


def advisory_ids(data: bytes) -> frozenset[str]:
    """The identifiers of the advisories in a document that ``merge`` wrote."""
    return (
        frozenset(identifier for identifier, _version, _text in _updates(data, "updateinfo"))
        if data
        else frozenset()
    )


def _updates(data: bytes, where: str) -> list[tuple[str, int, bytes]]:
    try:
        etree.fromstring(
            data,
            etree.XMLParser(
                resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True
            ),
        )
    except etree.XMLSyntaxError as error:
        raise DescriptionError(f"not XML ({error.msg})", f"{where}:{error.lineno}") from None
    updates = []
    for match in _UPDATE.finditer(data):
        text = match.group(0)
        identifier, version = _ID.search(text), _VERSION.search(text, 0, text.index(b">"))
        if identifier is None:
            line = data.count(b"\n", 0, match.start()) + 1
            raise DescriptionError("an advisory has no id", f"{where}:{line}")
        updates.append(
            (
                identifier.group(1).decode("utf-8", "replace"),
                int(version.group(1)) if version else 0,
                text,
            )
        )
    return updates
