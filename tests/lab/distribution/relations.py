# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From Debian's versions and relations (deb-version(7), deb-control(5)) to rpm's.

Conflicts and Breaks are left out: they guard Debian's upgrades, and an unversioned Provides matches
a versioned Conflicts in rpm, never in dpkg.
"""

from __future__ import annotations

import re
from typing import Callable, Optional

from .model import ConversionError, Deb, Evr

OPERATORS = {">=": ">=", "<=": "<=", ">>": ">", "<<": "<", "=": "="}
RELATION = re.compile(r"([a-z0-9][a-z0-9.+-]*)(?::\w+)?\s*(?:\(\s*(>=|<=|>>|<<|=)\s*(\S+?)\s*\))?$")


def evr(version: str) -> Evr:
    """Convert ``[epoch:]upstream[-revision]`` to a version of rpm. A native version gets release 0.

    Debian's ``X`` equals ``X-0``, but rpm ignores a missing release: ``libc6 > 2.36`` would be
    unsolvable without it.
    """
    epoch, _, remainder = version.rpartition(":")
    upstream, dash, revision = remainder.rpartition("-")
    if not dash:
        upstream = remainder
        revision = "0"
    return Evr(epoch, re.sub(r"[^A-Za-z0-9._+~^]", ".", upstream), revision)


def alternatives(clause: str) -> list[tuple[str, str]]:
    """Return ``a (>= 1) | b:any`` as pairs of a name and a condition of rpm, which can be empty."""
    return [_alternative(text.strip()) for text in clause.split("|")]


def name_of(clause: str) -> str:
    """Return the first name of a clause."""
    return alternatives(clause)[0][0]


def requirement(clause: str, present: Callable[[str], bool]) -> Optional[str]:
    """Return the clause as a (rich) dependency on ``present`` names; None if there are none."""
    texts = [
        f"{name} {condition}".strip() for name, condition in alternatives(clause) if present(name)
    ]
    if not texts:
        return None
    return texts[0] if len(texts) == 1 else f"({' or '.join(texts)})"


def provides(deb: Deb) -> list[str]:
    """Return the package's Debian name at its version, and the virtual names that it provides."""
    virtual = [
        f"{name} {condition}".strip()
        for clause in deb.clauses("Provides")
        for name, condition in alternatives(clause)
    ]
    return [f"{deb.name} = {evr(deb.version)}", *virtual]


def _alternative(text: str) -> tuple[str, str]:
    match = RELATION.match(text)
    if not match:
        raise ConversionError(f"the relation {text!r} has an unknown form")
    name, operator, version = match.groups()
    return name, f"{OPERATORS[operator]} {evr(version)}" if operator else ""
