# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What identifies the kickstart of a node: its text without the names of order and generation.

Two nodes, or one node at two times, have the same digest if and only if their kickstarts are equal
except for the values that each order changes.
"""

from __future__ import annotations

import functools
import hashlib
import json
from typing import Any, Mapping, NamedTuple

from .. import releases
from ..compile.compiler import effective_attributes
from ..model import Profile, Reference
from .render import Template, render, sha256, template

MAX_SHOWN = 80
"""Characters of a value; of a longer value, its digest is kept."""
DIGEST = "sha256:"


class Fingerprint(NamedTuple):
    """A kickstart, and what it was made from.  A NamedTuple, because a cluster has 10,000."""

    kickstart: str
    """SHA-256 of the text."""
    profile: str
    """SHA-256 of the text before values are substituted."""
    values: Mapping[str, str]
    """The attributes that decide the text, as ``shown_value`` returns them."""


def fingerprint(profile: Profile, values: Mapping[str, str]) -> Fingerprint:
    """Return the fingerprint of a node with these attributes.

    values  of an order, they contain what is the same for every order, such as an empty ``uuid``

    Raises what ``render.render`` raises.
    """
    source = template(profile)
    release = releases.find_release(profile.release)
    effective = effective_attributes(values, release, profile.defaults)
    return Fingerprint(
        kickstart=sha256(render(profile, values)),
        profile=_digest(_Identity(source)),
        values={
            name: shown_value(effective[name])
            for name in _names(profile, source)
            if effective.get(name) is not None
        },
    )


def shown_value(value: str) -> str:
    """Return a value as differences show it: the value itself, or the digest of a long one."""
    return value if len(value) <= MAX_SHOWN else DIGEST + sha256(value)[:16]


def _names(profile: Profile, source: Template) -> set[str]:
    return {reference.name for reference in source.references} | set(profile.shape)


class _Identity(NamedTuple):
    """A template compared by identity: it is joined once for each profile."""

    template: Template

    def __hash__(self) -> int:
        return id(self.template)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.template is self.template


@functools.lru_cache(maxsize=64)
def _digest(key: _Identity) -> str:
    pieces: list[Any] = [
        [piece.name, piece.context] if isinstance(piece, Reference) else piece
        for piece in key.template.pieces
    ]
    return hashlib.sha256(json.dumps(pieces, ensure_ascii=False).encode()).hexdigest()
