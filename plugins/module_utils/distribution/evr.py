# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""rpm's order of versions, as a sort key (rpm-version(7)).

A key instead of a comparison, so that the newest of many is one ``max`` and each text is taken apart once.  Agrees
with librpm's rpmvercmp; tests/integration/distribution compares them.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from ..errors import DescriptionError
from .model import EVR, Package

_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")
# What a segment is decides first: a tilde sorts before the end, a caret after it, letters before numbers.
_TILDE, _END, _CARET, _LETTERS, _NUMBER = range(5)

VersionKey = tuple[tuple[Any, ...], ...]


@functools.cache
def version_key(text: str) -> VersionKey:
    """The sort key of one version or one release.

    Separators only separate; numbers compare as numbers of any length, so by digits after their leading zeros.
    """
    segments: list[tuple[Any, ...]] = []
    for segment in _SEGMENT.findall(text):
        if segment == "~":
            segments.append((_TILDE,))
        elif segment == "^":
            segments.append((_CARET,))
        elif segment[0].isdigit():
            digits = segment.lstrip("0")
            segments.append((_NUMBER, len(digits), digits))
        else:
            segments.append((_LETTERS, segment))
    segments.append((_END,))
    return tuple(segments)


def evr_key(evr: EVR) -> tuple[int, VersionKey, VersionKey]:
    """The sort key of a whole EVR: the epoch outweighs the version, the version the release."""
    return evr.epoch, version_key(evr.version), version_key(evr.release)


def package_key(package: Package) -> tuple[int, VersionKey, VersionKey]:
    """The sort key of a package's EVR."""
    return package.epoch, version_key(package.version), version_key(package.release)


def compare_versions(left: str, right: str) -> int:
    """-1, 0 or 1, as rpmvercmp answers for two versions."""
    one, other = version_key(left), version_key(right)
    return (one > other) - (one < other)


def parse_evr(text: str) -> EVR:
    """An EVR from ``[epoch:]version[-release]``; a part that is not given is 0 or empty."""
    epoch, colon, rest = text.rpartition(":")
    version, _dash, release = rest.partition("-")
    if not version or (colon and not epoch.isdigit()):
        raise DescriptionError(f'"{text}" is not a version', hint="write [epoch:]version[-release]")
    return EVR(int(epoch or 0), version, release)
