# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node's kickstart: its profile with the node's values.

Substitution joins strings and parses nothing, so that a thousand nodes that boot at once cost a
thousand joins.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Iterable, Iterator, Mapping, NamedTuple, Optional

from ...errors import Conflict, DescriptionError
from .. import releases
from ..compile.compiler import effective_attributes
from ..escaping import escape
from ..model import WARNING, Line, Origin, Piece, Profile, Reference, Remark
from ..xml.conditions import undefined_attribute_error


class RenderedLine(NamedTuple):
    """A line of a kickstart, and its place in the XML."""

    text: str
    origin: Optional[Origin]


def render(profile: Profile, values: Mapping[str, str]) -> str:
    """Return the kickstart of a node with these attributes.

    Raises DescriptionError with the attribute and file:line if an attribute is not set or cannot be
    written where it is used, and Conflict if the profile was compiled for nodes of another shape.
    """
    source = template(profile)
    effective = _check_shape(profile, values)
    texts = {
        reference: _escaped_value(profile, reference, effective) for reference in source.references
    }
    return "".join([piece if isinstance(piece, str) else texts[piece] for piece in source.pieces])


def render_with_origins(profile: Profile, values: Mapping[str, str]) -> list[RenderedLine]:
    """Return the same kickstart line by line, with the file and line of each."""
    effective = _check_shape(profile, values)
    lines: list[RenderedLine] = []
    for line in profile.lines:
        text = "".join(
            piece if isinstance(piece, str) else _escaped_value(profile, piece, effective)
            for piece in line.pieces
        )
        lines += [RenderedLine(part, line.origin) for part in text.split("\n")]
    return lines


def matches(profile: Profile, attributes: Mapping[str, str]) -> bool:
    """Return whether the node has the values of all attributes that decided the profile's shape."""
    effective = effective_attributes(
        attributes, releases.find_release(profile.release), profile.defaults
    )
    return all(effective.get(name) == value for name, value in profile.shape.items())


def referenced_attributes(profile: Profile) -> dict[str, Origin]:
    """Return the attributes that the kickstart's texts need, each with its first place."""
    origins: dict[str, Origin] = {}
    for line in profile.lines:
        for piece in line.pieces:
            if isinstance(piece, Reference) and line.origin:
                origins.setdefault(piece.name, line.origin)
    return origins


def unwritable_values(profile: Profile, rows: Iterable[Mapping[str, str]]) -> Iterator[Remark]:
    """Find values of nodes that their kickstarts cannot contain, so that none would be sent.

    rows  the attributes of nodes that have this profile
    """
    origins: dict[Reference, Origin] = {}
    for line in profile.lines:
        for piece in line.pieces:
            if isinstance(piece, Reference) and line.origin:
                origins.setdefault(piece, line.origin)
    release = releases.find_release(profile.release)
    checked: set[tuple[Reference, str]] = set()
    for row in rows:
        effective = effective_attributes(row, release, profile.defaults)
        for reference, origin in origins.items():
            value = effective.get(reference.name)
            if value is None or (reference, value) in checked:
                continue
            checked.add((reference, value))
            try:
                escape(value, reference.context)
            except ValueError as error:
                yield Remark(
                    severity=WARNING,
                    rule="unwritable-value",
                    origin=origin,
                    text=f'attribute "{reference.name}" of a node is {value!r}: {error}',
                    hint="the node gets no kickstart",
                )


def sha256(text: str) -> str:
    """Return what ``sha256sum`` prints for the text as a file."""
    return hashlib.sha256(text.encode()).hexdigest()


class Template(NamedTuple):
    """A profile's lines, joined as far as possible."""

    pieces: tuple[Piece, ...]
    references: tuple[Reference, ...]


class _Key(NamedTuple):
    """Lines compared by identity, because comparing them would cost more than rendering them."""

    lines: tuple[Line, ...]

    def __hash__(self) -> int:
        return id(self.lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.lines is self.lines


def template(profile: Profile) -> Template:
    """Return the texts and references of a profile, joined once for each profile object."""
    # The key references the lines, so no other object can get their id while the entry exists.
    return _join(_Key(profile.lines))


@functools.lru_cache(maxsize=64)
def _join(key: _Key) -> Template:
    pieces: list[Piece] = []
    for piece in _all_pieces(key.lines):
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    references = dict.fromkeys(piece for piece in pieces if isinstance(piece, Reference))
    return Template(tuple(pieces), tuple(references))


def _all_pieces(lines: tuple[Line, ...]) -> Iterator[Piece]:
    for line in lines:
        yield from line.pieces
        yield "\n"


def _check_shape(profile: Profile, values: Mapping[str, str]) -> Mapping[str, str]:
    effective = effective_attributes(
        values, releases.find_release(profile.release), profile.defaults
    )
    for name, value in profile.shape.items():
        if effective.get(name) != value:
            raise Conflict(
                f"the profile was compiled for {name}={value!r},"
                f" the node has {effective.get(name)!r}",
                f"root {profile.root}",
                "compile the profile for the node's attributes",
            )
    return effective


def _escaped_value(profile: Profile, reference: Reference, values: Mapping[str, str]) -> str:
    value = values.get(reference.name)
    if value is None:
        raise undefined_attribute_error(
            reference.name, referenced_attributes(profile).get(reference.name)
        )
    try:
        return escape(value, reference.context)
    except ValueError as error:
        where = next(line.origin for line in profile.lines if reference in line.pieces)
        raise DescriptionError(
            f'attribute "{reference.name}" is {value!r}: {error}', str(where)
        ) from None
