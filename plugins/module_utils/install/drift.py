# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare the packages of a running node with those that were installed.

A node stores the list of packages that it came up with, and its order stores the SHA-256 of that
list.  So the node's list can be verified, and the frontend does not need a copy.  Pure, except for
``store_check``.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal, Mapping, NamedTuple, Optional, Sequence

from ..cluster.database import Database
from .model import Order
from .order_records import STATE
from .states import UP

DriftState = Literal["same", "drifted", "unreachable", "unknown"]

SAME: Final = "same"
DRIFTED: Final = "drifted"
UNREACHABLE: Final = "unreachable"
UNKNOWN: Final = "unknown"
"""The node has no successful installation to compare it with."""

STORE_CHECK = f"update installs set checked = ?, found = ? where id = ? and {STATE} = ?"


class NodeReport(NamedTuple):
    """What a node reports: its installation as recorded on its disk, and its current packages."""

    generation: str
    profile: str
    installed: Sequence[str]
    """Packages when the node came up: sorted lines NAME-EVR.ARCH."""
    packages: Sequence[str]
    """Current packages, in the same form."""
    files: Sequence[str] = ()
    """Lines of ``rpm --verify``; empty when files were not checked."""


class PackageChanges(NamedTuple):
    """The difference between two package lists."""

    added: list[str]
    removed: list[str]
    changed: list[str]
    """Packages with another version: ``bash: 5.1-9.el9 -> 5.2-1.el9``."""


class Finding(NamedTuple):
    """The result of checking a node."""

    node: str
    state: DriftState
    message: str = ""
    manifest: str = ""
    """SHA-256 of the node's current packages; empty if the node did not report them."""
    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    changed: Sequence[str] = ()
    files: Sequence[str] = ()
    behind: Sequence[str] = ()
    """What a reinstallation would change."""


def not_comparable_reason(order: Optional[Order]) -> str:
    """Return why a node with this latest order cannot be compared; empty if it can."""
    if order is None:
        return "it was never installed by an order"
    return "" if order.state == UP else f"its last install order is {order.state}"


def compare(order: Order, report: NodeReport) -> Finding:
    """Compare a node's report with its order, which must be in the state ``up``."""
    manifest = manifest_digest(report.packages)
    mismatches = [
        f"{name} {reported or '(none)'} instead of {expected}"
        for name, reported, expected in (
            ("generation", report.generation, order.pin.generation),
            ("profile", report.profile, order.pin.profile),
        )
        if reported != expected
    ]
    if order.manifest and manifest_digest(report.installed) != order.manifest:
        mismatches.append("its list of installed packages differs from the one it reported")
    changes = package_changes(report.installed, report.packages)
    drifted = (
        mismatches
        or any(changes)
        or report.files
        or (order.manifest and manifest != order.manifest)
    )
    return Finding(
        node=order.node,
        state=DRIFTED if drifted else SAME,
        message="; ".join([*mismatches, *_counts({**changes._asdict(), "files": report.files})]),
        manifest=manifest,
        files=report.files,
        **changes._asdict(),
    )


def package_changes(before: Sequence[str], after: Sequence[str]) -> PackageChanges:
    """Compare two package lists."""
    old = _versions(set(before) - set(after))
    new = _versions(set(after) - set(before))
    return PackageChanges(
        added=[
            f"{name}-{version}" for name in sorted(set(new) - set(old)) for version in new[name]
        ],
        removed=[
            f"{name}-{version}" for name in sorted(set(old) - set(new)) for version in old[name]
        ],
        changed=[
            f"{name}: {', '.join(old[name])} -> {', '.join(new[name])}"
            for name in sorted(set(old) & set(new))
        ],
    )


def manifest_digest(lines: Sequence[str]) -> str:
    """Return the SHA-256 of a package list, as ``sha256sum`` on the node computes it."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def store_check(db: Database, order: Order, manifest: str, *, now: str) -> bool:
    """Store the digest of a node's current packages.

    Returns False if the order is not the node's current installation any more.
    """
    return bool(db.execute(STORE_CHECK, (now, manifest, order.id, UP)))


def _versions(lines: set[str]) -> Mapping[str, list[str]]:
    """Map each name to its sorted versions with release and architecture.

    A package can be installed in several versions.
    """
    versions: dict[str, list[str]] = {}
    for line in sorted(lines):
        name, version, release = (line.rsplit("-", 2) + ["", ""])[:3]
        versions.setdefault(name, []).append(f"{version}-{release}")
    return versions


def _counts(lists: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{len(items)} {name}" for name, items in lists.items() if items]
