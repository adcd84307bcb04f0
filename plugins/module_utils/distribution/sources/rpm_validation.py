# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check an RPM file before a library reads it: its size, and the digests in its own headers.

The layout is lead, signature header, main header, payload (rpm.org, "RPM package format").
signatures.py checks signatures.
"""

from __future__ import annotations

import hashlib
import os
import struct
from typing import Any, BinaryIO, Mapping, NamedTuple, Optional

from ...errors import DescriptionError

LEAD_SIZE = 96
LEAD_MAGIC = b"\xed\xab\xee\xdb"
HEADER_MAGIC = b"\x8e\xad\xe8\x01"
# The limits of rpm itself (lib/header.c).
MAX_ENTRIES = 0xFFFF
MAX_DATA = 256 << 20
CHUNK = 1 << 20

# Tags of the signature header: sizes and digests of the main header and the payload.
SIZE = 1000
LONG_SIZE = 270
HEADER_SHA1 = 269
HEADER_SHA256 = 273
MD5 = 1004
# Tags of the main header.
PAYLOAD_DIGEST = 5092
PAYLOAD_ALGORITHM = 5093
# Value of PAYLOAD_ALGORITHM -> name of the algorithm in hashlib.
ALGORITHMS = {8: "sha256", 9: "sha384", 10: "sha512", 12: "sha3_256", 14: "sha3_512"}
# Types of header entries.
INT32 = 4
INT64 = 5
STRING = 6
BINARY = 7
STRINGS = 8


class _Header(NamedTuple):
    raw: bytes
    values: Mapping[int, Any]


def check_rpm(path: str, where: str) -> None:
    """Compare a file with the sizes and digests in its own headers.

    Raises DescriptionError at ``where`` when it is not an RPM, truncated or damaged.
    """
    size = os.stat(path).st_size
    with open(path, "rb") as file:
        lead = file.read(LEAD_SIZE)
        if len(lead) < LEAD_SIZE or not lead.startswith(LEAD_MAGIC):
            raise DescriptionError(
                "not an RPM package", where, "remove it, or copy the package again"
            )
        signature = _read_header(
            file, size, where, (SIZE, LONG_SIZE, HEADER_SHA1, HEADER_SHA256, MD5)
        )
        file.seek(-len(signature.raw) % 8, os.SEEK_CUR)
        begin = file.tell()
        header = _read_header(file, size, where, (PAYLOAD_DIGEST, PAYLOAD_ALGORITHM))
        _check_size(signature.values, size - begin, where)
        _check_header(signature.values, header.raw, where)
        _check_payload(file, signature.values, header, where)


def _read_header(file: BinaryIO, size: int, where: str, tags: tuple[int, ...]) -> _Header:
    """Read the header at the file's position, with the values of some of its tags."""
    intro = file.read(16)
    if len(intro) < 16 or not intro.startswith(HEADER_MAGIC):
        raise _damaged_error("a header is missing", where)
    entries, data_size = struct.unpack(">8xII", intro)
    length = 16 * entries + data_size
    if entries > MAX_ENTRIES or data_size > MAX_DATA or file.tell() + length > size:
        raise _damaged_error(f"a header states {length:,} bytes, the file has {size:,}", where)
    content = file.read(length)
    values = {}
    for number in range(entries):
        tag, kind, offset, count = struct.unpack_from(">IIII", content, 16 * number)
        if tag in tags and offset < data_size:
            values[tag] = _value(content, 16 * entries + offset, kind, count)
    return _Header(intro + content, values)


def _value(data: bytes, start: int, kind: int, count: int) -> Optional[Any]:
    """Return the first value of an entry; None for other types, and for data beyond the header."""
    width = {INT32: 4, INT64: 8, BINARY: count}.get(kind)
    if width is not None and start + width > len(data):
        return None
    if kind in (INT32, INT64):
        return int.from_bytes(data[start : start + {INT32: 4, INT64: 8}[kind]], "big")
    if kind in (STRING, STRINGS):
        return data[start : data.find(b"\0", start)].decode("ascii", "replace")
    return data[start : start + count] if kind == BINARY else None


def _check_size(signature: Mapping[int, Any], size: int, where: str) -> None:
    expected = signature.get(LONG_SIZE, signature.get(SIZE))
    if expected is not None and expected != size:
        raise _damaged_error(
            f"header and payload have {size:,} bytes, its signature header states {expected:,}",
            where,
        )


def _check_header(signature: Mapping[int, Any], raw: bytes, where: str) -> None:
    for tag, algorithm in ((HEADER_SHA256, "sha256"), (HEADER_SHA1, "sha1")):
        if signature.get(tag) and signature[tag] != hashlib.new(algorithm, raw).hexdigest():
            raise _damaged_error(
                f"its header does not have the {algorithm} digest in its signature header", where
            )


def _check_payload(
    file: BinaryIO, signature: Mapping[int, Any], header: _Header, where: str
) -> None:
    """Check the payload's own digest; before rpm 4.14, the MD5 of header and payload."""
    expected = header.values.get(PAYLOAD_DIGEST)
    algorithm = ALGORITHMS.get(header.values.get(PAYLOAD_ALGORITHM, 8))
    if expected and algorithm:
        actual = _digest(file, algorithm, b"")
    elif signature.get(MD5):
        expected = signature[MD5].hex()
        actual = _digest(file, "md5", header.raw)
    else:
        raise DescriptionError(
            "it has no digest of its payload", where, "rebuild it with rpm 4.14 or newer"
        )
    if actual != expected:
        raise _damaged_error("its payload does not have the digest in its header", where)


def _digest(file: BinaryIO, algorithm: str, begin: bytes) -> str:
    digest = hashlib.new(algorithm, begin)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _damaged_error(what: str, where: str) -> DescriptionError:
    return DescriptionError(what, where, "the file is damaged or incomplete; copy it again")
