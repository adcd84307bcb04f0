# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the files of ``repodata``: sequences of frames, other documents, and repomd.xml.

Every file is named by its checksum.  All times come from the metadata of the sources.
"""

from __future__ import annotations

import gzip
import hashlib
from typing import Iterable, Mapping, NamedTuple

from .compression import compress_frame
from .index import (
    CAPABILITIES,
    FILELISTS,
    FRAMED_KINDS,
    OTHER,
    PRIMARY,
    VERDICTS,
    file_head,
    file_tail,
)

REPOMD = "repodata/repomd.xml"
# File kind -> the end of its name.  Not every reader of comps can decompress it.
NAMES = {
    PRIMARY: "primary.xml.zst",
    FILELISTS: "filelists.xml.zst",
    OTHER: "other.xml.zst",
    VERDICTS: "verdicts.tsv.zst",
    CAPABILITIES: "capabilities.zst",
    "rocks": "rocks.json.zst",
    "rocks-build": "build.json.zst",
    "group": "comps.xml",
    "modules": "modules.yaml.gz",
    "updateinfo": "updateinfo.xml.gz",
    "productid": "productid",
}


class RepodataRecord(NamedTuple):
    """One file of ``repodata``."""

    kind: str
    data: bytes
    open_size: int = -1
    """Bytes after decompression; -1 for a file that is not compressed."""


def framed_records(
    shards: Mapping[int, tuple[Mapping[str, bytes], Mapping[str, int]]], packages: int
) -> list[RepodataRecord]:
    """Join the frames of all shards to one record for each kind of file.

    shards    shard number -> (kind -> frame, kind -> length of its content)
    packages  number of packages in all shards
    """
    records = []
    for kind in FRAMED_KINDS:
        head = file_head(kind, packages)
        tail = file_tail(kind)
        in_order = [shards[number] for number in sorted(shards)]
        parts = [
            compress_frame(head) if head else b"",
            *(frames.get(kind, b"") for frames, _lengths in in_order),
            compress_frame(tail) if tail else b"",
        ]
        size = len(head) + len(tail) + sum(lengths.get(kind, 0) for _frames, lengths in in_order)
        records.append(RepodataRecord(kind, b"".join(parts), size))
    return records


def head_lengths(packages: int) -> dict[str, int]:
    """Return the length of the frame before the shards, for each kind of file."""
    return {
        kind: len(compress_frame(head)) if (head := file_head(kind, packages)) else 0
        for kind in FRAMED_KINDS
    }


def make_record(kind: str, content: bytes) -> RepodataRecord:
    """Return another document as a record, compressed according to its file name."""
    name = NAMES[kind]
    if name.endswith(".zst"):
        return RepodataRecord(kind, compress_frame(content), len(content))
    if name.endswith(".gz"):
        return RepodataRecord(kind, gzip.compress(content, 6, mtime=0), len(content))
    return RepodataRecord(kind, content)


def repodata_files(records: Iterable[RepodataRecord], timestamp: int) -> dict[str, bytes]:
    """Return the files of ``repodata``: path in the tree -> content, repomd.xml last.

    timestamp  seconds since 1970 of the newest content, from the metadata of the sources
    """
    files = {}
    rows = []
    for record in records:
        name = f"{hashlib.sha256(record.data).hexdigest()}-{NAMES[record.kind]}"
        files[f"repodata/{name}"] = record.data
        rows.append(_row(record, name, timestamp))
    files[REPOMD] = _REPOMD.format(timestamp=timestamp, rows="".join(rows)).encode()
    return files


_REPOMD = """<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>{timestamp}</revision>
{rows}</repomd>
"""

_ROW = """  <data type="{kind}">
    <checksum type="sha256">{checksum}</checksum>
    <location href="repodata/{name}"/>
    <timestamp>{timestamp}</timestamp>
    <size>{size}</size>
{open_size}  </data>
"""


def _row(record: RepodataRecord, name: str, timestamp: int) -> str:
    return _ROW.format(
        kind=record.kind,
        checksum=name[:64],
        name=name,
        timestamp=timestamp,
        size=len(record.data),
        open_size=f"    <open-size>{record.open_size}</open-size>\n"
        if record.open_size >= 0
        else "",
    )
