# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turn the bytes of an XML document into UTF-8 that an XML parser accepts, and report the repairs.

dnf reads nothing of a document that contains one wrong byte.  So what we publish must be clean,
whatever the sources contain.
"""

from __future__ import annotations

import codecs
import re
from typing import Iterable, NamedTuple

from ...errors import DescriptionError

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_DECLARATION = re.compile(
    r"""<\?xml\s[^>]*?encoding\s*=\s*["']([^"']*)["'][^>]*?\?>""", re.IGNORECASE
)
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# Bytes before which the declaration of the encoding must end.
_DECLARATION_SIZE = 256
# Characters that an XML document must not contain (XML 1.0, production 2).
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]+)|([0-9]+));")
_PREDEFINED = r"(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-fA-F]+);"
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL)
_DOCTYPE_SIZE = 64 << 10
_OPAQUE = r"<!\[CDATA\[.*?\]\]>|<!--.*?-->"


class CleanText(NamedTuple):
    """An XML document in UTF-8, without a declaration of another encoding."""

    data: bytes
    repairs: tuple[str, ...]
    """What was repaired; empty for a document that was correct."""


def clean_xml(data: bytes, where: str) -> CleanText:
    """Return a document in UTF-8, without a DOCTYPE and characters that XML does not allow.

    Bytes that are invalid in the document's encoding are read as Latin-1, as createrepo_c does.
    Raises DescriptionError at ``where`` when the encoding is unknown.
    """
    name = declared_encoding(data)
    repairs: list[str] = []

    def as_latin1(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        repairs.append(f"bytes that are not {name}")
        return error.object[error.start : error.end].decode("latin-1"), error.end

    codecs.register_error("rocks-latin1", as_latin1)
    try:
        text = data.decode(name, "rocks-latin1")
    except (LookupError, ValueError):
        raise DescriptionError(
            f"the encoding {name!r} of the document is unknown", where, "convert it to UTF-8"
        ) from None
    text = text.removeprefix("\N{BYTE ORDER MARK}")
    text, replaced = replace_forbidden(text)
    if replaced:
        repairs.append("characters that XML does not allow")
    text = _DECLARATION.sub(_newlines, text, count=1)
    # Without its entities, which no repository needs, and which can fill the memory.  Only one
    # place is tried: a search from every place takes hours in a file that is made for that.
    start = text.find("<!DOCTYPE")
    doctype = _DOCTYPE.match(text, start, start + _DOCTYPE_SIZE) if start >= 0 else None
    if doctype:
        text = text[:start] + _newlines(doctype) + text[doctype.end() :]
    if "<!ENTITY" in text:
        raise DescriptionError("it declares XML entities", where, "remove its document type")
    return CleanText(text.encode(), tuple(dict.fromkeys(repairs)))


def _newlines(match: re.Match[str]) -> str:
    """Return the newlines of a removed part, so that the lines in errors are right."""
    return "\n" * match.group(0).count("\n")


def declared_encoding(data: bytes) -> str:
    """Return the encoding of an XML document by its byte-order mark or declaration."""
    for mark, name in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return name
    declaration = _DECLARATION.match(data[:_DECLARATION_SIZE].decode("latin-1"))
    return declaration.group(1).lower() if declaration else "utf-8"


def replace_forbidden(text: str) -> tuple[str, bool]:
    """Replace characters, and references to characters, that XML does not allow.

    Returns the text, and whether it differs.
    """
    clean = _FORBIDDEN.sub(REPLACEMENT, text)
    if "&#" in clean:
        clean = _REFERENCE.sub(
            lambda match: match.group(0) if _is_allowed(match) else REPLACEMENT, clean
        )
    return clean, clean != text


def _is_allowed(reference: re.Match[str]) -> bool:
    hexadecimal, decimal = reference.groups()
    digits = (hexadecimal or decimal).lstrip("0")
    if not 0 < len(digits) <= len("1114111"):
        return False
    number = int(digits, 16 if hexadecimal else 10)
    return number < 0x110000 and not _FORBIDDEN.match(chr(number))


def escape_markup(text: str, elements: Iterable[str]) -> str:
    """Escape each ``&`` that begins no reference, and each ``<`` that begins no known element.

    Authors forget to escape them in free text, such as a title that contains ``<tr>``.
    """
    names = "|".join(sorted(elements))
    stray = re.compile(
        rf"({_OPAQUE})|&(?!{_PREDEFINED})|<(?!/?(?:{names})[\s/>]|\?xml\s)", re.DOTALL
    )
    return stray.sub(
        lambda match: match.group(1) or {"&": "&amp;", "<": "&lt;"}[match.group(0)], text
    )
