# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an RPM file must be before any library reads it: whole, of believable size, and with the digests it promises.

The layout is rpm's (rpm.org, "RPM package format"): lead, signature header, main header, payload.  Signatures are in
signatures.py.
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
# rpm itself refuses more (lib/header.c).
MOST_ENTRIES = 0xFFFFFF
MOST_DATA = 256 << 20
PIECE = 1 << 20

# Tags of the signature header: what it promises about the main header and the payload.
SIZE, LONG_SIZE, HEADER_SHA1, HEADER_SHA256, MD5 = 1000, 270, 269, 273, 1004
# Tags of the main header.
PAYLOAD_DIGEST, PAYLOAD_ALGORITHM = 5092, 5093
ALGORITHMS = {8: "sha256", 9: "sha384", 10: "sha512", 12: "sha3_256", 14: "sha3_512"}
INT32, INT64, STRING, BINARY, STRINGS = 4, 5, 6, 7, 8


class _Header(NamedTuple):
    raw: bytes
    values: Mapping[int, Any]


def check_rpm(path: str, where: str) -> None:
    """Compare a file with the sizes and digests in its own headers.

    Raises DescriptionError that says what is wrong with ``where``: no RPM, cut short, damaged.
    """
    size = os.stat(path).st_size
    with open(path, "rb") as file:
        lead = file.read(LEAD_SIZE)
        if len(lead) < LEAD_SIZE or not lead.startswith(LEAD_MAGIC):
            raise DescriptionError(
                "not an RPM package", where, "remove it, or put the package there again"
            )
        signature = _header(file, size, where, (SIZE, LONG_SIZE, HEADER_SHA1, HEADER_SHA256, MD5))
        file.seek(-len(signature.raw) % 8, os.SEEK_CUR)
        begin = file.tell()
        header = _header(file, size, where, (PAYLOAD_DIGEST, PAYLOAD_ALGORITHM))
        _check_size(signature.values, size - begin, where)
        _check_header(signature.values, header.raw, where)
        _check_payload(file, signature.values, header, where)


def _header(file: BinaryIO, size: int, where: str, wanted: tuple[int, ...]) -> _Header:
    """One header at the file's position, and the values of some of its tags."""
    intro = file.read(16)
    if len(intro) < 16 or not intro.startswith(HEADER_MAGIC):
        raise _damaged("a header is missing", where)
    entries, data_size = struct.unpack(">8xII", intro)
    length = 16 * entries + data_size
    if entries > MOST_ENTRIES or data_size > MOST_DATA or file.tell() + length > size:
        raise _damaged(f"a header claims {length:,} bytes, the file has {size:,}", where)
    rest = file.read(length)
    values = {}
    for number in range(entries):
        tag, kind, offset, count = struct.unpack_from(">IIII", rest, 16 * number)
        if tag in wanted and offset < data_size:
            values[tag] = _value(rest, 16 * entries + offset, kind, count)
    return _Header(intro + rest, values)


def _value(data: bytes, start: int, kind: int, count: int) -> Optional[Any]:
    """The (first) value of an entry; None for a kind that none of our tags has, or one that leaves the header."""
    width = {INT32: 4, INT64: 8, BINARY: count}.get(kind)
    if width is not None and start + width > len(data):
        return None
    if kind in (INT32, INT64):
        return int.from_bytes(data[start : start + {INT32: 4, INT64: 8}[kind]], "big")
    if kind in (STRING, STRINGS):
        return data[start : data.find(b"\0", start)].decode("ascii", "replace")
    return data[start : start + count] if kind == BINARY else None


def _check_size(promised: Mapping[int, Any], size: int, where: str) -> None:
    wanted = promised.get(LONG_SIZE, promised.get(SIZE))
    if wanted is not None and wanted != size:
        raise _damaged(
            f"header and payload have {size:,} bytes, its signature header promises {wanted:,}",
            where,
        )


def _check_header(promised: Mapping[int, Any], raw: bytes, where: str) -> None:
    for tag, algorithm in ((HEADER_SHA256, "sha256"), (HEADER_SHA1, "sha1")):
        if promised.get(tag) and promised[tag] != hashlib.new(algorithm, raw).hexdigest():
            raise _damaged(
                f"its header does not have the {algorithm} digest that it promises", where
            )


def _check_payload(
    file: BinaryIO, promised: Mapping[int, Any], header: _Header, where: str
) -> None:
    """By the payload's own digest; of packages from before rpm 4.14 by the MD5 of header and payload."""
    wanted = header.values.get(PAYLOAD_DIGEST)
    algorithm = ALGORITHMS.get(header.values.get(PAYLOAD_ALGORITHM, 8))
    if wanted and algorithm:
        found = _digest(file, algorithm, b"")
    elif promised.get(MD5):
        wanted, found = promised[MD5].hex(), _digest(file, "md5", header.raw)
    else:
        raise DescriptionError(
            "it carries no digest of its payload", where, "rebuild it with rpm 4.14 or newer"
        )
    if found != wanted:
        raise _damaged("its payload does not have the digest that it promises", where)


def _digest(file: BinaryIO, algorithm: str, begin: bytes) -> str:
    digest = hashlib.new(algorithm, begin)
    while piece := file.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()


def _damaged(what: str, where: str) -> DescriptionError:
    return DescriptionError(what, where, "the file is damaged or incomplete; copy it again")
