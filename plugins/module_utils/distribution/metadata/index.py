# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the metadata of a generation: its index, and any shard of any of its files without the rest.

The index and its files are records of repomd.xml named ``rocks`` and ``rocks-…``, which other
readers ignore.  So the signature and the checksums of the repository cover them, and a child
distribution on another frontend can use them.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from typing import Any, Mapping, NamedTuple, Optional, Union

from ... import files
from ...errors import DescriptionError, NotFound
from ..model import Package, Verdict
from . import shards
from .compression import decompress, decompress_frame
from .normalise import xml_head, xml_tail
from .repomd import is_safe_path
from .slices import Listing, Primary, slice_listing, slice_primary

FORMAT = 1
INDEX = "rocks"
VERDICTS = "rocks-verdicts"
CAPABILITIES = "rocks-capabilities"
BUILD = "rocks-build"
PRIMARY = "primary"
FILELISTS = "filelists"
OTHER = "other"
# Kinds of candidates in ``Index.candidates``; the others are architectures.
OFFERED = "offered"
SOURCE_PACKAGES = "source packages"
# The files that are sequences of frames, one frame per shard.
FRAMED_KINDS = (PRIMARY, FILELISTS, OTHER, VERDICTS, CAPABILITIES)
REPOMD = os.path.join("repodata", "repomd.xml")
_RECORD = re.compile(r'<data type="([^"]+)">.*?<location href="([^"]+)"/>.*?</data>', re.DOTALL)


class Frame(NamedTuple):
    """One compressed frame of a file."""

    length: int
    """Compressed size in bytes."""
    content_length: int
    """Size of the content in bytes."""
    crc: int
    """CRC-32 of the compressed frame."""


class Shard(NamedTuple):
    """A shard as the index describes it."""

    content_digest: str
    """Digest of its packages and their file names: the name of its set in the pool."""
    metadata_digest: str
    """Digest of what its metadata was made from."""
    counts: Mapping[str, int]
    """Source name -> number of packages."""
    frames: Mapping[str, Frame]
    """File kind -> its frame; a kind without content is absent."""
    remarks: tuple[str, ...]
    clashes: tuple[tuple[str, str, str], ...]
    """NEVRA, preferred source, other source."""
    repairs: tuple[tuple[str, str, str], ...] = ()
    """Checksum and source of a package whose metadata was repaired, and the remark about it."""

    @property
    def packages(self) -> int:
        return sum(self.counts.values())


class Index(NamedTuple):
    """The description of a generation that is stored in its own repodata."""

    arch: str
    release: str
    identity: str
    layout: str
    signer: str
    rules_digest: str
    """Digest of the rules of the choice: everything but the packages."""
    origins: Mapping[str, str]
    """Source name -> identity of its metadata."""
    directory_digests: Mapping[str, Mapping[int, str]]
    """Name of a directory source -> digest of its packages in each shard."""
    head_lengths: Mapping[str, int]
    """File kind -> length of the frame before the shards' frames."""
    shards: Mapping[int, Shard]
    """Shard number -> shard; those without candidates are absent."""
    files: Mapping[str, str]
    """Path -> SHA-256 of every file in the tree that is neither a package nor metadata."""
    newest_timestamp: int
    """Seconds since 1970 of the newest content."""
    remarks: Mapping[str, tuple[str, ...]] = {}
    """Kind of a document -> what was repaired or left out."""
    modules_digest: str = ""
    """Digest of the decisions about module streams; empty when no package is of a module."""
    candidates: Mapping[str, Mapping[str, int]] = {}
    """Source name -> kind -> number of packages: OFFERED, SOURCE_PACKAGES, or the architecture of
    packages that are not for the nodes.
    """

    timestamps: Mapping[str, int] = {}
    """Source name -> seconds since 1970 of its newest metadata; directories have none."""

    @property
    def counts(self) -> dict[str, int]:
        """Source name -> number of packages in the distribution."""
        total: dict[str, int] = dict.fromkeys(self.origins, 0)
        for shard in self.shards.values():
            for source, number in shard.counts.items():
                total[source] += number
        return total


# Field -> its name in stored indexes of FORMAT 1, where the two differ.
_STORED_NAMES = {
    "rules_digest": "rules",
    "directory_digests": "rows",
    "head_lengths": "heads",
    "newest_timestamp": "moment",
    "content_digest": "content",
    "metadata_digest": "text",
}
_FIELD_NAMES = {stored: field for field, stored in _STORED_NAMES.items()}


def encode_index(index: Index) -> bytes:
    """Return the index as JSON.  Equal indexes give equal bytes."""
    fields = _stored_fields(index)
    fields["format"] = FORMAT
    fields["shards"] = {number: _stored_fields(shard) for number, shard in index.shards.items()}
    text = json.dumps(fields, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return text.encode() + b"\n"


def _stored_fields(record: Union[Index, Shard]) -> dict[str, Any]:
    """Return the fields of a record, without those that were added later and have no value."""
    fields = {
        name: value
        for name, value in record._asdict().items()
        if value or name not in record._field_defaults
    }
    return _rename_keys(fields, _STORED_NAMES)


def decode_index(data: bytes, where: str) -> Index:
    """Return the index that ``encode_index`` encoded.  Raises DescriptionError for other data."""
    try:
        fields = json.loads(data)
        if fields.pop("format") != FORMAT:
            raise DescriptionError(
                "built by another version of this collection", where, "build it again"
            )
        fields["shards"] = {
            int(number): _decode_shard(shard) for number, shard in fields["shards"].items()
        }
        fields["rows"] = {
            source: {int(number): digest for number, digest in digests.items()}
            for source, digests in fields["rows"].items()
        }
        fields["remarks"] = {
            kind: tuple(remarks) for kind, remarks in fields.get("remarks", {}).items()
        }
        return Index(**_rename_keys(fields, _FIELD_NAMES))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DescriptionError(
            f"not the index of a distribution ({error})", where, "build it again"
        ) from None


def _decode_shard(fields: dict[str, Any]) -> Shard:
    fields["frames"] = {kind: Frame(*frame) for kind, frame in fields["frames"].items()}
    fields["remarks"] = tuple(fields["remarks"])
    fields["clashes"] = tuple(tuple(clash) for clash in fields["clashes"])
    fields["repairs"] = tuple(tuple(repair) for repair in fields.get("repairs", ()))
    return Shard(**_rename_keys(fields, _FIELD_NAMES))


def _rename_keys(fields: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in fields.items()}


def record_paths(folder: str) -> dict[str, str]:
    """Read repomd.xml of a generation: record type -> path relative to ``folder``."""
    return dict(_RECORD.findall(files.read_text(os.path.join(folder, REPOMD))))


def file_head(kind: str, packages: int) -> bytes:
    """Return the uncompressed part of a file of this kind before the shards' frames."""
    return xml_head(kind, packages) if kind in (PRIMARY, FILELISTS, OTHER) else b""


def file_tail(kind: str) -> bytes:
    """Return the uncompressed part of a file of this kind after the shards' frames."""
    return xml_tail(kind) if kind in (PRIMARY, FILELISTS, OTHER) else b""


class PublishedGeneration:
    """The metadata of a generation.  Files are read when they are first used."""

    def __init__(self, folder: str, index: Index, paths: Mapping[str, str]) -> None:
        self.folder = folder
        self.index = index
        self._paths = paths
        self._data: dict[str, bytes] = {}
        self._offsets: dict[str, dict[int, int]] = {}
        self._slices: dict[tuple[str, int], Union[Primary, Listing]] = {}
        self._verdicts: dict[int, list[Verdict]] = {}

    def frame(self, kind: str, shard: int) -> bytes:
        """Return the compressed frame of one shard; empty when the shard has none.

        Raises DescriptionError when the frame is damaged.
        """
        entry = self.index.shards.get(shard)
        frame = entry.frames.get(kind) if entry else None
        if frame is None:
            return b""
        data = self._read(kind)
        start = self._offsets[kind][shard]
        compressed = data[start : start + frame.length]
        if zlib.crc32(compressed) != frame.crc:
            raise DescriptionError(
                f"shard {shard} is damaged",
                self._where(kind),
                "remove this generation, and build again",
            )
        return compressed

    def frame_content(self, kind: str, shard: int) -> bytes:
        """Return the decompressed frame of one shard."""
        frame = self.frame(kind, shard)
        return decompress_frame(frame) if frame else b""

    def verdicts(self, shard: int) -> list[Verdict]:
        """Return the verdict on each candidate of a shard."""
        if shard not in self._verdicts:
            line = self.frame_content(VERDICTS, shard)
            self._verdicts[shard] = shards.decode_verdicts(line) if line else []
        return self._verdicts[shard]

    def packages(self, shard: int) -> list[Package]:
        """Return the packages of a shard, sorted."""
        return shards.sort_packages(
            verdict.package for verdict in self.verdicts(shard) if verdict.chosen
        )

    def package_xml(self, kind: str, package: Package, location: str) -> Optional[bytes]:
        """Return a package's element in a file of this kind, with ``location`` as its href.

        None when the file does not contain the package.
        """
        slices = self._slice(kind, shards.shard_of(package.name))
        if isinstance(slices, Primary):
            return (
                slices.package_xml(package.checksum, location)
                if package.checksum in slices.spans
                else None
            )
        return slices.package_xml(package.checksum)

    def packages_from_xml(self, shard: int) -> list[Package]:
        """Return the packages of a shard as in their XML, with their locations in this tree."""
        slices = self._slice(PRIMARY, shard)
        return slices.packages if isinstance(slices, Primary) else []

    def _slice(self, kind: str, shard: int) -> Union[Primary, Listing]:
        if (kind, shard) not in self._slices:
            document = b"".join(
                (xml_head(kind, 0), self.frame_content(kind, shard), xml_tail(kind))
            )
            where = self._where(kind)
            self._slices[kind, shard] = (
                slice_primary(document, "", where)
                if kind == PRIMARY
                else slice_listing(document, kind, where)
            )
        return self._slices[kind, shard]

    def document(self, kind: str) -> bytes:
        """Return another document, decompressed; empty when there is none."""
        path = self._paths.get(kind)
        return decompress(files.read_bytes(self._where(kind)), path) if path else b""

    def build_files(self) -> dict[str, str]:
        """Return the text of every XML file below ``build/``, by path.

        Raises DescriptionError when a path leaves that folder: another frontend may have built the
        distribution.
        """
        path = self._paths.get(BUILD)
        if path is None:
            return {}
        where = self._where(BUILD)
        try:
            texts = dict(json.loads(decompress(files.read_bytes(where), where)))
        except (ValueError, TypeError, RecursionError) as error:
            raise DescriptionError(
                f"not the XML of a distribution ({error})", where, "build it again"
            ) from None
        unsafe = sorted(name for name in map(str, texts) if not is_safe_path(name))
        if unsafe:
            raise DescriptionError(
                f"the path {unsafe[0]!r} leads out of build/", self._where(BUILD)
            )
        return {str(name): str(text) for name, text in texts.items()}

    def unload(self, kind: str) -> None:
        """Free the memory of a file of this kind."""
        self._data.pop(kind, None)
        self._slices = {key: slices for key, slices in self._slices.items() if key[0] != kind}

    def _read(self, kind: str) -> bytes:
        if kind not in self._data:
            self._data[kind] = files.read_bytes(self._where(kind))
            self._offsets[kind] = self._locate(kind)
        return self._data[kind]

    def _locate(self, kind: str) -> dict[int, int]:
        offset = self.index.head_lengths.get(kind, 0)
        offsets = {}
        for number, shard in sorted(self.index.shards.items()):
            if kind in shard.frames:
                offsets[number] = offset
                offset += shard.frames[kind].length
        return offsets

    def _where(self, kind: str) -> str:
        return os.path.join(self.folder, self._paths[kind])


def open_published(folder: str) -> Optional[PublishedGeneration]:
    """Open the generation in ``folder``; None when the folder has no index of ours."""
    try:
        paths = record_paths(folder)
    except NotFound:
        return None
    if INDEX not in paths:
        return None
    where = os.path.join(folder, paths[INDEX])
    return PublishedGeneration(
        folder, decode_index(decompress(files.read_bytes(where), where), where), paths
    )
