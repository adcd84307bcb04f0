# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads a source's metadata by byte slices: a package's XML is copied, never parsed and written again.

Works on the layout that createrepo_c writes, and checks that the whole file has it; any other well-formed repodata
is first brought into that layout by standard.py.  Nothing here opens a file.
"""

from __future__ import annotations

import re
from typing import Mapping, NamedTuple, Optional

from ...errors import DescriptionError
from ..model import Package
from .normalise import normalise, unescape_xml
from .repomd import is_safe_path, is_valid_checksum

PRIMARY, FILELISTS, OTHER = "primary", "filelists", "other"

_HEAD = re.compile(
    rb'\s*()<package type="rpm">\s*<name>([^<]+)</name>\s*<arch>([^<]+)</arch>'
    rb'\s*<version epoch="(\d+)" ver="([^"<]+)" rel="([^"<]+)"/>'
    rb'\s*<checksum type="(\w+)" pkgid="YES">([0-9a-f]+)</checksum>'
)
_PLACE = re.compile(rb'<size package="(\d+)"[^<>]*/>\s*<location href="([^"<]+)"/>')
_LISTED = re.compile(rb'<package pkgid="([0-9a-f]+)" ')
_ROOT = re.compile(rb"\s*(?:<\?xml[^>]*\?>)?\s*<(?:metadata|filelists|otherdata)\s[^>]*>")
_END = b"</package>"
# What may stand in the name of a file that we make from what a source says.
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+~^:@=-]*").fullmatch
# A package of which nothing else needs to be checked: nearly every one.
_USUAL = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9._+-]*\0\w+\0\d+\0[A-Za-z0-9._+~^]+\0[A-Za-z0-9._+~^]+\0sha256\0[0-9a-f]{64}\0\d+"
    r"\0(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_][A-Za-z0-9._+~^-]*"
).fullmatch


class Span(NamedTuple):
    """Where one package's XML lies in the file, and the value of its href within."""

    start: int
    href: int
    href_end: int
    end: int


class Primary(NamedTuple):
    """A primary.xml: its packages, and where each of them is."""

    data: bytes
    packages: list[Package]
    spans: Mapping[str, Span]

    def package_xml(self, checksum: str, location: str) -> bytes:
        """The XML of one package, which now lies at ``location``."""
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
    """A filelists.xml or other.xml: where each package's element is."""

    data: bytes
    spans: Mapping[str, tuple[int, int]]

    def package_xml(self, checksum: str) -> Optional[bytes]:
        """The XML of one package; None when the file does not have it."""
        span = self.spans.get(checksum)
        return self.data[span[0] : span[1]] + b"\n" if span else None


def slice_primary(data: bytes, source: str, where: str) -> Primary:
    """The packages of a primary.xml.

    source  name of the source, for the packages
    where   names the file in errors

    Raises DescriptionError: not XML, a package without what identifies it, or a path that leaves the repository.
    """
    rows = _rows(data)
    if rows is None:
        data = normalise(data, PRIMARY, where)
        rows = _rows(data)
    if rows is None:
        raise DescriptionError(
            "a package lacks its name, version, checksum, size or location", where
        )
    packages = [_package(groups, source, where) for groups, _span in rows]
    return Primary(
        data, packages, {package.checksum: span for package, (_text, span) in zip(packages, rows)}
    )


def slice_listing(data: bytes, kind: str, where: str) -> Listing:
    """The elements of a filelists.xml or other.xml (``kind``)."""
    spans = _spans(data)
    if spans is None:
        data = normalise(data, kind, where)
        spans = _spans(data)
    if spans is None:
        raise DescriptionError("a package lacks its pkgid", where)
    return Listing(data, spans)


Row = tuple[tuple[bytes, ...], Span]


def _rows(data: bytes) -> Optional[list[Row]]:
    """Every package with its span; None when the file is laid out in another way.

    One package begins where the last one ended, and its size and location come before its end with no comment and no
    CDATA before them: so nothing that only looks like an element is taken for one.
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
    """Every package's element; None when the file is laid out in another way: when they do not fill it."""
    root = _ROOT.match(data)
    if root is None:
        return None
    found = [(match.group(1), match.start()) for match in _LISTED.finditer(data, root.end())]
    last = max(data.rfind(b"</filelists>"), data.rfind(b"</otherdata>"))
    first = found[0][1] if found else last
    if data[root.end() : first].strip():
        return None
    spans = {}
    for (checksum, begin), limit in zip(found, [*(begin for _checksum, begin in found[1:]), last]):
        end = data.rfind(_END, begin, limit) + len(_END)
        if end < len(_END) or data[end:limit].strip():
            return None
        spans[checksum.decode()] = (begin, end)
    return spans


def check_package(package: Package, where: str) -> Package:
    """The package, when nothing of what identifies it can lead astray: its names become names of files.

    Raises DescriptionError that says which part is not believed; ``where`` names who told it.
    """
    if not _PLAIN(package.file_name):
        raise DescriptionError(
            f'the package "{package.nevra}" has a name that no file may have', where
        )
    if not is_valid_checksum(package.checksum, package.checksum_type):
        what = (
            f"{package.nevra} has no usable checksum ({package.checksum_type} {package.checksum!r})"
        )
        raise DescriptionError(what, where)
    if not is_safe_path(package.location):
        what = f"the location {package.location!r} of {package.nevra} leads out of the repository"
        raise DescriptionError(what, where, "choose another mirror")
    return package


def _package(groups: tuple[bytes, ...], source: str, where: str) -> Package:
    # One conversion and one look for all fields: a repository has a hundred thousand of them.
    text = b"\0".join(groups).decode("utf-8", "replace")
    name, arch, epoch, version, release, kind, checksum, size, href = unescape_xml(text).split("\0")
    package = Package(
        name, arch, int(epoch), version, release, checksum, kind, int(size), href, source
    )
    return package if _USUAL(text) else check_package(package, where)
