# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slice a source's metadata: the XML of a package is copied as bytes, not parsed and written again.

Slicing works on the layout that createrepo_c writes, and checks that the whole file has it; other
well-formed repodata is converted first (normalise.py).  Nothing here opens a file.
"""

from __future__ import annotations

import re
from typing import Mapping, NamedTuple, Optional

from ...errors import DescriptionError
from ..model import Package
from .normalise import normalise, unescape_xml
from .repomd import is_safe_path, is_valid_checksum

PRIMARY = "primary"
FILELISTS = "filelists"
OTHER = "other"
# Encodings of which every document is one in UTF-8.
UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")

_HEAD = re.compile(
    rb'\s*()<package type="rpm">\s*<name>([^<]+)</name>\s*<arch>([^<]+)</arch>'
    rb'\s*<version epoch="(\d{1,10})" ver="([^"<]+)" rel="([^"<]+)"/>'
    rb'\s*<checksum type="(\w+)" pkgid="YES">([0-9a-f]+)</checksum>'
)
_PLACE = re.compile(rb'<size package="(\d{1,18})"[^<>]*/>\s*<location href="([^"<]+)"/>')
_LISTED = re.compile(rb'<package pkgid="([0-9a-f]+)" ')
_ROOT = re.compile(rb"\s*(?:<\?xml[^>]*\?>)?\s*<(?:metadata|filelists|otherdata)\s[^>]*>")
_END = b"</package>"
_UTF_8 = re.compile(rb'<\?xml version="1\.0" encoding="UTF-8"\?>')
# Names of packages become names of files: only these characters are safe.
_SAFE_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+~^:@=-]*").fullmatch
# A package that needs no further check; nearly every package matches.
_NEEDS_NO_CHECK = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9._+-]*\0\w+\0\d+\0[A-Za-z0-9._+~^]+\0[A-Za-z0-9._+~^]+"
    r"\0sha256\0[0-9a-f]{64}\0\d+\0(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_][A-Za-z0-9._+~^-]*"
).fullmatch


class Span(NamedTuple):
    """Positions in the file of one package's XML, and of the value of its href."""

    start: int
    href: int
    href_end: int
    end: int


class Primary(NamedTuple):
    """A primary.xml: its packages, and the position of each."""

    data: bytes
    packages: list[Package]
    spans: Mapping[str, Span]

    def package_xml(self, checksum: str, location: str) -> bytes:
        """Return the XML of one package, with ``location`` as its href."""
        span = self.spans[checksum]
        return b"".join(
            (
                self.data[span.start : span.href],
                location.encode(),
                self.data[span.href_end : span.end],
                b"\n",
            )
        )


class Listing(NamedTuple):
    """A filelists.xml or other.xml: the position of each package's element."""

    data: bytes
    spans: Mapping[str, tuple[int, int]]

    def package_xml(self, checksum: str) -> Optional[bytes]:
        """Return the XML of one package; None when the file does not contain it."""
        span = self.spans.get(checksum)
        return self.data[span[0] : span[1]] + b"\n" if span else None


def slice_primary(data: bytes, source: str, where: str) -> Primary:
    """Slice a primary.xml.

    source  name of the source, for the packages
    where   names the file in errors

    Raises DescriptionError when it is not XML, a package lacks a required element, or a path leaves
    the repository.
    """
    data = _in_utf8(data, where)
    rows = _rows(data)
    if rows is None:
        data = normalise(data, PRIMARY, where)
        rows = _rows(data)
    if rows is None:
        raise DescriptionError(
            "a package lacks its name, version, checksum, size or location", where
        )
    packages = [_package(groups, source, where) for groups, _span in rows]
    spans = {package.checksum: span for package, (_groups, span) in zip(packages, rows)}
    return Primary(data, packages, spans)


def slice_listing(data: bytes, kind: str, where: str) -> Listing:
    """Slice a filelists.xml or other.xml (``kind``).  Raises the errors of ``slice_primary``."""
    data = _in_utf8(data, where)
    spans = _spans(data)
    if spans is None:
        data = normalise(data, kind, where)
        spans = _spans(data)
    if spans is None:
        raise DescriptionError("a package lacks its pkgid", where)
    return Listing(data, spans)


def _in_utf8(data: bytes, where: str) -> bytes:
    """Return a document in UTF-8.  Raises DescriptionError when its encoding cannot be read."""
    if _UTF_8.match(data):
        return data
    from .xml_text import clean_xml, declared_encoding  # here, because few repositories need it

    if declared_encoding(data) in UTF_8:
        return data
    text = clean_xml(data, where)
    if text.repairs:
        raise DescriptionError(
            f"it has {' and '.join(text.repairs)}", where, "sync the mirror again"
        )
    return text.data


Row = tuple[tuple[bytes, ...], Span]


def _rows(data: bytes) -> Optional[list[Row]]:
    """Return every package with its span; None when the file has another layout.

    Each package begins where the previous one ended, and neither a comment nor CDATA comes before
    its size and location.  So text that looks like an element is never taken for one.
    """
    root = _ROOT.match(data)
    if root is None:
        return None
    rows = []
    position = root.end()
    while True:
        head = _HEAD.match(data, position)
        if head is None:
            break
        end = data.find(_END, head.end())
        size = data.find(b"<size ", head.end(), end)
        place = _PLACE.match(data, size, end) if size > 0 else None
        if place is None or data.find(b"<!", head.end(), size) >= 0:
            return None
        position = end + len(_END)
        rows.append(
            (
                head.groups()[1:] + place.groups(),
                Span(head.start(1), place.start(2), place.end(2), position),
            )
        )
    return rows if data[position:].strip() == b"</metadata>" else None


def _spans(data: bytes) -> Optional[dict[str, tuple[int, int]]]:
    """Return the span of every package's element; None when the file has another layout."""
    root = _ROOT.match(data)
    if root is None:
        return None
    starts = [(match.group(1), match.start()) for match in _LISTED.finditer(data, root.end())]
    last = max(data.rfind(b"</filelists>"), data.rfind(b"</otherdata>"))
    first = starts[0][1] if starts else last
    if data[root.end() : first].strip():
        return None
    spans = {}
    limits = [*(begin for _checksum, begin in starts[1:]), last]
    for (checksum, begin), limit in zip(starts, limits):
        end = data.rfind(_END, begin, limit) + len(_END)
        if end < len(_END) or data[end:limit].strip():
            return None
        spans[checksum.decode()] = (begin, end)
    return spans


def check_package(package: Package, where: str) -> Package:
    """Return the package if its name, checksum and location are safe to use in paths.

    Raises DescriptionError otherwise; ``where`` names the origin of the package.
    """
    if not _SAFE_FILE_NAME(package.file_name):
        raise DescriptionError(
            f'the package "{package.nevra}" has a name that is not a valid file name', where
        )
    if not is_valid_checksum(package.checksum, package.checksum_type):
        what = (
            f"{package.nevra} has no valid checksum ({package.checksum_type} {package.checksum!r})"
        )
        raise DescriptionError(what, where)
    if not is_safe_path(package.location):
        what = f"the location {package.location!r} of {package.nevra} leads out of the repository"
        raise DescriptionError(what, where, "choose another mirror")
    return package


def _package(groups: tuple[bytes, ...], source: str, where: str) -> Package:
    # Positional, with one conversion and one match for all fields: this runs for each of the
    # hundred thousand packages of a repository.
    text = b"\0".join(groups).decode("utf-8", "replace")
    name, arch, epoch, version, release, kind, checksum, size, href = unescape_xml(text).split("\0")
    package = Package(
        name, arch, int(epoch), version, release, checksum, kind, int(size), href, source
    )
    return package if _NEEDS_NO_CHECK(text) else check_package(package, where)
