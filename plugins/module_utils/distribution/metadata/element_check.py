# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check that the XML of packages is well-formed, and repair what can be repaired.

The XML is copied from the sources as bytes.  One wrong byte in it would hide all packages from dnf.
A parser needs half a second for a large distribution, so only small parts are parsed.  Large ones
are searched for what the tools of vendors get wrong: bytes, characters and markup in texts.
"""

from __future__ import annotations

import re
from typing import Mapping, NamedTuple, Optional, Sequence

from ...errors import DescriptionError
from .normalise import xml_head, xml_tail

PARSED_SIZE = 32 << 10
"""Bytes of XML that are parsed; more is searched."""
# Search for single bytes where possible: it is ten times as fast as for two.
_CONTROL = tuple(bytes([code]) for code in range(32) if code not in b"\t\n\r")
_NONCHARACTERS = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")
_STRAY = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#9|#10|#13);)")
_WORDS = re.compile(r"[a-z:-]+").findall
ELEMENTS: Mapping[str, Sequence[str]] = {
    "primary": _WORDS(
        "package name arch version checksum summary description packager url time size location"
        " format file rpm:license rpm:vendor rpm:group rpm:buildhost rpm:sourcerpm rpm:header-range"
        " rpm:entry rpm:provides rpm:requires rpm:conflicts rpm:obsoletes rpm:suggests rpm:enhances"
        " rpm:recommends rpm:supplements"
    ),
    "filelists": ("package", "version", "file"),
    "other": ("package", "version", "changelog"),
}


class CleanElement(NamedTuple):
    xml: bytes
    repair: str
    """What was repaired; empty for an element that was well-formed."""


def is_clean(xml: bytes, kind: str) -> bool:
    """Return whether elements of packages are well-formed.

    Large XML is searched: an error in a tag, and a whole tag in a text, are not seen.  The result
    is false for some unusual XML that is well-formed.
    """
    if len(xml) <= PARSED_SIZE:
        return _fault(xml, kind) is None
    if any(code in xml for code in _CONTROL) or not _is_utf8(xml) or _STRAY.search(xml):
        return False
    # A "<" in a text makes the numbers differ.  Only primary has texts that are not generated.
    return kind != "primary" or xml.count(b"<") == xml.count(b">")


def _is_utf8(xml: bytes) -> bool:
    if xml.isascii():
        return True
    try:
        xml.decode()
    except UnicodeDecodeError:
        return False
    return b"\xef" not in xml or not any(code in xml for code in _NONCHARACTERS)


def clean_element(xml: bytes, kind: str, where: str) -> CleanElement:
    """Return the element of one package, repaired if it is not well-formed.

    Raises DescriptionError at ``where`` when it cannot be repaired.
    """
    if _fault(xml, kind) is None:
        return CleanElement(xml, "")
    from .xml_text import clean_xml, escape_markup  # here, because nearly all XML is clean

    text = clean_xml(xml, where)
    repairs = [f"{repair} were replaced" for repair in text.repairs]
    escaped = escape_markup(text.data.decode(), ELEMENTS[kind]).encode()
    if escaped != text.data:
        repairs.append("unescaped < or & were escaped")
    fault = _fault(escaped, kind)
    if fault is not None:
        raise DescriptionError(
            f"its {kind} metadata is not XML ({fault})", where, "exclude the package"
        )
    return CleanElement(escaped, " and ".join(repairs))


def _fault(xml: bytes, kind: str) -> Optional[str]:
    """Return why a parser refuses elements; None for well-formed ones."""
    from lxml import etree  # here, because nearly all XML is clean

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        etree.fromstring(b"".join((xml_head(kind, 1), xml, xml_tail(kind))), parser)
    except etree.XMLSyntaxError as error:
        return str(error.msg)
    return None
