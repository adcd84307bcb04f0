# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that are being downloaded: written under a staging name, hashed while they grow.

They get their own names after they were flushed to the disk.
"""

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
    """One file to download."""

    location: str
    """Path below the source's URL."""
    target: str
    """Local path of the complete file."""
    checksum: str
    """Expected checksum in hexadecimal; empty when the source does not publish it."""
    checksum_type: str
    """The algorithm of the checksum, a key of DIGESTS."""
    size: int
    """Expected size in bytes; -1 when the source does not publish it."""


class StagedFile:
    """A file that grows under its staging name, and the digest of its content.

    ``bytes_added`` counts the bytes since it was opened.
    """

    def __init__(self, path: str, item: DownloadItem) -> None:
        self._digest = hashlib.new(
            DIGESTS[item.checksum_type].hashlib_name if item.checksum else "sha256"
        )
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.bytes_added = 0
        self.size = os.fstat(self._descriptor).st_size
        if self.size and (not item.checksum or self.size > item.size >= 0):
            os.ftruncate(self._descriptor, 0)
            self.size = 0
        if self.size:
            self._hash_existing()

    def _hash_existing(self) -> None:
        while piece := os.read(self._descriptor, BUFFER):
            self._digest.update(piece)

    def write(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.bytes_added += len(piece)
        self.size += len(piece)
        written = os.write(self._descriptor, piece)
        while written < len(piece):
            written += os.write(self._descriptor, piece[written:])

    def mismatch(self, item: DownloadItem) -> str:
        """Return how the file differs from its metadata; empty when it does not."""
        if item.size not in (-1, self.size):
            return f"it has {self.size:,} bytes, the metadata states {item.size:,}"
        checksum = self._digest.hexdigest()
        if item.checksum not in ("", checksum):
            return (
                f"its {item.checksum_type} is {checksum[:16]}…,"
                f" the metadata states {item.checksum[:16]}…"
            )
        return ""

    def close(self) -> None:
        os.close(self._descriptor)


def check_space(items: Sequence[DownloadItem], staging: str, where: str) -> None:
    """Raise Unavailable if the files do not fit on the file system of the staging folder.

    The files that are already in the staging folder count as free space.
    """
    needed = sum(max(0, item.size) for item in items)
    status = os.statvfs(staging)
    staged = sum(entry.stat().st_size for entry in os.scandir(staging))
    free = status.f_bavail * status.f_frsize + staged
    if needed > free:
        largest = max(items, key=lambda item: item.size)
        raise Unavailable(
            f"the files have {needed:,} bytes, and the file system of {staging} has {free:,} free",
            where,
            f"free some space; the largest file is {largest.location} with {largest.size:,} bytes",
        )


def remove_file(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def sync_file_system(path: str) -> None:
    """Flush the file system of ``path`` to the disk: syncfs(2), which Python does not offer."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if _LIBC.syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)
