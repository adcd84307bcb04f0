# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks a composed distribution before it is built: the whole, and the package list of each profile."""

from __future__ import annotations

import re
from html import escape
from typing import Collection, Iterable, Iterator, Mapping, NamedTuple, Sequence

from ..errors import DescriptionError
from . import capabilities, closure
from .compose import Piece
from .compression import unframe
from .generations import CAPABILITIES, FILELISTS, PRIMARY
from .model import OFF, PROFILES, WARN, Distribution
from .repodata import primary
from .standard import head, tail

SHOWN = 20
_FILE = re.compile(rb"<file[^>]*>([^<]+)</file>")


class Paths:
    """Which shard has a file: found once, and remembered from build to build under the digest of the shard's content.

    known     path -> content digest of a shard that has it, or empty: no shard had it
    searched  content digests of the shards in which the latter were looked for
    """

    def __init__(self, pieces: Mapping[int, Piece], known: Mapping[str, str], searched: Collection[str]) -> None:
        there = {piece.shard.content for piece in pieces.values()}
        self._pieces = pieces
        self._found = {path: content for path, content in known.items() if content in there}
        self._absent = {path for path, content in known.items() if not content}
        self._searched = searched

    @property
    def known(self) -> dict[str, str]:
        """What was found out, for the next build."""
        return {**dict.fromkeys(self._absent, ""), **self._found}

    def __call__(self, paths: Iterable[str]) -> Iterable[str]:
        """Those of the paths that are files of a package: first by what primary tells, then by the file lists."""
        asked = set(paths)
        for kind in (PRIMARY, FILELISTS):
            for piece in self._pieces.values():
                known = self._absent if piece.shard.content in self._searched else ()
                left = {path for path in asked if path not in self._found and path not in known}
                if left and kind in piece.frames:
                    self._search(left, unframe(piece.frames[kind]), piece.shard.content)
        self._absent |= asked - self._found.keys()
        self._absent -= self._found.keys()
        return asked & self._found.keys()

    def _search(self, paths: Iterable[str], text: bytes, content: str) -> None:
        written = {escape(path, quote=False).encode(): path for path in paths}
        self._found.update({written[path]: content for path in written.keys() & set(_FILE.findall(text))})


def check(
    distribution: Distribution,
    pieces: Mapping[int, Piece],
    lists: Mapping[str, Sequence[str]],
    groups: bytes,
    paths: Paths,
) -> list[str]:
    """What is not met, as remarks.

    lists   profile name -> the entries of its package list
    groups  the group file

    Raises DescriptionError that lists what is missing and who asks for it, unless the distribution only warns.
    """
    if distribution.closure == OFF:
        return []
    found = [
        capabilities.unpack(unframe(piece.frames[CAPABILITIES])) for piece in pieces.values() if piece.shard.packages
    ]
    every = capabilities.union(found)
    supply = closure.Supply(every.provides, paths)
    missing = closure.unmet(supply, every.requires, distribution.open)
    faults = _profile_faults(_Question(pieces, supply, missing, paths), lists, groups)
    if distribution.closure != PROFILES and missing:
        wanting = closure.wanting(missing[:SHOWN], _texts(pieces))
        faults += [f"nothing provides {one}" for one in wanting]
        if len(missing) > SHOWN:
            faults.append(f"and {len(missing) - SHOWN} more requirements are not met")
    if faults and distribution.closure != WARN:
        raise DescriptionError(
            "\n".join(["its packages need what it does not have", *faults]),
            f'distribution "{distribution.name}"',
            "add a source that has it, exclude who needs it, or say which capabilities may stay open",
        )
    return faults


class _Question(NamedTuple):
    """A distribution, and what it lacks."""

    pieces: Mapping[int, Piece]
    supply: closure.Supply
    missing: Sequence[bytes]
    paths: Paths


def _profile_faults(asked: _Question, lists: Mapping[str, Sequence[str]], groups: bytes) -> list[str]:
    if not lists:
        return []
    from . import comps  # here, for its parser

    meanings = comps.groups(groups, "the group file")
    faults = [
        f"profile {name}: {fault}"
        for name, wanted in sorted(lists.items())
        for fault in closure.list_faults(wanted, asked.supply, meanings)
    ]
    if not asked.missing:
        return faults
    members = list(_members(asked.pieces))
    reasons = closure.broken(members, asked.missing, asked.paths)
    by_name: dict[str, list[str]] = {}
    for one in members:
        by_name.setdefault(one.name, []).append(one.nevra)
    for name, wanted in sorted(lists.items()):
        for package in closure.members_of(wanted, meanings):
            nevras = by_name.get(package, [])
            if nevras and all(nevra in reasons for nevra in nevras):
                faults.append(f"profile {name}: {package} cannot be installed: {reasons[nevras[-1]]}")
    return faults


def _texts(pieces: Mapping[int, Piece]) -> Iterator[tuple[str, bytes]]:
    """NEVRA and XML of every package."""
    for _name, nevra, text in _packages(pieces):
        yield nevra, text


def _members(pieces: Mapping[int, Piece]) -> Iterator[closure.Member]:
    for name, nevra, text in _packages(pieces):
        yield closure.member(nevra, name, text)


def _packages(pieces: Mapping[int, Piece]) -> Iterator[tuple[str, str, bytes]]:
    for piece in pieces.values():
        if PRIMARY in piece.frames:
            document = b"".join((head(PRIMARY, 0), unframe(piece.frames[PRIMARY]), tail(PRIMARY)))
            shard = primary(document, "", PRIMARY)
            for package in shard.packages:
                yield package.name, package.nevra, shard.text(package.checksum, package.location)
