# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Open the metadata of a published tree as a stream, by the records of its repomd.xml."""

from __future__ import annotations

import gzip
import os
import re
from typing import IO, cast

from ..errors import DescriptionError, NotFound, Unavailable
from ..files import read_text


def open_record(tree: str, kind: str) -> IO[bytes]:
    """Open the uncompressed content of a record such as ``primary``.

    Raises NotFound, DescriptionError, or Unavailable when zstandard is not installed.
    """
    repomd = os.path.join(tree, "repodata", "repomd.xml")
    pattern = rf'<data type="{re.escape(kind)}">.*?<location href="([^"]+)"'
    location = re.search(pattern, read_text(repomd), re.DOTALL)
    if not location or ".." in location.group(1):
        raise DescriptionError(
            f"the record {kind!r} is missing", repomd, "build the distribution again"
        )
    return _open(os.path.join(tree, location.group(1)))


def _open(path: str) -> IO[bytes]:
    try:
        if path.endswith(".zst"):
            return _open_zstd(path)
        return cast(IO[bytes], gzip.open(path)) if path.endswith(".gz") else open(path, "rb")
    except FileNotFoundError:
        raise NotFound("file not found", path) from None


def _open_zstd(path: str) -> IO[bytes]:
    try:
        import zstandard  # imported here, because only sites with distributions need it
    except ImportError:
        raise Unavailable(
            "zstandard is not installed for this Python", path, "install python3-zstandard"
        ) from None
    return cast(
        IO[bytes],
        zstandard.ZstdDecompressor().stream_reader(
            open(path, "rb"), read_across_frames=True, closefd=True
        ),
    )
