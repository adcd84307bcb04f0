# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The bytes of an RPM v4 file: header sections and cpio payload (rpm.org, "Package Format").

Only what a writer needs; `support.rpms` builds the entries.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import Iterable, NamedTuple, Sequence, Union

# Types of header entries.
INT16 = 3
INT32 = 4
STRING = 6
BINARY = 7
STRINGS = 8
TRANSLATED = 9
# Integer type -> width in bytes and format of struct.
WIDTH = {INT16: (2, "H"), INT32: (4, "I")}
SIGNATURE_REGION = 62
HEADER_REGION = 63
HEADER_MAGIC = b"\x8e\xad\xe8\x01\0\0\0\0"
LEAD_SIZE = 96
SHA256 = 8
# File types in the mode of a member.
DIRECTORY = 0o040000
REGULAR = 0o100000
SYMLINK = 0o120000

Value = Union[str, bytes, Sequence[int], Sequence[str]]


class Entry(NamedTuple):
    """One tag of a header."""

    tag: int
    kind: int
    value: Value


class Member(NamedTuple):
    """One file of the payload; the content of a symbolic link is its target."""

    path: str
    content: bytes
    mode: int


def section(entries: Iterable[Entry], region: int) -> bytes:
    """Return a header section: an index sorted by tag, the data, and the trailer of the region."""
    data = bytearray()
    index = []
    for tag, kind, value in sorted(entries):
        if kind in WIDTH:
            width, code = WIDTH[kind]
            data += bytes(-len(data) % width)
        offset = len(data)
        count = 1 if kind == STRING else len(value)
        if kind in WIDTH:
            data += struct.pack(f">{count}{code}", *value)
        elif isinstance(value, bytes):
            data += value
        else:
            texts = [value] if isinstance(value, str) else value
            data += b"".join(str(text).encode() + b"\0" for text in texts)
        index.append((tag, kind, offset, count))
    trailer = len(data)
    entry_count = len(index) + 1
    data += struct.pack(">IIiI", region, BINARY, -16 * entry_count, 16)
    rows = [(region, BINARY, trailer, 16), *index]
    head = HEADER_MAGIC + struct.pack(">II", entry_count, len(data))
    return head + b"".join(struct.pack(">IIII", *row) for row in rows) + bytes(data)


def cpio(members: Iterable[Member]) -> bytes:
    """Return the members as a "newc" archive, with the inode numbers of the header."""
    archive = bytearray()
    for number, member in enumerate([*members, Member("", b"", 0)], 1):
        name = (f".{member.path}" if member.path else "TRAILER!!!").encode() + b"\0"
        inode = number if member.path else 0
        numbers = (inode, member.mode, 0, 0, 1, 0, len(member.content), 0, 0, 0, 0, len(name), 0)
        archive += b"070701" + b"".join(b"%08x" % value for value in numbers) + name
        archive += bytes(-len(archive) % 4) + member.content
        archive += bytes(-len(archive) % 4)
    return bytes(archive)


def assemble(
    name: str, entries: Iterable[Entry], members: Sequence[Member], *, source: bool, padding: bytes
) -> bytes:
    """Return a whole file: lead, digests, header, compressed payload, padding."""
    archive = cpio(members)
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    payload = packer.compress(archive) + packer.flush() + padding
    header = section(
        [
            *entries,
            Entry(1124, STRING, "cpio"),
            Entry(1125, STRING, "gzip"),
            Entry(1126, STRING, "1"),
            Entry(5092, STRINGS, [hashlib.sha256(payload).hexdigest()]),
            Entry(5093, INT32, [SHA256]),
        ],
        HEADER_REGION,
    )
    signature = section(
        [
            Entry(269, STRING, hashlib.sha1(header).hexdigest()),
            Entry(273, STRING, hashlib.sha256(header).hexdigest()),
            Entry(1000, INT32, [len(header) + len(payload)]),
            Entry(1004, BINARY, hashlib.md5(header + payload).digest()),
            Entry(1007, INT32, [len(archive)]),
        ],
        SIGNATURE_REGION,
    )
    lead = struct.pack(
        ">4sBBHH66sHH16s", b"\xed\xab\xee\xdb", 3, 0, int(source), 1, name.encode()[:65], 1, 5, b""
    )
    return lead + signature + bytes(-len(signature) % 8) + header + payload


def set_data_size(image: bytes, size: int) -> bytes:
    """Return the file with another data size in its signature section."""
    start = LEAD_SIZE + len(HEADER_MAGIC) + 4
    return image[:start] + struct.pack(">I", size) + image[start + 4 :]
