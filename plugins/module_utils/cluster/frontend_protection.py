# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Protect the rows of frontends: they change only when the caller sets ``allow_frontend``.

A mistake in another row is easily corrected.  If the row of the frontend became that of a compute
node, the next reinstallation of all compute nodes would include the frontend itself.
"""

from __future__ import annotations

from typing import Iterable, NamedTuple

from ..errors import Refused
from .model import FRONTEND, Interface, Membership, Node

MEMBERSHIP = "Frontend"
# In Table III of the paper, hosts outside of the cluster belong to the frontend's appliance.
EXTERNAL = "External"
ADDRESS = "frontend_address"
"""The attribute that contains the frontend's address for profiles."""
BY_ATTRIBUTE = f"the frontend (attribute {ADDRESS})"
"""The owner of that address if no row has it."""

REPLACED = "another machine would take its place"
LEAVE = "leave the frontend out"
ALLOWED = "or use rocks_node with allow_frontend: true"


def is_frontend(appliance: str, membership: str) -> bool:
    """Whether the nodes of a membership are frontends."""
    return appliance == FRONTEND and membership != EXTERNAL


def check_change(before: Node, after: Node) -> None:
    """Raise Refused if a frontend would lose its name, MAC, address or membership.

    An empty field can be set.
    """
    if not is_frontend(before.appliance, before.membership):
        return
    changes = lost_values(before, after, ("name", "mac", "ip"))
    if not is_frontend(after.appliance, after.membership):
        changes = lost_values(before, after, ("membership",)) + changes
    if changes:
        raise Refused(
            f"{describe_frontend(before)}: {', '.join(changes)}",
            "",
            f"{LEAVE} (the role npaci.rocks.frontend sets its name, MAC and address), {ALLOWED}",
        )


def check_removal(node: Node, what: str = "it would be removed", hint: str = LEAVE) -> None:
    """Raise Refused if the node is a frontend; ``what`` would happen to it."""
    if is_frontend(node.appliance, node.membership):
        raise Refused(f"{describe_frontend(node)}: {what}", "", f"{hint}, {ALLOWED}")


def check_interface(owner: Node, before: Interface, after: Interface) -> None:
    """Raise Refused if an interface of a frontend would lose its MAC or its address."""
    changes = lost_values(before, after, ("mac", "ip"))
    if changes and is_frontend(owner.appliance, owner.membership):
        raise Refused(
            f"{describe_frontend(owner)}: {', '.join(changes)}",
            f"{before.node}/{before.name}",
            f"{LEAVE}, or set allow_frontend: true",
        )


def check_membership(before: Membership, appliance: str) -> None:
    """Raise Refused if the frontends' membership would get another appliance.

    appliance  empty: the membership would be removed
    """
    if is_frontend(before.appliance, before.name) and not is_frontend(appliance, before.name):
        change = f"its appliance would become {appliance}" if appliance else "it would be removed"
        raise Refused(
            f"its nodes are frontends: {change}",
            f"membership {before.name!r}",
            "use a membership with another name, or set allow_frontend: true",
        )


def lost_values(before: NamedTuple, after: NamedTuple, fields: Iterable[str]) -> list[str]:
    """Return a statement for each of these fields whose value would be lost."""
    values = [(field, getattr(before, field), getattr(after, field)) for field in fields]
    return [
        f"its {field} {old} would become {new or 'empty'}"
        for field, old, new in values
        if old and old != new
    ]


def describe_frontend(node: Node) -> str:
    """Return the row as an error message names it."""
    return f"{node.name} is the frontend" + (f" ({node.ip})" if node.ip else "")
