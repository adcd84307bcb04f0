# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decompress the files of any repository, and compress our own as independent zstd frames.

A file that we write is a sequence of frames, one for each shard of the distribution; zstd readers
treat them as one file.  The frame of an unchanged shard can be copied as it is.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import Callable, Protocol

try:
    import zstandard
except ImportError:  # ansible-test, and modules that build nothing, have no libraries
    zstandard = None  # type: ignore[assignment,unused-ignore]

from ...errors import DescriptionError

# For metadata, level 1 is faster than the default 3 by a third, and its files are 5 % smaller.
LEVEL = 1
# Bytes of the largest content that is accepted.
MAX_SIZE = 2 << 30
# The content can be as many times as large as the file, but always as large as MIN_LIMIT bytes.
MAX_RATIO = 250
MIN_LIMIT = 64 << 20
HINT = "the mirror is damaged: run again later, or choose another one"
# Bytes that are read at a time.
_CHUNK = 64 << 20
_PIECE = 64 << 10
# Streams of one file.
_MAX_STREAMS = 100_000
# Bytes of memory that xz can use; xz -9 needs 65 MiB.
_MAX_DICTIONARY = 256 << 20
# Bytes of the content of a frame that we wrote, which is one shard of a file.
_MAX_FRAME = 512 << 20


def compress_frame(content: bytes) -> bytes:
    """Compress ``content`` as one frame, which includes the content's size and checksum.

    Equal content gives equal bytes.
    """
    return zstandard.ZstdCompressor(
        level=LEVEL, write_checksum=True, write_content_size=True
    ).compress(content)


def decompress_frame(data: bytes) -> bytes:
    """Decompress one frame that we wrote.  Raises DescriptionError when it is damaged."""
    try:
        if not 0 <= zstandard.frame_content_size(data) <= _MAX_FRAME:
            raise DescriptionError("a frame does not state a size, or is too large", hint=HINT)
        return zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise DescriptionError(f"a frame is damaged ({error})") from None


def decompress(data: bytes, where: str, size: int = -1) -> bytes:
    """Return the content of a file that is compressed with gzip, xz, bzip2 or zstd, or not at all.

    size  bytes that the content must have; -1 when unknown

    Decompression stops at ``size``, so a small file cannot fill the memory.  Raises
    DescriptionError that names ``where`` when the file is damaged, truncated or has another size.
    """
    # Real metadata is at most sixty times as large as its file; a bomb is much larger.
    limit = min(MAX_SIZE, max(MIN_LIMIT, len(data) * MAX_RATIO))
    if size > limit:
        raise DescriptionError(
            f"has {len(data):,} bytes, and repomd.xml states {size:,} when decompressed",
            where,
            HINT,
        )
    limit = size if size >= 0 else limit
    reader = next((reader for magic, reader in _READERS.items() if data.startswith(magic)), None)
    try:
        content = reader(data, limit) if reader else data
    except (zlib.error, lzma.LZMAError, OSError, EOFError, zstandard.ZstdError) as error:
        raise DescriptionError(f"cannot be decompressed ({error})", where, HINT) from None
    if size >= 0 and len(content) != size:
        actual = f"more than {size:,}" if len(content) > size else f"{len(content):,}"
        raise DescriptionError(
            f"has {actual} bytes when decompressed, repomd.xml states {size:,}", where
        )
    if len(content) > limit:
        raise DescriptionError(
            f"has {len(data):,} bytes, and more than {limit:,} when decompressed", where, HINT
        )
    return content


class _Decoder(Protocol):
    """A decoder of one stream: of zlib, lzma or bz2."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _read_streams(data: bytes, limit: int, make_decoder: Callable[[], _Decoder]) -> bytes:
    """Decompress a sequence of streams, until ``limit`` is exceeded.

    The first stream gets all data at once, because nearly every file has one.  Further streams get
    small pieces, so that the time is in proportion to the data also if each stream is empty.
    """
    parts = []
    total = 0
    position = 0
    for number in range(_MAX_STREAMS):
        decoder = make_decoder()
        while not decoder.eof and total <= limit:
            piece = data[position : position + (_PIECE if number else len(data))]
            if not piece:
                raise EOFError("the file is truncated")
            position += len(piece)
            parts.append(decoder.decompress(piece, limit + 1 - total))
            total += len(parts[-1])
        position -= len(decoder.unused_data)
        is_end = position >= len(data)
        if data[position : position + 1] == b"\0":  # gzip and xz permit zeros at the end
            is_end = not data[position:].strip(b"\0")
        if total > limit or is_end:
            return parts[0] if len(parts) == 1 else b"".join(parts)
    raise EOFError(f"the file has more than {_MAX_STREAMS:,} streams")


def _gzip(data: bytes, limit: int) -> bytes:
    return _read_streams(data, limit, lambda: zlib.decompressobj(31))


def _xz(data: bytes, limit: int) -> bytes:
    return _read_streams(
        data, limit, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_DICTIONARY)
    )


def _bzip2(data: bytes, limit: int) -> bytes:
    return _read_streams(data, limit, bz2.BZ2Decompressor)


def _zstd(data: bytes, limit: int) -> bytes:
    pieces = []
    total = 0
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as stream:
        while total <= limit:
            piece = stream.read(min(limit + 1 - total, _CHUNK))
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
