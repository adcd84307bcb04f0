# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node's kickstart: its profile with the node's values in it.

Substitution is split and join; nothing is parsed, so a thousand nodes that boot at once cost a thousand joins.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Iterator, Mapping, NamedTuple, Optional

from ...errors import Conflict, DescriptionError
from .. import releases
from ..compile.compiler import effective_attributes
from ..escaping import escape
from ..model import Line, Origin, Piece, Profile, Reference
from ..xml.conditions import undefined_attribute_error


class RenderedLine(NamedTuple):
    """One line of a kickstart, and where it was written."""

    text: str
    origin: Optional[Origin]


def render(profile: Profile, values: Mapping[str, str]) -> str:
    """The kickstart of a node with these attributes.

    Raises DescriptionError, naming the attribute and file:line, for one that is not defined or that cannot be
    written where it is used, and Conflict when the profile was compiled for nodes of another shape.
    """
    template = _template(profile)
    given = _fitting(profile, values)
    texts = {reference: _value(profile, reference, given) for reference in template.references}
    return "".join([piece if isinstance(piece, str) else texts[piece] for piece in template.pieces])


def render_with_origins(profile: Profile, values: Mapping[str, str]) -> list[RenderedLine]:
    """The same kickstart, line by line, with the file and line behind each."""
    given = _fitting(profile, values)
    lines: list[RenderedLine] = []
    for line in profile.lines:
        text = "".join(p if isinstance(p, str) else _value(profile, p, given) for p in line.pieces)
        lines += [RenderedLine(part, line.origin) for part in text.split("\n")]
    return lines


def matches(profile: Profile, attributes: Mapping[str, str]) -> bool:
    """Whether the profile is that of a node with these attributes: they agree on all that decided its shape."""
    given = effective_attributes(
        attributes, releases.find_release(profile.release), profile.defaults
    )
    return all(given.get(name) == value for name, value in profile.shape.items())


def referenced_attributes(profile: Profile) -> dict[str, Origin]:
    """The attributes that the kickstart's texts need, with the first place of each."""
    found: dict[str, Origin] = {}
    for line in profile.lines:
        for piece in line.pieces:
            if isinstance(piece, Reference) and line.origin:
                found.setdefault(piece.name, line.origin)
    return found


def sha256(text: str) -> str:
    """What ``sha256sum`` prints for the text as a file."""
    return hashlib.sha256(text.encode()).hexdigest()


class Template(NamedTuple):
    """A profile's lines, joined as far as they can be."""

    pieces: tuple[Piece, ...]
    references: tuple[Reference, ...]


class _Key(NamedTuple):
    lines: tuple[Line, ...]

    def __hash__(self) -> int:
        return id(self.lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.lines is self.lines


def _template(profile: Profile) -> Template:
    # The key holds the very lines, so no other profile can have their identity while the entry lives.
    return _joined(_Key(profile.lines))


@functools.lru_cache(maxsize=64)
def _joined(key: _Key) -> Template:
    pieces: list[Piece] = []
    for piece in _flat(key.lines):
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    found = dict.fromkeys(piece for piece in pieces if isinstance(piece, Reference))
    return Template(tuple(pieces), tuple(found))


def _flat(lines: tuple[Line, ...]) -> Iterator[Piece]:
    for line in lines:
        yield from line.pieces
        yield "\n"


def _fitting(profile: Profile, values: Mapping[str, str]) -> Mapping[str, str]:
    given = effective_attributes(values, releases.find_release(profile.release), profile.defaults)
    for name, value in profile.shape.items():
        if given.get(name) != value:
            raise Conflict(
                f"the profile was compiled for {name}={value!r}, the node has {given.get(name)!r}",
                f"root {profile.root}",
                "compile it for the node's attributes",
            )
    return given


def _value(profile: Profile, reference: Reference, given: Mapping[str, str]) -> str:
    value = given.get(reference.name)
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
