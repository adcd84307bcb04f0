# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read files of an ISO 9660 image (ECMA-119) with the names of Rock Ridge (IEEE P1282).

An image of a vendor is read in place: it is neither mounted, which only root can do, nor unpacked,
which would take the space of the whole medium.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from typing import BinaryIO, Iterator, NamedTuple, Optional

from ...errors import DescriptionError, NotFound

BLOCK = 2048
FIRST_DESCRIPTOR = 16
MAX_DESCRIPTORS = 64
PRIMARY_DESCRIPTOR = 1
MAGIC = b"CD001"
ROOT_RECORD = 156
IS_DIRECTORY = 0x02
CONTINUES = 0x80
MAX_DIRECTORY = 64 << 20
MAX_CONTINUATIONS = 64
CHUNK = 1 << 20
HINT = "copy the image again, and compare its checksum with the vendor's"


class Extent(NamedTuple):
    """A part of a file or directory."""

    block: int
    size: int
    """Bytes."""


class Entry(NamedTuple):
    """A file or a directory."""

    name: str
    is_directory: bool
    extents: tuple[Extent, ...]


class _RockRidge(NamedTuple):
    name: str
    """Empty without Rock Ridge."""
    relocated: int
    """Block of the directory; 0 if it is not relocated."""


def is_image(path: str) -> bool:
    """Return whether a path is a file or a drive that can contain an image, and not a folder."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISBLK(mode)


class IsoImage:
    """An image.  Paths in it are relative to its root.

    Raises DescriptionError that names the image when it is damaged or another kind of file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._directories: dict[tuple[Extent, ...], dict[str, Entry]] = {}
        with self._open() as file:
            self._root = self._read_root(file)

    def read(self, path: str) -> bytes:
        """Return the content of a file.  Raises NotFound."""
        with self._open() as file:
            return b"".join(self._chunks(file, self._find_file(file, path)))

    def exists(self, path: str) -> bool:
        """Return whether the image contains this file."""
        with self._open() as file:
            entry = self._find(file, path)
        return entry is not None and not entry.is_directory

    def copy(self, path: str, target: str) -> None:
        """Copy a file out of the image to a path that does not exist.  Raises NotFound."""
        with self._open() as file:
            entry = self._find_file(file, path)
            with open(target, "xb") as copy:
                copy.writelines(self._chunks(file, entry))

    def sha256(self, path: str) -> str:
        """Return the SHA-256 of a file in the image, in hexadecimal.  Raises NotFound."""
        digest = hashlib.sha256()
        with self._open() as file:
            for chunk in self._chunks(file, self._find_file(file, path)):
                digest.update(chunk)
        return digest.hexdigest()

    def _open(self) -> BinaryIO:
        try:
            return open(self.path, "rb")
        except OSError as error:
            raise DescriptionError(f"cannot be read ({error.strerror})", self.path) from error

    def _read_root(self, file: BinaryIO) -> Entry:
        for number in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + MAX_DESCRIPTORS):
            file.seek(number * BLOCK)
            descriptor = file.read(BLOCK)
            if len(descriptor) < BLOCK or descriptor[1:6] != MAGIC:
                break
            if descriptor[0] == PRIMARY_DESCRIPTOR:
                (block_size,) = struct.unpack_from("<H", descriptor, 128)
                if block_size != BLOCK:
                    raise self._damaged(f"its blocks have {block_size} bytes")
                block, size = struct.unpack_from("<I4xI", descriptor, ROOT_RECORD + 2)
                return Entry("", True, (Extent(block, size),))
        raise DescriptionError("neither a folder nor an ISO 9660 image", self.path, HINT)

    def _find_file(self, file: BinaryIO, path: str) -> Entry:
        entry = self._find(file, path)
        if entry is None or entry.is_directory:
            raise NotFound("the image does not contain this file", f"{self.path}/{path}", HINT)
        return entry

    def _find(self, file: BinaryIO, path: str) -> Optional[Entry]:
        entry = self._root
        for name in path.split("/"):
            if name in ("", "."):
                continue
            if not entry.is_directory:
                return None
            child = self._list(file, entry).get(name)
            if child is None:
                return None
            entry = child
        return entry

    def _list(self, file: BinaryIO, directory: Entry) -> dict[str, Entry]:
        """Return the content of a directory by name.  Each directory is read once."""
        if directory.extents not in self._directories:
            if sum(extent.size for extent in directory.extents) > MAX_DIRECTORY:
                raise self._damaged("a directory is too large")
            data = b"".join(self._chunks(file, directory))
            entries: dict[str, Entry] = {}
            for entry in self._entries(file, data):
                earlier = entries.get(entry.name)
                if earlier and not earlier.is_directory:  # a further extent of a large file
                    entry = entry._replace(extents=earlier.extents + entry.extents)
                entries[entry.name] = entry
            self._directories[directory.extents] = entries
        return self._directories[directory.extents]

    def _entries(self, file: BinaryIO, data: bytes) -> Iterator[Entry]:
        position = 0
        while position < len(data):
            length = data[position]
            if length == 0:  # the rest of a block is empty
                position = (position // BLOCK + 1) * BLOCK
                continue
            record = data[position : position + length]
            if length < 34 or len(record) < length:
                raise self._damaged("a directory record is truncated")
            position += length
            block, size = struct.unpack_from("<I4xI", record, 2)
            name_length = record[32]
            name = record[33 : 33 + name_length]
            if name in (b"\0", b"\1"):  # the directory itself and its parent
                continue
            fields = record[33 + name_length + (name_length + 1) % 2 :]
            rock_ridge = self._rock_ridge(file, fields)
            entry = Entry(
                name=rock_ridge.name or _plain_name(name),
                is_directory=bool(record[25] & IS_DIRECTORY),
                extents=(Extent(block, size),),
            )
            yield self._relocated(file, entry, rock_ridge.relocated) or entry

    def _relocated(self, file: BinaryIO, entry: Entry, block: int) -> Optional[Entry]:
        """Return the directory to which a placeholder refers, because it is nested too deeply."""
        if not block:
            return None
        file.seek(block * BLOCK)
        record = file.read(34)
        if len(record) < 34:
            raise self._damaged("a relocated directory is missing")
        (size,) = struct.unpack_from("<I", record, 10)
        return Entry(entry.name, True, (Extent(block, size),))

    def _rock_ridge(self, file: BinaryIO, fields: bytes) -> _RockRidge:
        """Read the name (NM) and the place of a relocated directory (CL) from the system use area.

        The area can continue elsewhere (CE).
        """
        name = b""
        relocated = 0
        for _number in range(MAX_CONTINUATIONS):
            continuation = None
            while len(fields) >= 4 and 4 <= fields[2] <= len(fields):
                signature = fields[:2]
                field = fields[: fields[2]]
                if signature == b"NM":
                    name += field[5:]
                elif signature == b"CL" and len(field) >= 8:
                    (relocated,) = struct.unpack_from("<I", field, 4)
                elif signature == b"CE" and len(field) >= 28:
                    continuation = struct.unpack_from("<I4xI4xI", field, 4)
                fields = fields[len(field) :]
            if continuation is None:
                return _RockRidge(name.decode("utf-8", "replace"), relocated)
            block, offset, size = continuation
            file.seek(block * BLOCK + offset)
            fields = file.read(min(size, BLOCK))
        raise self._damaged("a name is continued without end")

    def _chunks(self, file: BinaryIO, entry: Entry) -> Iterator[bytes]:
        for extent in entry.extents:
            file.seek(extent.block * BLOCK)
            remaining = extent.size
            while remaining:
                chunk = file.read(min(remaining, CHUNK))
                if not chunk:
                    raise self._damaged("the image is truncated")
                remaining -= len(chunk)
                yield chunk

    def _damaged(self, what: str) -> DescriptionError:
        return DescriptionError(f"the ISO image is damaged: {what}", self.path, HINT)


def _plain_name(name: bytes) -> str:
    """Return a name of ISO 9660, which has capitals and a version, in lower case without it."""
    return name.decode("ascii", "replace").partition(";")[0].rstrip(".").lower()
