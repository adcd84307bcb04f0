# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compressed files: expanded whatever wrote them, and our own as independent frames.

A file of ours is a row of zstd frames, one per part of the distribution, which every reader of zstd takes for one
file.  So a part that did not change is copied as it is.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import Callable

try:
    import zstandard
except ImportError:  # ansible-test, and whoever only looks, has no libraries
    zstandard = None  # type: ignore[assignment,unused-ignore]

from ...errors import DescriptionError

# On metadata 1 is faster than the usual 3 by a third, and its files are smaller by a twentieth.
LEVEL = 1
MAX_SIZE = 4 << 30
# What zstandard allocates at once when the size is not known.
_PIECE = 1 << 22


def compress_frame(content: bytes) -> bytes:
    """One frame.  The same content gives the same bytes; the frame carries the size of its content, and a checksum."""
    return zstandard.ZstdCompressor(
        level=LEVEL, write_checksum=True, write_content_size=True
    ).compress(content)


def decompress_frame(data: bytes) -> bytes:
    """The content of one frame of ours.  Raises DescriptionError when it is damaged."""
    try:
        return zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise DescriptionError(f"a frame is damaged ({error})") from None


def decompress(data: bytes, where: str, size: int = -1) -> bytes:
    """The content of a file that gzip, xz, bzip2, zstd or nothing compressed.

    size  bytes that it must have when expanded; -1 when nobody told

    Raises DescriptionError that names ``where``: damaged, cut short, or of another size; a small file that expands
    without end is stopped at ``size``.
    """
    limit = size if size >= 0 else MAX_SIZE
    reader = next((reader for magic, reader in _READERS.items() if data.startswith(magic)), None)
    try:
        content = reader(data, limit) if reader else data
    except (zlib.error, lzma.LZMAError, OSError, EOFError, zstandard.ZstdError) as error:
        raise DescriptionError(
            f"cannot be expanded ({error})", where, "the mirror is damaged, sync it again"
        ) from None
    if size >= 0 and len(content) != size:
        found = f"more than {size:,}" if len(content) > size else f"{len(content):,}"
        raise DescriptionError(f"expands to {found} bytes, repomd.xml promises {size:,}", where)
    if len(content) > limit:
        raise DescriptionError(f"expands to more than {limit:,} bytes", where)
    return content


def _gzip(data: bytes, limit: int) -> bytes:
    parts, total = [], 0
    while data and total <= limit:
        member = zlib.decompressobj(31)
        parts.append(member.decompress(data, limit + 1 - total))
        total += len(parts[-1])
        if not member.eof and total <= limit:
            raise EOFError("it ends too early")
        data = member.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _xz(data: bytes, limit: int) -> bytes:
    stream = lzma.LZMADecompressor()
    content = stream.decompress(data, limit + 1)
    if not stream.eof and len(content) <= limit:
        raise EOFError("it ends too early")
    return content


def _bzip2(data: bytes, limit: int) -> bytes:
    stream = bz2.BZ2Decompressor()
    content = stream.decompress(data, limit + 1)
    if not stream.eof and len(content) <= limit:
        raise EOFError("it ends too early")
    return content


def _zstd(data: bytes, limit: int) -> bytes:
    pieces, total = [], 0
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as stream:
        while total <= limit:
            piece = stream.read(
                min(limit + 1 - total, _PIECE) if limit == MAX_SIZE else limit + 1 - total
            )
            if not piece:
                break
            pieces.append(piece)
            total += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


_READERS: dict[bytes, Callable[[bytes, int], bytes]] = {
    b"\x1f\x8b": _gzip,
    b"\xfd7zXZ\x00": _xz,
    b"BZh": _bzip2,
    b"\x28\xb5\x2f\xfd": _zstd,
}
