# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Merge the advisories (updateinfo) of all sources into one document, each identifier once.

Advisories are copied unchanged, also those whose packages have been superseded: they still apply to
the nodes that have an older version.
"""

from __future__ import annotations

import re
from typing import Iterable

try:
    from lxml import etree
except ImportError:  # ansible-test, and modules that build nothing, have no libraries
    etree = None  # type: ignore[assignment,unused-ignore]

from ...errors import DescriptionError

HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n<updates>\n'
TAIL = b"</updates>\n"
_UPDATE = re.compile(rb"<update[ >].*?</update>", re.DOTALL)
_ID = re.compile(rb"<id>\s*([^<]+?)\s*</id>")
_VERSION = re.compile(rb'\sversion="([0-9]+)')


def merge_updateinfo(documents: Iterable[tuple[bytes, str]]) -> bytes:
    """Merge updateinfo.xml documents; return an empty text when all are empty.

    documents  content and name in errors of each

    Of advisories with one identifier, the one with the highest version stays; of equal versions,
    the first.  Raises DescriptionError for a document that is not XML.
    """
    newest: dict[str, tuple[int, bytes]] = {}
    is_empty = True
    for data, where in documents:
        if not data:
            continue
        is_empty = False
        for identifier, version, text in _updates(data, where):
            if identifier not in newest or version > newest[identifier][0]:
                newest[identifier] = (version, text)
    if is_empty:
        return b""
    return b"".join((HEAD, *(newest[identifier][1] + b"\n" for identifier in sorted(newest)), TAIL))


def advisory_ids(data: bytes) -> frozenset[str]:
    """Return the identifiers of the advisories in a document of ``merge_updateinfo``."""
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
        identifier = _ID.search(text)
        version = _VERSION.search(text, 0, text.index(b">"))
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
