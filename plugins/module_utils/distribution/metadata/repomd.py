# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""repomd.xml: what a repository's metadata consists of, and what each part must hash to.

Everything here came over the network and is believed only as far as it can be checked: no path that leaves the
repository, no checksum that is none, no size that would fill the disk.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Optional

from ...errors import DescriptionError
from ..model import DIGESTS

if TYPE_CHECKING:
    import xml.etree.ElementTree as etree

NAMESPACE = "{http://linux.duke.edu/metadata/repo}"
MAX_SIZE = 4 << 30
# SQLite copies of the same data, zchunk, delta RPMs, and the compressed twins of comps: nobody here reads them.
UNUSED = ("_db", "_zck", "_gz", "_xz", "_zst", "_ext", "prestodelta", "deltainfo")
HEXADECIMAL = re.compile(r"[0-9a-f]+")
ODD = re.compile(r"[\x00-\x1f\x7f\\]|://")


class Record(NamedTuple):
    """One ``<data>`` of repomd.xml.

    kind           primary, filelists, other, group, modules, updateinfo, …
    location       path below the repository's folder
    checksum       hexadecimal digest of the file as it lies on the server
    checksum_type  a key of DIGESTS
    size           bytes of that file; -1 when repomd.xml does not tell
    open_size      bytes after decompression; -1 when repomd.xml does not tell
    """

    kind: str
    location: str
    checksum: str
    checksum_type: str
    size: int = -1
    open_size: int = -1


class Repomd(NamedTuple):
    """The parsed file; records sorted by kind."""

    revision: str
    records: tuple[Record, ...]

    def record(self, kind: str) -> Optional[Record]:
        """The record of this kind, or None."""
        return next((record for record in self.records if record.kind == kind), None)


def is_safe_path(location: str) -> bool:
    """True for a relative path of a file that stays below the folder it is relative to."""
    segments = location.split("/")
    return (
        bool(segments[0])
        and segments[-1] not in ("", ".")
        and ".." not in segments
        and not ODD.search(location)
    )


def is_valid_checksum(checksum: str, kind: str) -> bool:
    """True when the text can be a digest of this kind, and so may become part of a file's name."""
    return (
        kind in DIGESTS
        and len(checksum) == DIGESTS[kind][1]
        and bool(HEXADECIMAL.fullmatch(checksum))
    )


def is_used(kind: str) -> bool:
    """Whether a build reads records of this kind."""
    return not kind.endswith(UNUSED)


def parse_repomd(data: bytes, where: str) -> Repomd:
    """Read repomd.xml.  ``where`` names it in errors.

    Raises DescriptionError that lists everything that is wrong with it.
    """
    root = _root(data, where)
    faults: list[str] = []
    records = {}
    for element in root.iter(f"{NAMESPACE}data"):
        record = _record(element)
        faults += _faults(record)
        if record.kind in records:
            faults.append(f"two records are of type {record.kind!r}")
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

    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise DescriptionError(
            "it declares entities, which no repomd.xml does", where, "choose another mirror"
        )
    try:
        root = etree.fromstring(data)
    except etree.ParseError as error:
        raise DescriptionError(
            f"not XML ({error.msg})",
            f"{where}:{error.position[0]}",
            "is the URL that of a repository?",
        ) from None
    if root.tag != f"{NAMESPACE}repomd":
        raise DescriptionError(
            f"the root element is {root.tag!r}, not repomd", where, "is the URL right?"
        )
    return root


def _record(element: etree.Element) -> Record:
    location = element.find(f"{NAMESPACE}location")
    checksum = element.find(f"{NAMESPACE}checksum")
    return Record(
        element.get("type", ""),
        "" if location is None else location.get("href", ""),
        "" if checksum is None else (checksum.text or "").strip().lower(),
        "" if checksum is None else checksum.get("type", "").lower(),
        _number(element.findtext(f"{NAMESPACE}size")),
        _number(element.findtext(f"{NAMESPACE}open-size")),
    )


def _faults(record: Record) -> list[str]:
    faults = []
    if not is_safe_path(record.location):
        faults.append(
            f"the location {record.location!r} of {record.kind!r} leads out of the repository"
        )
    if not is_valid_checksum(record.checksum, record.checksum_type):
        faults.append(
            f"{record.kind!r} has no usable checksum ({record.checksum_type!r} {record.checksum!r})"
        )
    for size in (record.size, record.open_size):
        if not -1 <= size <= MAX_SIZE:
            faults.append(
                f"{record.kind!r} claims an impossible size (at most {MAX_SIZE:,} bytes are believed)"
            )
    return faults


def _number(text: Optional[str]) -> int:
    """The number, -1 for none, and -2, which is no size, for anything else."""
    if text is None:
        return -1
    return int(text) if text.strip().isdecimal() else -2
