# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kea reads the cluster database itself: a database of views that looks to Kea like its own host database.

One more row in ``nodes`` and the machine has its lease; nothing is rendered, nothing reloaded (paper, 6.4, taken to
its end).  Kea's account sees these views only, and no table of the cluster.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from ...cluster.database import Database
from ...errors import DescriptionError, Refused

DATABASE = "rocks_kea"
# A node with an install order that opens the installer to it is in this client class of Kea.
ORDERED_CLASS = "install"
LOCAL = "localhost"
MARK = "rocks_views"  # a view that tells which statements made the others
NAME = re.compile(r"[A-Za-z0-9_%][A-Za-z0-9_.%-]*")


class ViewSettings(NamedTuple):
    """What differs between sites.

    name     of the database that holds the views
    schema   the version of Kea's MySQL schema, as the daemon demands it: ``14.0``
    account  the database account of Kea; on this host it proves itself by being the system's user of that name,
             and is made; an account that comes over the network must exist
    host     where that account connects from
    """

    name: str
    schema: str
    account: str
    host: str = LOCAL


# Only the nodes themselves: MariaDB takes no condition of a prepared statement into a union, and would read every row
# for every packet. The few further interfaces (BMCs) stand in Kea's file.
HOSTS = """
create or replace sql security definer view `{name}`.hosts as
  select nodes.id as host_id, nodes.hwaddr as dhcp_identifier, 0 as dhcp_identifier_type,
         networks.id as dhcp4_subnet_id, null as dhcp6_subnet_id, nodes.ipv4 as ipv4_address, nodes.name as hostname,
         if(installs.id is null, null, '{ordered}') as dhcp4_client_classes, null as dhcp6_client_classes,
         null as user_context, null as dhcp4_next_server, null as dhcp4_server_hostname,
         null as dhcp4_boot_file_name, null as auth_key
    from `{cluster}`.nodes
    join `{cluster}`.networks on nodes.ipv4 & inet_aton(networks.netmask) = inet_aton(networks.subnet)
    left join `{cluster}`.installs on installs.node = nodes.id and installs.live = 1
         and installs.state in ('ordered', 'booted', 'installing')
   where networks.kind in ('private', 'management')"""

# Kea asks for these with every host, and prepares its queries for IPv6 as well; they are empty.
OPTIONS = """
create or replace sql security definer view `{name}`.{table} as
  select 0 as option_id, 0 as code, null as value, '' as formatted_value, '' as space, 0 as persistent,
         0 as cancelled, null as user_context, null as client_classes, 0 as host_id from dual where false"""
ADDRESSES6 = """
create or replace sql security definer view `{name}`.ipv6_reservations as
  select 0 as reservation_id, '' as address, 0 as prefix_len, 0 as type, 0 as dhcp6_iaid,
         null as excluded_prefix, 0 as excluded_prefix_len, 0 as host_id from dual where false"""
SCHEMA_VERSION = """
create or replace sql security definer view `{name}`.schema_version as
  select {major} as version, {minor} as minor"""
DONE = "create or replace sql security definer view `{name}`.{mark} as select '{sum}' as statements"


VIEWS = frozenset(
    (MARK, "hosts", "dhcp4_options", "dhcp6_options", "ipv6_reservations", "schema_version")
)


def view_statements(view: ViewSettings, cluster: str) -> list[str]:
    """What makes the views over the database ``cluster``; each does no harm when it runs again."""
    for word, what in (
        (view.name, "view"),
        (cluster, "database"),
        (view.account, "account"),
        (view.host, "host"),
    ):
        if not NAME.fullmatch(word):
            raise DescriptionError(
                f"the {what} is {word!r}", "", "letters, digits and any of _ . -"
            )
    if not re.fullmatch(r"[0-9]+\.[0-9]+", view.schema):
        raise DescriptionError(
            f"the schema is {view.schema!r}", "", "two numbers with a dot, such as 14.0"
        )
    major, minor = view.schema.split(".")
    common = {"name": view.name, "cluster": cluster, "ordered": ORDERED_CLASS}
    account = f"'{view.account}'@'{view.host}'"
    made = [
        f"create database if not exists `{view.name}`",
        DONE.format(mark=MARK, sum="", **common),  # first: what a killed run left is known as ours
        HOSTS.format(**common),
        *(OPTIONS.format(table=table, **common) for table in ("dhcp4_options", "dhcp6_options")),
        ADDRESSES6.format(**common),
        SCHEMA_VERSION.format(major=int(major), minor=int(minor), **common),
        *(
            [f"create user if not exists {account} identified via unix_socket"]
            if view.host == LOCAL
            else []
        ),
        f"grant select on `{view.name}`.* to {account}",
    ]
    return [
        *made,
        DONE.format(mark=MARK, sum=hashlib.sha256("\n".join(made).encode()).hexdigest(), **common),
    ]


def install_views(database: Database, view: ViewSettings, *, dry_run: bool = False) -> bool:
    """Make the views, unless these very ones are there; whether anything was, or would be, changed.

    Raises Refused when the database is not MariaDB, when a database of that name is another's, or when the account
    may not define views and accounts.
    """
    if database.engine != "mysql":
        raise Refused(
            "only MariaDB can be read by Kea",
            database.location.url,
            "say `source: file` for the report kea",
        )
    wanted = view_statements(view, database.location.name)
    exists, there = _existing_views(database, view)
    if exists and MARK not in there and there:
        raise Refused(
            f"the database {view.name!r} holds tables that are not ours",
            database.location.url,
            "give `view` another name",
        )
    if (
        there >= VIEWS
        and _has_grant(database, view)
        and _last_statement(database, view) == wanted[-1]
    ):
        return False
    if not dry_run:
        for statement in wanted:
            database.execute(statement)
    return True


def _existing_views(database: Database, view: ViewSettings) -> tuple[bool, set[str]]:
    """Whether the database of the views exists, and what it holds."""
    exists = (
        database.row(
            "select 1 from information_schema.schemata where schema_name = ?", (view.name,)
        )
        is not None
    )
    found = database.rows(
        "select table_name from information_schema.tables where table_schema = ?", (view.name,)
    )
    return exists, {str(row[0]) for row in found}


def _has_grant(database: Database, view: ViewSettings) -> bool:
    grantee = f"'{view.account}'@'{view.host}'"
    sql = (
        "select 1 from information_schema.schema_privileges where grantee = ? and table_schema = ?"
    )
    return database.row(sql, (grantee, view.name)) is not None


def _last_statement(database: Database, view: ViewSettings) -> str:
    """The statement that closed the installation, as far as it can be told."""
    found = database.row(f"select statements from `{view.name}`.{MARK}")
    return DONE.format(name=view.name, mark=MARK, sum=found[0] if found else "")
