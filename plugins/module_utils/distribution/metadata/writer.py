# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of ``repodata``: rows of frames, further documents, and the repomd.xml that names them all.

Every file is named by its checksum; nothing carries a time but what the sources' own metadata says.
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
# File kind -> the end of its name.  Group files stay as they are: some readers of comps expand nothing.
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
    """One file of ``repodata``; ``open_size`` is -1 for a file that is not compressed."""

    kind: str
    data: bytes
    open_size: int = -1


def framed_records(
    pieces: Mapping[int, tuple[Mapping[str, bytes], Mapping[str, int]]], packages: int
) -> list[RepodataRecord]:
    """The files that are rows of frames: shard number -> (kind -> frame, kind -> length of its content)."""
    records = []
    for kind in FRAMED_KINDS:
        begin, end = file_head(kind, packages), file_tail(kind)
        rows = [pieces[number] for number in sorted(pieces)]
        parts = [
            compress_frame(begin) if begin else b"",
            *(frames.get(kind, b"") for frames, _lengths in rows),
            compress_frame(end) if end else b"",
        ]
        size = len(begin) + len(end) + sum(lengths.get(kind, 0) for _frames, lengths in rows)
        records.append(RepodataRecord(kind, b"".join(parts), size))
    return records


def head_lengths(packages: int) -> dict[str, int]:
    """How long the frame before the shards is, in each kind of file."""
    return {
        kind: len(compress_frame(begin)) if (begin := file_head(kind, packages)) else 0
        for kind in FRAMED_KINDS
    }


def make_record(kind: str, content: bytes) -> RepodataRecord:
    """A further document, compressed as its name says."""
    name = NAMES[kind]
    if name.endswith(".zst"):
        return RepodataRecord(kind, compress_frame(content), len(content))
    if name.endswith(".gz"):
        return RepodataRecord(kind, gzip.compress(content, 6, mtime=0), len(content))
    return RepodataRecord(kind, content)


def repodata_files(records: Iterable[RepodataRecord], timestamp: int) -> dict[str, bytes]:
    """The files of ``repodata``: path in the tree -> content; the last one is repomd.xml.

    timestamp  the time, in seconds since 1970, of the newest thing in it, from the sources
    """
    files, rows = {}, []
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
