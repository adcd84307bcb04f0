# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read repomd.xml: the files of a repository's metadata, with their sizes and checksums.

Its content came over the network and is not trusted: paths that leave the repository, malformed
checksums and sizes that would fill the disk are errors.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Optional

from ...errors import DescriptionError
from ..model import DIGESTS

if TYPE_CHECKING:
    import xml.etree.ElementTree as etree

NAMESPACE = "{http://linux.duke.edu/metadata/repo}"
# Bytes of the largest file that is accepted.
MAX_SIZE = 4 << 30
# SQLite copies of the same data, zchunk, delta RPMs, and compressed copies of comps.
UNUSED = ("_db", "_zck", "_gz", "_xz", "_zst", "_ext", "prestodelta", "deltainfo")
HEXADECIMAL = re.compile(r"[0-9a-f]+")
ODD = re.compile(r"[\x00-\x1f\x7f\\]|://")


# Entities can expand to gigabytes; in UTF-16, which has NUL bytes, they would not be found.
DECLARES_ENTITIES = re.compile(rb"<!DOCTYPE|<!ENTITY|\x00")


class Record(NamedTuple):
    """One ``<data>`` element of repomd.xml."""

    kind: str
    """primary, filelists, other, group, modules, updateinfo, …"""
    location: str
    """Path below the repository's folder."""
    checksum: str
    """Hexadecimal digest of the file on the server."""
    checksum_type: str
    """A key of DIGESTS."""
    size: int = -1
    """Bytes of the file on the server; -1 when repomd.xml does not state it."""
    open_size: int = -1
    """Bytes after decompression; -1 when repomd.xml does not state it."""


class Repomd(NamedTuple):
    """The parsed file; records sorted by kind."""

    revision: str
    records: tuple[Record, ...]

    def record(self, kind: str) -> Optional[Record]:
        """Return the record of this kind, or None."""
        return next((record for record in self.records if record.kind == kind), None)


def is_safe_path(location: str) -> bool:
    """Return whether the text is a relative path of a file that stays below its folder."""
    segments = location.split("/")
    return (
        bool(segments[0])
        and segments[-1] not in ("", ".")
        and ".." not in segments
        and not ODD.search(location)
    )


def is_valid_checksum(checksum: str, kind: str) -> bool:
    """Return whether the text can be a digest of this kind, and so part of a file name."""
    algorithm = DIGESTS.get(kind)
    return (
        algorithm is not None
        and len(checksum) == algorithm.hex_length
        and bool(HEXADECIMAL.fullmatch(checksum))
    )


def is_used(kind: str) -> bool:
    """Return whether a build reads records of this kind."""
    return not kind.endswith(UNUSED)


def is_web_page(data: bytes) -> bool:
    """Return whether a server sent HTML, for example the login page of a proxy."""
    return (
        data.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower().startswith((b"<!doctype html", b"<html"))
    )


def parse_repomd(data: bytes, where: str) -> Repomd:
    """Parse repomd.xml.  ``where`` names it in errors.

    Raises DescriptionError that lists all of its faults.
    """
    root = _root(data, where)
    faults: list[str] = []
    records = {}
    for element in root.iter(f"{NAMESPACE}data"):
        record = _record(element)
        faults += _faults(record)
        if record.kind in records:
            faults.append(f"it has two records of type {record.kind!r}")
        records[record.kind] = record
    if "primary" not in records:
        faults.append("it has no record of type 'primary'")
    if faults:
        raise DescriptionError(
            "; ".join(faults), where, "the repository is damaged; choose another mirror"
        )
    revision = root.findtext(f"{NAMESPACE}revision", "").strip()
    return Repomd(revision, tuple(records[kind] for kind in sorted(records)))


def _root(data: bytes, where: str) -> etree.Element:
    import xml.etree.ElementTree as etree  # here, because an unchanged build parses nothing

    if is_web_page(data):
        raise DescriptionError(
            "it is a web page, not repomd.xml",
            where,
            "check the URL, and whether the server requires a login or a proxy",
        )
    if DECLARES_ENTITIES.search(data):
        raise DescriptionError(
            "it declares XML entities, which repomd.xml must not do",
            where,
            "choose another mirror",
        )
    try:
        root = etree.fromstring(data)  # nosec B314
    except etree.ParseError as error:
        raise DescriptionError(
            f"not XML ({error.msg})",
            f"{where}:{error.position[0]}",
            "check that the URL is that of a repository",
        ) from None
    except (LookupError, ValueError) as error:  # the encoding that it declares
        raise DescriptionError(
            f"its encoding cannot be read ({error})", where, "choose another mirror"
        ) from None
    if root.tag != f"{NAMESPACE}repomd":
        raise DescriptionError(
            f"the root element is {root.tag!r}, not repomd", where, "check the URL"
        )
    return root


def _record(element: etree.Element) -> Record:
    location = element.find(f"{NAMESPACE}location")
    checksum = element.find(f"{NAMESPACE}checksum")
    return Record(
        kind=element.get("type", ""),
        location="" if location is None else location.get("href", ""),
        checksum="" if checksum is None else (checksum.text or "").strip().lower(),
        checksum_type="" if checksum is None else checksum.get("type", "").lower(),
        size=_number(element.findtext(f"{NAMESPACE}size")),
        open_size=_number(element.findtext(f"{NAMESPACE}open-size")),
    )


def _faults(record: Record) -> list[str]:
    faults = []
    if not is_safe_path(record.location):
        faults.append(
            f"the location {record.location!r} of {record.kind!r} leads out of the repository"
        )
    if not is_valid_checksum(record.checksum, record.checksum_type):
        faults.append(
            f"{record.kind!r} has no valid checksum ({record.checksum_type!r} {record.checksum!r})"
        )
    for size in (record.size, record.open_size):
        if not -1 <= size <= MAX_SIZE:
            faults.append(
                f"{record.kind!r} has a size that is not between 0 and {MAX_SIZE:,} bytes"
            )
    return faults


def _number(text: Optional[str]) -> int:
    """Return the number, -1 for a missing one, and -2 (never a size) for any other text."""
    if text is None:
        return -1
    return int(text) if re.fullmatch(r"\s*[0-9]{1,18}\s*", text) else -2
