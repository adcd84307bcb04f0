# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read from the header of an RPM file what the package is, a few microseconds per file.

rpm_validation.py checks the file; here it has been checked before.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

from ...errors import DescriptionError
from .rpm_validation import HEADER_MAGIC, LEAD_SIZE, MAX_ENTRIES

NAME = 1000
VERSION = 1001
RELEASE = 1002
EPOCH = 1003
ARCH = 1022
MODULARITY_LABEL = 5096
# Bytes that are read at first: usually the whole index, and the first values.
_FIRST = 16 << 10
# Bytes of the longest value that is read.
_MAX_VALUE = 1024


class RpmIdentity(NamedTuple):
    """The fields of a header that metadata repeats."""

    name: str
    epoch: int
    version: str
    release: str
    arch: str
    """Of a source package: the architecture that built it."""
    module: str
    """``name:stream:version:context`` of the module that the package was built in; or empty."""

    @property
    def nevra(self) -> str:
        """``name-epoch:version-release.arch``, without the epoch when it is 0."""
        epoch = f"{self.epoch}:" if self.epoch else ""
        return f"{self.name}-{epoch}{self.version}-{self.release}.{self.arch}"


def read_identity(path: str) -> RpmIdentity:
    """Return what the main header of an RPM file states.

    Raises DescriptionError when the file is not an RPM, OSError when it cannot be read.
    """
    with open(path, "rb", buffering=0) as file:
        data = file.read(_FIRST)
        try:
            header = LEAD_SIZE + 16 + _length(data, LEAD_SIZE)
            header += -header % 8
            if len(data) < header + 16:
                file.seek(header)
                data = b"\0" * header + file.read(_FIRST)
            entries = struct.unpack_from(">I", data, header + 8)[0]
            index = header + 16
            store = index + 16 * entries
            if data[header : header + 4] != HEADER_MAGIC or entries > MAX_ENTRIES:
                raise ValueError
            if len(data) < store:
                file.seek(0)
                data = file.read(store + _FIRST)
            positions = {
                tag: store + offset
                for tag, _kind, offset, _count in struct.iter_unpack(">IIII", data[index:store])
            }
            epoch = _value(file, data, positions[EPOCH], 4) if EPOCH in positions else b"\0"
            texts = [
                _value(file, data, positions[tag], _MAX_VALUE).split(b"\0")[0].decode()
                if tag in positions
                else ""
                for tag in (NAME, VERSION, RELEASE, ARCH, MODULARITY_LABEL)
            ]
        except (struct.error, ValueError):
            raise DescriptionError("it is not an RPM package", path, "remove it") from None
    name, version, release, arch, module = texts
    return RpmIdentity(
        name=name,
        epoch=int.from_bytes(epoch, "big"),
        version=version,
        release=release,
        arch=arch,
        module=module,
    )


def _length(data: bytes, header: int) -> int:
    """Return the length of a header's index and values."""
    entries, size = struct.unpack_from(">II", data, header + 8)
    return int(16 * entries + size)


def _value(file: BinaryIO, data: bytes, position: int, size: int) -> bytes:
    """Return the bytes at a position, from ``data`` or from the file."""
    if position + size <= len(data):
        return data[position : position + size]
    file.seek(position)
    return file.read(size)
