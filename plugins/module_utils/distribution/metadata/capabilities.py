# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what packages provide and require from their XML, and compare the two by rpm's rule.

A distribution has a hundred thousand capabilities, and most of them occur many times.  They stay
the bytes of the XML, and only those whose version matters are parsed.
"""

from __future__ import annotations

import re
from typing import Iterable, NamedTuple

from ..evr import version_key
from .normalise import unescape_xml

LESS = 1
EQUAL = 2
GREATER = 4
# The ``flags`` attribute of an entry -> the sides of the version that it includes.
SENSE = {"LT": LESS, "EQ": EQUAL, "GT": GREATER, "LE": LESS | EQUAL, "GE": GREATER | EQUAL}
OPERATOR = {"LT": "<", "EQ": "=", "GT": ">", "LE": "<=", "GE": ">="}
FLAGS = {operator: flags for flags, operator in OPERATOR.items()}

# Requirements on rpm itself are met by rpm, not by a package.
_RPM_FEATURE = b'name="rpmlib('
_DIGITS = re.compile("[0-9]{1,10}")
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')


class Capability(NamedTuple):
    """A name, alone or with a range of versions.

    A NamedTuple, because a build can compare a hundred thousand of them.
    """

    name: str
    flags: str = ""
    """LT, EQ, GT, LE, GE; empty for every version."""
    epoch: int = 0
    version: str = ""
    release: str = ""

    def __str__(self) -> str:
        if not self.flags:
            return self.name
        epoch = f"{self.epoch}:" if self.epoch else ""
        release = f"-{self.release}" if self.release else ""
        return f"{self.name} {OPERATOR[self.flags]} {epoch}{self.version}{release}"


class Entries(NamedTuple):
    """What packages provide and require: the attributes of their ``<rpm:entry>`` elements."""

    provides: frozenset[bytes]
    requires: frozenset[bytes]


def extract_entries(text: bytes) -> Entries:
    """Return the entries in the XML of one or more packages of a primary.xml."""
    requires = frozenset(
        entry for entry in section_entries(text, b"requires") if not entry.startswith(_RPM_FEATURE)
    )
    return Entries(frozenset(section_entries(text, b"provides")), requires)


def section_entries(text: bytes, kind: bytes) -> set[bytes]:
    """Return the entries of a kind, such as ``provides``, in the XML of one or more packages."""
    begin = b"<rpm:" + kind + b">"
    end = b"</rpm:" + kind + b">"
    sections = b"".join(part[: part.index(end)] for part in text.split(begin)[1:])
    # Removing duplicates first parses an entry that many packages share only once.
    return {_attributes(entry) for entry in set(sections.split(b"<rpm:entry ")[1:])}


def _attributes(entry: bytes) -> bytes:
    attributes = entry[: entry.index(b"/>")]
    return attributes.replace(b' pre="1"', b"") if b" pre=" in attributes else attributes


def encode_entries(entries: Entries) -> bytes:
    """Return entries as text: one line each, an empty line between provides and requires."""
    sections = (b"".join(entry + b"\n" for entry in sorted(section)) for section in entries)
    return b"\n".join(sections)


def decode_entries(text: bytes) -> Entries:
    """Return the entries that ``encode_entries`` encoded."""
    provides, _separator, requires = (
        text.partition(b"\n\n") if not text.startswith(b"\n") else (b"", b"", text[1:])
    )
    return Entries(frozenset(provides.splitlines()), frozenset(requires.splitlines()))


def merge_entries(parts: Iterable[Entries]) -> Entries:
    """Return the entries of all parts."""
    all_parts = list(parts)
    provides = frozenset().union(*(part.provides for part in all_parts))
    return Entries(provides, frozenset().union(*(part.requires for part in all_parts)))


def entry_name(entry: bytes) -> bytes:
    """Return the name in an entry, as written in the XML."""
    return (
        entry.split(b'"', 2)[1] if entry.startswith(b'name="') else parse_entry(entry).name.encode()
    )


def parse_entry(entry: bytes) -> Capability:
    """Parse an entry."""
    attributes = {
        name: unescape_xml(value)
        for name, value in _ATTRIBUTE.findall(entry.decode("utf-8", "replace"))
    }
    flags = attributes.get("flags", "")
    if flags not in SENSE or not attributes.get("ver"):
        return Capability(attributes.get("name", ""))
    return Capability(
        name=attributes["name"],
        flags=flags,
        epoch=_epoch(attributes.get("epoch", "")),
        version=attributes["ver"],
        release=attributes.get("rel", ""),
    )


def _epoch(text: str) -> int:
    """Return an epoch; of an absurd one, ten digits, and of another text, 0."""
    match = _DIGITS.match(text)
    return int(match.group(0)) if match else 0


def satisfies(provided: Capability, required: Capability) -> bool:
    """Return whether two capabilities of one name overlap (rpmdsCompare).

    A capability without a version overlaps with every version.
    """
    if provided.name != required.name:
        return False
    if not provided.flags or not required.flags:
        return True
    order = _compare(provided, required)
    provided_range = SENSE[provided.flags]
    required_range = SENSE[required.flags]
    if order < 0:
        return bool(provided_range & GREATER or required_range & LESS)
    if order > 0:
        return bool(provided_range & LESS or required_range & GREATER)
    return bool(provided_range & required_range)


def _compare(left: Capability, right: Capability) -> int:
    """Compare by epoch and version, and by release when both have one."""
    left_key = (left.epoch, version_key(left.version))
    right_key = (right.epoch, version_key(right.version))
    if left_key == right_key and left.release and right.release:
        return _sign(version_key(left.release), version_key(right.release))
    return _sign(left_key, right_key)


def _sign(left: tuple[object, ...], right: tuple[object, ...]) -> int:
    return (left > right) - (left < right)
