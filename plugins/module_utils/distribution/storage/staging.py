# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that are on their way: written under a staging name, hashed as they grow, flushed before they are named."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
from typing import NamedTuple, Sequence

from ...errors import Unavailable
from ..model import DIGESTS

BUFFER = 256 << 10
_LIBC = ctypes.CDLL(None, use_errno=True)


class DownloadItem(NamedTuple):
    """One file to fetch.

    location  below the source's URL
    target    the path that it gets when it is complete
    checksum, checksum_type, size   what it must be; "" and -1 when the source does not tell
    """

    location: str
    target: str
    checksum: str
    checksum_type: str
    size: int


class StagedFile:
    """A file that grows under its staging name, and the digest of what it holds; ``grown``: since it was opened."""

    def __init__(self, path: str, item: DownloadItem) -> None:
        self._digest = hashlib.new(DIGESTS[item.checksum_type][0] if item.checksum else "sha256")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.bytes_added = 0
        self.size = os.fstat(self._descriptor).st_size
        if self.size and (not item.checksum or self.size > item.size >= 0):
            os.ftruncate(self._descriptor, 0)
            self.size = 0
        if self.size:
            self._read_again()

    def _read_again(self) -> None:
        while piece := os.read(self._descriptor, BUFFER):
            self._digest.update(piece)

    def write(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.bytes_added += len(piece)
        self.size += len(piece)
        written = os.write(self._descriptor, piece)
        while written < len(piece):
            written += os.write(self._descriptor, piece[written:])

    def difference(self, item: DownloadItem) -> str:
        """How the file differs from its promise, or nothing."""
        if item.size not in (-1, self.size):
            return f"it has {self.size:,} bytes, the metadata promises {item.size:,}"
        checksum = self._digest.hexdigest()
        if item.checksum not in ("", checksum):
            return f"its {item.checksum_type} is {checksum[:16]}…, the metadata promises {item.checksum[:16]}…"
        return ""

    def close(self) -> None:
        os.close(self._descriptor)


def check_space(items: Sequence[DownloadItem], staging: str, where: str) -> None:
    """Refuse before the first byte what cannot fit; what lies in the staging folder already is not counted."""
    needed = sum(max(0, item.size) for item in items)
    room = os.statvfs(staging)
    free = room.f_bavail * room.f_frsize + sum(
        entry.stat().st_size for entry in os.scandir(staging)
    )
    if needed > free:
        largest = max(items, key=lambda item: item.size)
        raise Unavailable(
            f"{needed:,} bytes are to be fetched and {free:,} are free on the file system of {staging}",
            where,
            f"make room; the largest file is {largest.location} with {largest.size:,} bytes",
        )


def remove_file(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def sync_file_system(path: str) -> None:
    """Flush everything that was written to the file system that holds ``path``: syncfs(2), which Python lacks."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if _LIBC.syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)
