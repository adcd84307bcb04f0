# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What packages offer and need, as their XML says it, and rpm's rule of when one meets the other.

A distribution has a hundred thousand capabilities, most of them many times: they stay the bytes that they are in the
XML, and only those are taken apart whose version matters.
"""

from __future__ import annotations

import re
from typing import Iterable, NamedTuple

from ..evr import version_key
from .normalise import unescape_xml

LESS, EQUAL, GREATER = 1, 2, 4
SENSE = {"LT": LESS, "EQ": EQUAL, "GT": GREATER, "LE": LESS | EQUAL, "GE": GREATER | EQUAL}
OPERATOR = {"LT": "<", "EQ": "=", "GT": ">", "LE": "<=", "GE": ">="}
FLAGS = {operator: flags for flags, operator in OPERATOR.items()}

# A requirement on rpm itself is no package's business.
_OF_RPM = b'name="rpmlib('
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')


class Capability(NamedTuple):
    """A name, alone or with a range of versions; ``flags`` is LT, EQ, GT, LE, GE or empty."""

    name: str
    flags: str = ""
    epoch: int = 0
    version: str = ""
    release: str = ""

    def __str__(self) -> str:
        if not self.flags:
            return self.name
        evr = (
            (f"{self.epoch}:" if self.epoch else "")
            + self.version
            + (f"-{self.release}" if self.release else "")
        )
        return f"{self.name} {OPERATOR[self.flags]} {evr}"


class Entries(NamedTuple):
    """What some packages provide and require: the attributes of their ``<rpm:entry>`` elements."""

    provides: frozenset[bytes]
    requires: frozenset[bytes]


def extract_entries(text: bytes) -> Entries:
    """The entries in the XML of one or more packages of a primary.xml."""
    requires = frozenset(
        entry for entry in _section(text, b"requires") if not entry.startswith(_OF_RPM)
    )
    return Entries(frozenset(_section(text, b"provides")), requires)


def _section(text: bytes, kind: bytes) -> set[bytes]:
    begin, end = b"<rpm:" + kind + b">", b"</rpm:" + kind + b">"
    sections = b"".join(part[: part.index(end)] for part in text.split(begin)[1:])
    # What many packages have is looked at once: first the set, then the words.
    return {_attributes(entry) for entry in set(sections.split(b"<rpm:entry ")[1:])}


def _attributes(entry: bytes) -> bytes:
    attributes = entry[: entry.index(b"/>")]
    return attributes.replace(b' pre="1"', b"") if b" pre=" in attributes else attributes


def encode_entries(given: Entries) -> bytes:
    """Entries as text: a line each, what is provided before what is required, an empty line between."""
    sections = (b"".join(entry + b"\n" for entry in sorted(some)) for some in given)
    return b"\n".join(sections)


def decode_entries(text: bytes) -> Entries:
    """What ``pack`` was given."""
    provides, _mark, requires = (
        text.partition(b"\n\n") if not text.startswith(b"\n") else (b"", b"", text[1:])
    )
    return Entries(frozenset(provides.splitlines()), frozenset(requires.splitlines()))


def merge_entries(parts: Iterable[Entries]) -> Entries:
    """The entries of many packages together."""
    every = list(parts)
    provides = frozenset().union(*(part.provides for part in every))
    return Entries(provides, frozenset().union(*(part.requires for part in every)))


def entry_name(entry: bytes) -> bytes:
    """The name in an entry, as it is written in the XML."""
    return (
        entry.split(b'"', 2)[1] if entry.startswith(b'name="') else parse_entry(entry).name.encode()
    )


def parse_entry(entry: bytes) -> Capability:
    """An entry taken apart."""
    found = {
        name: unescape_xml(value)
        for name, value in _ATTRIBUTE.findall(entry.decode("utf-8", "replace"))
    }
    flags = found.get("flags", "")
    if flags not in SENSE or not found.get("ver"):
        return Capability(found.get("name", ""))
    return Capability(
        found["name"], flags, int(found.get("epoch") or 0), found["ver"], found.get("rel", "")
    )


def satisfies(provided: Capability, required: Capability) -> bool:
    """Whether the two overlap (rpmdsCompare): of equal names, a missing version meets every version."""
    if provided.name != required.name:
        return False
    if not provided.flags or not required.flags:
        return True
    order = _compare(provided, required)
    has, wants = SENSE[provided.flags], SENSE[required.flags]
    if order < 0:
        return bool(has & GREATER or wants & LESS)
    if order > 0:
        return bool(has & LESS or wants & GREATER)
    return bool(has & wants)


def _compare(one: Capability, other: Capability) -> int:
    """By epoch, version, and release where both have one."""
    left = (one.epoch, version_key(one.version))
    right = (other.epoch, version_key(other.version))
    if left == right and one.release and other.release:
        return _sign(version_key(one.release), version_key(other.release))
    return _sign(left, right)


def _sign(left: tuple[object, ...], right: tuple[object, ...]) -> int:
    return (left > right) - (left < right)
