# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Memberships and the appliances they belong to (paper, Table III)."""

from __future__ import annotations

import re
from typing import Optional

from ..errors import Conflict, DescriptionError, NotFound
from .database import Database
from .frontend_protection import check_membership
from .model import Appliance, Membership, RowChange
from .naming import group_name

SELECT = (
    "select memberships.id, memberships.name, appliances.name, appliances.root, memberships.distribution,"
    " memberships.compute from memberships join appliances on appliances.id = memberships.appliance"
    " order by memberships.id"
)

_APPLIANCE = re.compile(r"[a-z][a-z0-9-]{0,31}")
_ROOT = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.+-]{0,63})?")
_MEMBERSHIP = re.compile(r"[A-Za-z][A-Za-z0-9 ._/()-]{0,63}")
_DISTRIBUTION = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?")


def list_memberships(database: Database) -> list[Membership]:
    """All memberships, by their ids."""
    return [
        Membership(row[0], row[1], row[2], row[3], row[4], row[5] == "yes")
        for row in database.rows(SELECT)
    ]


def list_appliances(database: Database) -> list[Appliance]:
    """All appliances, by their ids."""
    return [
        Appliance(*row)
        for row in database.rows("select id, name, root from appliances order by id")
    ]


def put_appliance(database: Database, name: str, *, root: Optional[str] = None) -> RowChange:
    """Make the appliance, or give it another root of the graph; an empty one means that it has no profile."""
    _check(_APPLIANCE, name, "appliance", "begin with a letter; a-z, 0-9 and -")
    _check(_ROOT, root or "", "root of the graph", "the name of a node file without .xml")
    with database.transaction():
        before = _appliance(database, name)
        if before and root in (None, before.root):
            return RowChange(before, before)
        if before:
            database.execute("update appliances set root = ? where id = ?", (root, before.id))
        else:
            _check_no_node(database, name, f"appliance {name!r}")
            database.execute(
                "insert into appliances (name, root) values (?, ?)", (name, root or "")
            )
        return RowChange(before, _appliance(database, name))


def remove_appliance(database: Database, name: str) -> RowChange:
    """Forget the appliance and its attributes.  Raises Conflict while it has a membership."""
    with database.transaction():
        before = _appliance(database, name)
        users = [one.name for one in list_memberships(database) if one.appliance == name]
        if users:
            raise Conflict(
                f"appliance {name!r} has memberships: {', '.join(users)}", "", "remove them first"
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
    """Make the membership, or change what is given; a new one needs its appliance.

    Raises Refused for the frontends' membership that would go to another appliance, unless
    ``allow_frontend``.
    """
    _check(
        _MEMBERSHIP,
        name,
        "membership",
        "begin with a letter; letters, digits, blanks and . _ / ( ) -",
    )
    _check(_DISTRIBUTION, distribution or "", "distribution", "letters, digits, _ . and -")
    with database.transaction():
        before = _membership(database, name)
        wanted = before or Membership(0, name, "", "", "", False)
        wanted = wanted._replace(
            appliance=appliance if appliance is not None else wanted.appliance,
            distribution=distribution if distribution is not None else wanted.distribution,
            compute=compute if compute is not None else wanted.compute,
        )
        if wanted == before:
            return RowChange(before, before)
        kind = _appliance(database, wanted.appliance)
        if kind is None:
            known = ", ".join(one.name for one in list_appliances(database))
            raise NotFound(
                f"there is no appliance {wanted.appliance!r}",
                f"membership {name!r}",
                f"known: {known}",
            )
        if before and not allow_frontend:
            check_membership(before, wanted.appliance)
        values = (kind.id, wanted.distribution, "yes" if wanted.compute else "no")
        if before:
            database.execute(
                "update memberships set appliance = ?, distribution = ?, compute = ? where id = ?",
                (*values, before.id),
            )
        else:
            _check_group(database, name)
            database.execute(
                "insert into memberships (appliance, distribution, compute, name) values (?, ?, ?, ?)",
                (*values, name),
            )
        return RowChange(before, _membership(database, name))


def remove_membership(database: Database, name: str, *, allow_frontend: bool = False) -> RowChange:
    """Forget the membership.

    Raises Conflict while a node has it, Refused as ``put_membership``.
    """
    with database.transaction():
        before = _membership(database, name)
        if before:
            having = database.rows(
                "select name from nodes where membership = ? order by id", (before.id,)
            )
            if having:
                raise Conflict(
                    f"{len(having)} nodes are {name!r}, the first is {having[0][0]}",
                    "",
                    "move or remove them first",
                )
            if not allow_frontend:
                check_membership(before, "")
            database.execute("delete from memberships where id = ?", (before.id,))
        return RowChange(before, None)


def _appliance(database: Database, name: str) -> Optional[Appliance]:
    return next((one for one in list_appliances(database) if one.name == name), None)


def _membership(database: Database, name: str) -> Optional[Membership]:
    return next((one for one in list_memberships(database) if one.name == name), None)


def _check(form: re.Pattern[str], text: str, what: str, hint: str) -> None:
    if not form.fullmatch(text):
        raise DescriptionError(f"{text!r} is no name of a {what}", "", hint)


def _check_group(database: Database, name: str) -> None:
    """Two memberships are two groups of the inventory, and no node has a group's name."""
    group = group_name(name)
    for other in list_memberships(database):
        if group_name(other.name) == group:
            raise Conflict(
                f"membership {other.name!r} has the group {group!r} already",
                "",
                "choose another name",
            )
    _check_no_node(database, group, f"the group of membership {name!r}")


def _check_no_node(database: Database, name: str, what: str) -> None:
    if database.row("select 1 from nodes where name = ?", (name,)):
        raise Conflict(
            f"a node is called {name!r}", what, "rename it first, or choose another name"
        )
