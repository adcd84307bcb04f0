# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hints for a name that does not exist: which name may have been meant."""

from __future__ import annotations

import bisect
import difflib
import re
from typing import Iterable

MAX_COMPARED = 1000
NEIGHBOURS = 20
MAX_LISTED = 20
MAX_SUGGESTED = 2
MISSPELLED = 0.85
"""The similarity of two names, from 0 to 1, from which one is probably the other, misspelled."""


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return the hint ``did you mean a or b?``, or an empty text if no candidate is similar.

    Case does not count.  Of more than MAX_COMPARED candidates, only the neighbours of ``name`` in
    the alphabet are compared, so that a graph with thousands of unknown names is reported within
    seconds.
    """
    names = sorted(candidates)
    if len(names) > MAX_COMPARED:
        position = bisect.bisect(names, name)
        names = names[max(0, position - NEIGHBOURS) : position + NEIGHBOURS]
    by_lower_case = {candidate.lower(): candidate for candidate in names}
    similar = [
        by_lower_case[match]
        for match in difflib.get_close_matches(name.lower(), by_lower_case, n=MAX_SUGGESTED)
    ]
    return f"did you mean {' or '.join(similar)}?" if similar else ""


def misspelled_name(name: str, known: Iterable[str]) -> str:
    """Return the known name that differs from ``name`` in little more than case and punctuation.

    Empty if there is none, or if ``name`` itself is known.
    """
    simplified = {_simplify(other): other for other in known}
    if name in simplified.values():
        return ""
    matches = difflib.get_close_matches(_simplify(name), simplified, n=1, cutoff=MISSPELLED)
    return simplified[matches[0]] if matches else ""


def _simplify(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def suggest(name: str, candidates: Iterable[str]) -> str:
    """Return ``did_you_mean``; if no candidate is similar, list the candidates, or count them."""
    names = sorted(candidates)
    if not names:
        return "none exist yet"
    listed = ", ".join(names) if len(names) <= MAX_LISTED else f"{len(names)} names"
    return did_you_mean(name, names) or f"known: {listed}"
