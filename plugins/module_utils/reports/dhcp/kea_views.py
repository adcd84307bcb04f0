# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Views of the cluster database that have the form of Kea's own host database.

After one row is added to ``nodes``, the machine gets its lease; nothing is rendered or reloaded
(this completes the idea of the paper, 6.4).  Kea's account can read these views only, and no table
of the cluster.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from ...cluster.database import Database
from ...errors import DescriptionError, Refused

DATABASE = "rocks_kea"
# The client class of Kea for nodes with an install order that lets them boot the installer.
ORDERED_CLASS = "install"
LOCAL = "localhost"
MARK = "rocks_views"  # a view with the hash of the statements that created the others
NAME = re.compile(r"[A-Za-z0-9_%][A-Za-z0-9_.%-]*")


class ViewSettings(NamedTuple):
    """The settings of the views."""

    name: str
    """The database that contains the views."""
    schema: str
    """The version of Kea's MySQL schema that the daemon requires, such as ``14.0``."""
    account: str
    """Kea's database account.

    On this host it is created, and authenticates as the system user of that name.  An account that
    connects over the network must exist.
    """
    host: str = LOCAL
    """The host from which the account connects."""


# Only the nodes' first interfaces: MariaDB does not push a prepared statement's condition into a
# union, and would read every row for every packet.  The few further interfaces (BMCs) are in
# Kea's file.
HOSTS = """
create or replace sql security definer view `{name}`.hosts as
  select nodes.id as host_id, nodes.hwaddr as dhcp_identifier, 0 as dhcp_identifier_type,
         networks.id as dhcp4_subnet_id, null as dhcp6_subnet_id,
         nodes.ipv4 as ipv4_address, nodes.name as hostname,
         if(installs.id is null, null, '{ordered}') as dhcp4_client_classes,
         null as dhcp6_client_classes, null as user_context,
         null as dhcp4_next_server, null as dhcp4_server_hostname,
         null as dhcp4_boot_file_name, null as auth_key
    from `{cluster}`.nodes
    join `{cluster}`.networks
         on nodes.ipv4 & inet_aton(networks.netmask) = inet_aton(networks.subnet)
    left join `{cluster}`.installs on installs.node = nodes.id and installs.live = 1
         and installs.state in ('ordered', 'booted', 'installing')
   where networks.kind in ('private', 'management')"""

# Kea queries these with every host, and also prepares its queries for IPv6; they are empty.
OPTIONS = """
create or replace sql security definer view `{name}`.{table} as
  select 0 as option_id, 0 as code, null as value, '' as formatted_value, '' as space,
         0 as persistent, 0 as cancelled, null as user_context, null as client_classes,
         0 as host_id from dual where false"""
IPV6_RESERVATIONS = """
create or replace sql security definer view `{name}`.ipv6_reservations as
  select 0 as reservation_id, '' as address, 0 as prefix_len, 0 as type, 0 as dhcp6_iaid,
         null as excluded_prefix, 0 as excluded_prefix_len, 0 as host_id from dual where false"""
SCHEMA_VERSION = """
create or replace sql security definer view `{name}`.schema_version as
  select {major} as version, {minor} as minor"""
MARK_VIEW = (
    "create or replace sql security definer view `{name}`.{mark} as select '{sum}' as statements"
)


VIEWS = frozenset(
    (MARK, "hosts", "dhcp4_options", "dhcp6_options", "ipv6_reservations", "schema_version")
)


def view_statements(view: ViewSettings, cluster: str) -> list[str]:
    """Return the idempotent statements that create the views over the database ``cluster``.

    Raises DescriptionError for a setting that could break out of the SQL.
    """
    for text, kind in (
        (view.name, "view"),
        (cluster, "database"),
        (view.account, "account"),
        (view.host, "host"),
    ):
        if not NAME.fullmatch(text):
            hint = "use letters, digits and the characters . _ -"
            raise DescriptionError(f"{text!r} is not a valid {kind}", "", hint)
    if not re.fullmatch(r"[0-9]+\.[0-9]+", view.schema):
        what = f"schema: {view.schema!r} is not valid"
        raise DescriptionError(what, "", "use two numbers with a dot, such as 14.0")
    major, minor = view.schema.split(".")
    common = {"name": view.name, "cluster": cluster, "ordered": ORDERED_CLASS}
    account = f"'{view.account}'@'{view.host}'"
    create = [
        f"create database if not exists `{view.name}`",
        MARK_VIEW.format(
            mark=MARK, sum="", **common
        ),  # first, so that the next run continues after a killed one
        HOSTS.format(**common),
        *(OPTIONS.format(table=table, **common) for table in ("dhcp4_options", "dhcp6_options")),
        IPV6_RESERVATIONS.format(**common),
        SCHEMA_VERSION.format(major=int(major), minor=int(minor), **common),
        *(
            [f"create user if not exists {account} identified via unix_socket"]
            if view.host == LOCAL
            else []
        ),
        f"grant select on `{view.name}`.* to {account}",
    ]
    return [
        *create,
        MARK_VIEW.format(
            mark=MARK, sum=hashlib.sha256("\n".join(create).encode()).hexdigest(), **common
        ),
    ]


def install_views(database: Database, view: ViewSettings, *, dry_run: bool = False) -> bool:
    """Create or update the views; return whether anything was, or would be, changed.

    Raises Refused if the database is not MariaDB, if the database of the views has other content,
    or if our account must not create views and accounts.
    """
    if database.engine != "mysql":
        raise Refused(
            "Kea can read MariaDB only",
            database.location.url,
            "set `source: file` for the report kea",
        )
    statements = view_statements(view, database.location.name)
    existing = _existing_views(database, view)
    if existing and MARK not in existing:
        raise Refused(
            f"the database {view.name!r} contains other tables",
            database.location.url,
            "set `view` to another name",
        )
    if (
        existing >= VIEWS
        and _has_grant(database, view)
        and _last_statement(database, view) == statements[-1]
    ):
        return False
    if not dry_run:
        for statement in statements:
            database.execute(statement)
    return True


def _existing_views(database: Database, view: ViewSettings) -> set[str]:
    """Return the names of the tables and views in the database of the views."""
    sql = "select table_name from information_schema.tables where table_schema = ?"
    return {str(row[0]) for row in database.rows(sql, (view.name,))}


def _has_grant(database: Database, view: ViewSettings) -> bool:
    grantee = f"'{view.account}'@'{view.host}'"
    sql = (
        "select 1 from information_schema.schema_privileges where grantee = ? and table_schema = ?"
    )
    return database.row(sql, (grantee, view.name)) is not None


def _last_statement(database: Database, view: ViewSettings) -> str:
    """Return the last statement of the previous run, as recorded in the mark view."""
    row = database.row(f"select statements from `{view.name}`.{MARK}")
    return MARK_VIEW.format(name=view.name, mark=MARK, sum=row[0] if row else "")
