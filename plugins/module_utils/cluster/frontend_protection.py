# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rows that are the frontend: they change only when the caller sets ``allow_frontend``.

What another row loses by a slip is entered again.  When the frontend's row becomes a compute
node's, the next reinstallation of all compute nodes includes the machine that everything runs on.
"""

from __future__ import annotations

from typing import Iterable, NamedTuple

from ..errors import Refused
from .model import FRONTEND, Interface, Membership, Node

MEMBERSHIP = "Frontend"
# Table III of the paper counts the hosts outside of the cluster to the frontend's appliance.
EXTERNAL = "External"
ADDRESS = "frontend_address"  # the attribute by which profiles find the frontend
BY_ATTRIBUTE = f"the frontend (attribute {ADDRESS})"  # who has that address when no row has it

REPLACED = "another machine would take its place"
LEAVE = "leave the frontend out"
ALLOWED = "or use rocks_node with allow_frontend: true"


def is_frontend(appliance: str, membership: str) -> bool:
    """Whether the nodes of a membership are frontends."""
    return appliance == FRONTEND and membership != EXTERNAL


def check_change(before: Node, after: Node) -> None:
    """Refuse a row that makes the frontend something else, or takes from it what it is known by.

    What was empty may be filled in.  Raises Refused.
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
    """Refuse to remove the frontend, or to put another machine into its place.  Raises Refused."""
    if is_frontend(node.appliance, node.membership):
        raise Refused(f"{describe_frontend(node)}: {what}", "", f"{hint}, {ALLOWED}")


def check_interface(owner: Node, before: Interface, after: Interface) -> None:
    """Refuse to take its MAC or its address from an interface of the frontend.  Raises Refused."""
    changes = lost_values(before, after, ("mac", "ip"))
    if changes and is_frontend(owner.appliance, owner.membership):
        raise Refused(
            f"{describe_frontend(owner)}: {', '.join(changes)}",
            f"{before.node}/{before.name}",
            f"{LEAVE}, or give allow_frontend: true",
        )


def check_membership(before: Membership, appliance: str) -> None:
    """Refuse to give the frontends' membership to another appliance (empty: to none).

    Raises Refused.
    """
    if is_frontend(before.appliance, before.name) and not is_frontend(appliance, before.name):
        change = f"its appliance would become {appliance}" if appliance else "it would be removed"
        raise Refused(
            f"its nodes are frontends: {change}",
            f"membership {before.name!r}",
            "describe a membership of another name, or give allow_frontend: true",
        )


def lost_values(before: NamedTuple, after: NamedTuple, fields: Iterable[str]) -> list[str]:
    """The values of these fields that would be no more, each as a statement."""
    values = [(field, getattr(before, field), getattr(after, field)) for field in fields]
    return [
        f"its {field} {old} would become {new or 'empty'}"
        for field, old, new in values
        if old and old != new
    ]


def describe_frontend(node: Node) -> str:
    """The row, as an error names it."""
    return f"{node.name} is the frontend" + (f" ({node.ip})" if node.ip else "")
