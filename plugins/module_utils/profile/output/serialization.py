# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A profile as canonical JSON and back: equal profiles have equal bytes and one SHA-256.

Each file is named once, and lines refer to it by number. A reference is ``[name, context]`` among
the texts.
"""

from __future__ import annotations

import json
from typing import Any, Iterable, Optional

from ...errors import DescriptionError
from ..model import Line, Origin, Package, Piece, Profile, ProfileNode, Reference, Remark
from .render import sha256

FORMAT = 1


def serialize(profile: Profile) -> str:
    """Return the profile as text; equal profiles give equal text on every machine."""
    files = sorted({origin.file for origin in _origins(profile)})
    numbers = {file: number for number, file in enumerate(files)}

    def encode_origin(origin: Optional[Origin]) -> Optional[list[int]]:
        return None if origin is None else [numbers[origin.file], origin.line]

    data = {
        "format": FORMAT,
        "root": profile.root,
        "graph": profile.graph,
        "release": profile.release,
        "files": files,
        "nodes": [
            [node.name, list(node.files), node.parent, encode_origin(node.edge)]
            for node in profile.nodes
        ],
        "shape": dict(profile.shape),
        "defaults": dict(profile.defaults),
        "packages": [
            [package.name, [encode_origin(origin) for origin in package.origins]]
            for package in profile.packages
        ],
        "lines": [
            [_encode_pieces(line.pieces), encode_origin(line.origin)] for line in profile.lines
        ],
        "remarks": [
            [remark.severity, remark.rule, encode_origin(remark.origin), remark.text, remark.hint]
            for remark in profile.remarks
        ],
    }
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def deserialize(text: str, where: str = "") -> Profile:
    """Read what ``serialize`` wrote. Raises DescriptionError with ``where`` for anything else."""
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise DescriptionError(
                f"unknown format {data['format']!r}", where, "compile the profiles again"
            )
        return _profile(data)
    except (ValueError, KeyError, TypeError, IndexError):
        raise DescriptionError(
            "not a stored profile", where, "compile the profiles again"
        ) from None


def profile_sha256(profile: Profile) -> str:
    """Return the SHA-256 of the stored form.

    A node reports it as the profile that it was installed from.
    """
    return sha256(serialize(profile))


def _profile(data: dict[str, Any]) -> Profile:
    def origin(place: list[int]) -> Origin:
        return Origin(data["files"][place[0]], place[1])

    return Profile(
        root=data["root"],
        graph=data["graph"],
        release=data["release"],
        nodes=tuple(
            ProfileNode(
                name=name, files=tuple(files), parent=parent, edge=origin(edge) if edge else None
            )
            for name, files, parent, edge in data["nodes"]
        ),
        shape=data["shape"],
        defaults=data["defaults"],
        packages=tuple(
            Package(name, tuple(map(origin, places))) for name, places in data["packages"]
        ),
        lines=tuple(
            Line(_decode_pieces(pieces), origin(place) if place else None)
            for pieces, place in data["lines"]
        ),
        remarks=tuple(
            Remark(severity=severity, rule=rule, origin=origin(place), text=text, hint=hint)
            for severity, rule, place, text, hint in data["remarks"]
        ),
    )


def _origins(profile: Profile) -> Iterable[Origin]:
    yield from (node.edge for node in profile.nodes if node.edge)
    yield from (origin for package in profile.packages for origin in package.origins)
    yield from (line.origin for line in profile.lines if line.origin)
    yield from (remark.origin for remark in profile.remarks)


def _encode_pieces(pieces: tuple[Piece, ...]) -> list[Any]:
    return [piece if isinstance(piece, str) else [piece.name, piece.context] for piece in pieces]


def _decode_pieces(plain: list[Any]) -> tuple[Piece, ...]:
    return tuple(
        piece if isinstance(piece, str) else Reference(piece[0], piece[1]) for piece in plain
    )
