# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""rpm's version order as a sort key (rpm-version(7)).

With a key instead of a comparison, ``max`` finds the newest of many versions, and each text is
parsed once.  The order is that of librpm's rpmvercmp; tests/integration/distribution compares them.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from ..errors import DescriptionError
from .model import EVR, Package

_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")
# The kinds of segments in sort order: a tilde sorts before the end of the text, a caret after it.
_TILDE = 0
_END = 1
_CARET = 2
_LETTERS = 3
_NUMBER = 4

VersionKey = tuple[tuple[Any, ...], ...]


@functools.cache
def version_key(text: str) -> VersionKey:
    """Return the sort key of one version or one release.

    Separators are not compared.  Numbers of any length compare by their digits without leading
    zeros: the longer one is larger.
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
    """Return the sort key of an EVR: epoch first, then version, then release."""
    return evr.epoch, version_key(evr.version), version_key(evr.release)


def package_key(package: Package) -> tuple[int, VersionKey, VersionKey]:
    """Return the sort key of a package's EVR."""
    return package.epoch, version_key(package.version), version_key(package.release)


def parse_evr(text: str) -> EVR:
    """Parse ``[epoch:]version[-release]``; an omitted epoch is 0, an omitted release empty.

    Raises DescriptionError for any other text.
    """
    epoch, colon, version_release = text.rpartition(":")
    version, _dash, release = version_release.partition("-")
    if not version or (colon and not re.fullmatch("[0-9]{1,10}", epoch)):
        raise DescriptionError(
            f'"{text}" is not a valid version', hint="write [epoch:]version[-release]"
        )
    return EVR(int(epoch or 0), version, release)
