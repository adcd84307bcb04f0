# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a live node has, beside what was installed: which packages were added, removed, or are of another version.

A node keeps the list of packages that it came up with, and the order keeps the list's SHA-256: so the node's word is
checked, and no list has to be kept here.  Pure, but for ``remember``.
"""

from __future__ import annotations

import hashlib
from typing import Mapping, NamedTuple, Optional, Sequence

from ..cluster.database import Database
from .model import Order
from .states import UP

SAME, DRIFTED, UNREACHABLE, UNKNOWN = "same", "drifted", "unreachable", "unknown"
STORE_CHECK = "update installs set checked = ?, found = ? where id = ? and state = ?"


class NodeReport(NamedTuple):
    """What a node answered: what stands on its disk about its installation, and its packages now.

    installed, packages  lines NAME-EVR.ARCH, sorted, of when it came up and of now
    files                lines of ``rpm --verify``; empty when that was not asked for
    """

    generation: str
    profile: str
    installed: Sequence[str]
    packages: Sequence[str]
    files: Sequence[str] = ()


class Finding(NamedTuple):
    """What came of asking a node.  ``manifest`` is the SHA-256 of its packages now, empty when it said none."""

    node: str
    state: str
    message: str = ""
    manifest: str = ""
    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    changed: Sequence[str] = ()
    files: Sequence[str] = ()


def not_comparable_reason(node: str, order: Optional[Order]) -> str:
    """Why there is nothing to compare a node with; empty when there is."""
    if order is None:
        return "it was never installed by an order"
    return "" if order.state == UP else f"its last install order is {order.state}"


def compare(order: Order, said: NodeReport) -> Finding:
    """The node beside its order, which ended with it being up."""
    found = manifest_digest(said.packages)
    wrong = [
        f"{name} {told or '(none)'} instead of {wanted}"
        for name, told, wanted in (
            ("generation", said.generation, order.pin.generation),
            ("profile", said.profile, order.pin.profile),
        )
        if told != wanted
    ]
    if order.manifest and manifest_digest(said.installed) != order.manifest:
        wrong.append("its list of what was installed is not the one that it reported")
    added, removed, changed = package_changes(said.installed, said.packages)
    drifted = (
        wrong
        or added
        or removed
        or changed
        or said.files
        or (order.manifest and found != order.manifest)
    )
    message = "; ".join(
        [*wrong, *_counts(added=added, removed=removed, changed=changed, files=said.files)]
    )
    return Finding(
        order.node,
        DRIFTED if drifted else SAME,
        message,
        found,
        added,
        removed,
        changed,
        said.files,
    )


def package_changes(
    before: Sequence[str], now: Sequence[str]
) -> tuple[list[str], list[str], list[str]]:
    """Packages added, removed, and of another version (``bash: 5.1-9.el9 -> 5.2-1.el9``)."""
    old, new = _versions(set(before) - set(now)), _versions(set(now) - set(before))
    added = [f"{name}-{version}" for name in sorted(set(new) - set(old)) for version in new[name]]
    removed = [f"{name}-{version}" for name in sorted(set(old) - set(new)) for version in old[name]]
    changed = [
        f"{name}: {', '.join(old[name])} -> {', '.join(new[name])}"
        for name in sorted(set(old) & set(new))
    ]
    return added, removed, changed


def manifest_digest(lines: Sequence[str]) -> str:
    """The SHA-256 of a list of packages, as the node counts it (``sha256sum``)."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def store_check(db: Database, order: Order, found: str, *, now: str) -> bool:
    """Keep what a look at the node found; False when the order is not the node's present installation any more."""
    return bool(db.execute(STORE_CHECK, (now, found, order.id, UP)))


def _versions(lines: set[str]) -> Mapping[str, list[str]]:
    """Name -> its versions with release and architecture, sorted; a name may be installed several times."""
    found: dict[str, list[str]] = {}
    for line in sorted(lines):
        name, version, release = (line.rsplit("-", 2) + ["", ""])[:3]
        found.setdefault(name, []).append(f"{version}-{release}")
    return found


def _counts(**lists: Sequence[str]) -> list[str]:
    return [f"{len(some)} {name}" for name, some in lists.items() if some]
