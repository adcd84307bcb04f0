# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Memberships and the appliances that they belong to (paper, Table III)."""

from __future__ import annotations

import re
from typing import Optional

from ..errors import Conflict, DescriptionError, NotFound
from .database import Database
from .frontend_protection import check_membership
from .model import Appliance, Membership, RowChange
from .naming import group_fault, group_name
from .networking.network_rules import address_faults, check_addresses_of_appliances
from .networking.networks import list_networks

SELECT = (
    "select memberships.id, memberships.name, appliances.name, appliances.root,"
    " memberships.distribution, memberships.compute = 'yes' from memberships"
    " join appliances on appliances.id = memberships.appliance order by memberships.id"
)

_APPLIANCE = re.compile(r"(?=.{1,32}\Z)[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ROOT = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.+-]{0,63})?")
_MEMBERSHIP = re.compile(r"(?=.{1,64}\Z)[A-Za-z][A-Za-z0-9._/()-]*( [A-Za-z0-9._/()-]+)*")
_DISTRIBUTION = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?")


def list_memberships(database: Database) -> list[Membership]:
    """Return all memberships, by id."""
    return [Membership._make((*row[:-1], bool(row[-1]))) for row in database.rows(SELECT)]


def list_appliances(database: Database) -> list[Appliance]:
    """Return all appliances, by id."""
    rows = database.rows("select id, name, root from appliances order by id")
    return [Appliance(*row) for row in rows]


def put_appliance(database: Database, name: str, *, root: Optional[str] = None) -> RowChange:
    """Add the appliance, or change its root in the graph; an empty root means no profile.

    Raises Conflict if one of its nodes has the address of a gateway, which a node with a profile
    cannot have.
    """
    _check(
        _APPLIANCE,
        name,
        "name for an appliance",
        "begin with a letter; use a-z, 0-9 and single hyphens between them; at most 32 characters",
    )
    _check(_ROOT, root or "", "root of the graph", "write the name of a node file without .xml")
    with database.transaction():
        before = _find_appliance(database, name)
        if before and root in (None, before.root):
            return RowChange(before, before)
        if before:
            networks = list_networks(database)
            faults = address_faults(database, networks)
            database.execute("update appliances set root = ? where id = ?", (root, before.id))
            check_addresses_of_appliances(database, faults, networks)
        else:
            _check_no_node(database, name, f"appliance {name!r}")
            database.execute(
                "insert into appliances (name, root) values (?, ?)", (name, root or "")
            )
        return RowChange(before, _find_appliance(database, name))


def remove_appliance(database: Database, name: str) -> RowChange:
    """Delete the appliance and its attributes.  Raises Conflict if it has memberships."""
    with database.transaction():
        before = _find_appliance(database, name)
        memberships = [row.name for row in list_memberships(database) if row.appliance == name]
        if memberships:
            raise Conflict(
                f"appliance {name!r} has memberships: {', '.join(memberships)}",
                "",
                "remove them first",
            )
        if before:
            database.execute("delete from appliances where id = ?", (before.id,))
        return RowChange(before, None)


def put_membership(
    database: Database,
    name: str,
    *,
    appliance: Optional[str] = None,
    distribution: Optional[str] = None,
    compute: Optional[bool] = None,
    allow_frontend: bool = False,
) -> RowChange:
    """Add the membership, or change the values that are not None; a new one needs an appliance.

    Raises Refused for a change of the frontends' membership to another appliance, unless
    ``allow_frontend``, and Conflict if a node with a gateway's address would get a profile.
    """
    _check(
        _MEMBERSHIP,
        name,
        "name for a membership",
        "begin with a letter; use letters, digits, . _ / ( ) - and single spaces between them;"
        " at most 64 characters",
    )
    _check(
        _DISTRIBUTION,
        distribution or "",
        "name for a distribution",
        "use letters, digits, _ . and -",
    )
    with database.transaction():
        before = _find_membership(database, name)
        after = before or _new_membership(name)
        after = after._replace(
            appliance=after.appliance if appliance is None else appliance,
            distribution=after.distribution if distribution is None else distribution,
            compute=after.compute if compute is None else compute,
        )
        if after == before:
            return RowChange(before, before)
        appliance_row = _find_appliance(database, after.appliance)
        if appliance_row is None:
            names = ", ".join(row.name for row in list_appliances(database))
            raise NotFound(
                f"there is no appliance {after.appliance!r}",
                f"membership {name!r}",
                f"known: {names}",
            )
        if before and not allow_frontend:
            check_membership(before, after.appliance)
        networks = list_networks(database)
        faults = address_faults(database, networks)
        values = (appliance_row.id, after.distribution, "yes" if after.compute else "no")
        if before:
            database.execute(
                "update memberships set appliance = ?, distribution = ?, compute = ? where id = ?",
                (*values, before.id),
            )
            check_addresses_of_appliances(database, faults, networks)
        else:
            _check_group(database, name)
            database.execute(
                "insert into memberships (appliance, distribution, compute, name)"
                " values (?, ?, ?, ?)",
                (*values, name),
            )
        return RowChange(before, _find_membership(database, name))


def remove_membership(database: Database, name: str, *, allow_frontend: bool = False) -> RowChange:
    """Delete the membership.  Raises Conflict if it has nodes, Refused as ``put_membership``."""
    with database.transaction():
        before = _find_membership(database, name)
        if before:
            nodes = database.rows(
                "select name from nodes where membership = ? order by id", (before.id,)
            )
            if nodes:
                raise Conflict(
                    f"membership {name!r} has {len(nodes)} nodes, such as {nodes[0][0]}",
                    "",
                    "move or remove them first",
                )
            if not allow_frontend:
                check_membership(before, "")
            database.execute("delete from memberships where id = ?", (before.id,))
        return RowChange(before, None)


def _find_appliance(database: Database, name: str) -> Optional[Appliance]:
    return next((row for row in list_appliances(database) if row.name == name), None)


def _find_membership(database: Database, name: str) -> Optional[Membership]:
    return next((row for row in list_memberships(database) if row.name == name), None)


def _new_membership(name: str) -> Membership:
    return Membership(id=0, name=name, appliance="", root="", distribution="", compute=False)


def _check(pattern: re.Pattern[str], text: str, kind: str, hint: str) -> None:
    if not pattern.fullmatch(text):
        raise DescriptionError(f"{text!r} is not a valid {kind}", "", hint)


def _check_group(database: Database, name: str) -> None:
    """Raise DescriptionError if the membership's inventory group is reserved, Conflict if it is
    another's, or the name of a node.
    """
    group = group_name(name)
    fault = group_fault(group)
    if fault:
        raise DescriptionError(fault, f"the group of membership {name!r}", "choose another name")
    for other in list_memberships(database):
        if group_name(other.name) == group:
            raise Conflict(
                f"membership {other.name!r} already has the inventory group {group!r}",
                f"membership {name!r}",
                f"write {other.name!r}, or choose a name that differs in letters or digits",
            )
    _check_no_node(database, group, f"the group of membership {name!r}")


def _check_no_node(database: Database, name: str, where: str) -> None:
    if database.row("select 1 from nodes where name = ?", (name,)):
        raise Conflict(
            f"a node has the name {name!r}", where, "rename it first, or choose another name"
        )
