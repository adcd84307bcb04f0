# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The schema of the cluster database (contract C1), version by version, with its initial rows.

The statements are the same for both engines, except ``{id}`` and ``{table}``.  MariaDB commits each
statement that defines something at once; after a power cut it runs again, so it must be idempotent.
"""

from __future__ import annotations

from typing import NamedTuple

# Only the accounts of the administrator and of the service can read these.
HIDDEN_TABLES = frozenset(("secrets", "install_keys", "site_keys"))

# In the order in which a dump is restored: a table comes after those that its rows refer to.
TABLES = (
    "appliances",
    "memberships",
    "networks",
    "nodes",
    "interfaces",
    "hardware",
    "attributes",
    "secrets",
    "installs",
    "install_keys",
    "install_events",
    "audit",
    "site_keys",
    "node_states",
)

ENGINE_SYNTAX = {
    "sqlite": {"{id}": "integer primary key autoincrement", "{table}": ""},
    "mysql": {
        "{id}": "int primary key auto_increment",
        "{table}": " engine=InnoDB default character set utf8mb4 collate utf8mb4_nopad_bin",
    },
}


class Step(NamedTuple):
    """One statement."""

    sql: str
    engine: str = ""
    """The only engine that it is for; empty: both."""


class Version(NamedTuple):
    """The steps from the previous version of the schema to this one."""

    number: int
    steps: tuple[Step, ...]


# `version` is complete; `step` steps of the next one are.  `revision`: see database.BUMP_REVISION.
BOOTSTRAP = (
    "create table if not exists schema_version (id int primary key check (id = 1),"
    " version int not null, step int not null, revision bigint not null){table}",
    "insert into schema_version (id, version, step, revision)"
    " select 1, 0, 0, 0 from (select 1 as one) as one_row"
    " where not exists (select 1 from schema_version)",
)

APPLIANCES = """
create table if not exists appliances (
  id    {id},
  name  varchar(32) not null unique,
  root  varchar(64) not null default ''
){table}"""

MEMBERSHIPS = """
create table if not exists memberships (
  id            {id},
  name          varchar(64) not null unique,
  appliance     int not null,
  distribution  varchar(64) not null default '',
  compute       varchar(3) not null default 'no' check (compute in ('yes', 'no')),
  foreign key (appliance) references appliances (id)
){table}"""

NETWORKS = """
create table if not exists networks (
  id          {id},
  name        varchar(32) not null unique,
  subnet      varchar(15) not null unique,
  netmask     varchar(15) not null,
  gateway     varchar(15) not null default '',
  zone        varchar(253) not null default '',
  mtu         int not null default 1500,
  kind        varchar(16) not null default 'private'
    check (kind in ('private', 'public', 'management')),
  first       varchar(15) not null default '',
  last        varchar(15) not null default '',
  pool_first  varchar(15) not null default '',
  pool_last   varchar(15) not null default ''
){table}"""

NODES = """
create table if not exists nodes (
  id          {id},
  mac         varchar(17) unique,
  name        varchar(63) not null unique,
  membership  int not null,
  rack        int not null default 0,
  `rank`      int not null default 0,
  ip          varchar(15) unique,
  arch        varchar(16) not null default 'x86_64',
  comment     text not null default '',
  unique (membership, rack, `rank`),
  foreign key (membership) references memberships (id)
){table}"""

INTERFACES = """
create table if not exists interfaces (
  id       {id},
  node     int not null,
  name     varchar(15) not null,
  kind     varchar(16) not null default 'ethernet'
    check (kind in ('ethernet', 'infiniband', 'bmc')),
  network  int,
  mac      varchar(59) unique,
  ip       varchar(15) unique,
  unique (node, name),
  foreign key (node) references nodes (id) on delete cascade,
  foreign key (network) references networks (id)
){table}"""

# As reported by the first installation; memory and disk in MiB, the unit of Slurm.
HARDWARE = """
create table if not exists hardware (
  node      int primary key,
  cpus      int not null,
  sockets   int not null default 1,
  cores     int not null default 1,
  threads   int not null default 1,
  memory    int not null,
  disk      bigint not null default 0,
  gpus      int not null default 0,
  vendor    varchar(64) not null default '',
  product   varchar(64) not null default '',
  serial    varchar(64) not null default '',
  firmware  varchar(8) not null default '',
  counted   varchar(19) not null,
  foreign key (node) references nodes (id) on delete cascade
){table}"""

# `owner` is the id of the appliance or the node, and 0 (not NULL, which a unique index would not
# count as a duplicate) for a global value.
VALUES = """
create table if not exists %s (
  id         {id},
  scope      varchar(9) not null,
  appliance  int,
  node       int,
  owner      int not null,
  name       varchar(64) not null,
  value      text not null,
  unique (scope, owner, name),
  check ((scope = 'global' and appliance is null and node is null and owner = 0)
      or (scope = 'appliance' and appliance = owner and node is null)
      or (scope = 'node' and appliance is null and node = owner)),
  foreign key (appliance) references appliances (id) on delete cascade,
  foreign key (node) references nodes (id) on delete cascade
){table}"""

# Times are texts in UTC (2026-11-22 09:14:05): the date functions of both engines read them, and
# they sort.  `live` is 1 until the order ends and NULL afterwards, so that the unique key permits
# one live order for each node.
INSTALLS = """
create table if not exists installs (
  id            {id},
  uuid          varchar(36) not null unique,
  node          int not null,
  state         varchar(10) not null,
  live          int,
  distribution  varchar(64) not null,
  arch          varchar(16) not null,
  generation    varchar(64) not null,
  profile       varchar(64) not null,
  wipe          int not null default 0,
  batch         varchar(36) not null default '',
  driver        varchar(32) not null default '',
  attempts      int not null default 0,
  ordered_by    varchar(64) not null,
  reason        varchar(255) not null default '',
  ordered       varchar(19) not null,
  expires       varchar(19) not null,
  changed       varchar(19) not null,
  phase         varchar(32) not null default '',
  done          bigint not null default 0,
  total         bigint not null default 0,
  message       text not null default '',
  delivered     varchar(19) not null default '',
  suspect       int not null default 0,
  manifest      varchar(64) not null default '',
  checked       varchar(19) not null default '',
  found         varchar(64) not null default '',
  unique (node, live),
  check ((state in ('ordered', 'booted', 'installing', 'installed')
          and live is not null and live = 1)
      or (state in ('up', 'failed', 'expired', 'cancelled') and live is null)),
  foreign key (node) references nodes (id) on delete cascade
){table}"""

# The one-time keys of an order: for its console and for its secrets.
INSTALL_KEYS = """
create table if not exists install_keys (
  id       {id},
  install  int not null,
  name     varchar(64) not null,
  value    text not null,
  used     varchar(19) not null default '',
  unique (install, name),
  foreign key (install) references installs (id) on delete cascade
){table}"""

# A row with a `state` is a change of the order's state; the others are progress reports.
INSTALL_EVENTS = """
create table if not exists install_events (
  id       {id},
  install  int not null,
  at       varchar(19) not null,
  state    varchar(10) not null default '',
  phase    varchar(32) not null default '',
  done     bigint not null default 0,
  total    bigint not null default 0,
  message  text not null default '',
  foreign key (install) references installs (id) on delete cascade
){table}"""

# Without foreign keys: the rows outlive the nodes and orders that they are about.
AUDIT = """
create table if not exists audit (
  id        {id},
  at        varchar(19) not null,
  actor     varchar(64) not null,
  action    varchar(32) not null,
  decision  varchar(16) not null,
  node      varchar(63) not null default '',
  mac       varchar(17) not null default '',
  address   varchar(45) not null default '',
  port      int not null default 0,
  install   varchar(36) not null default '',
  bytes     bigint not null default 0,
  profile   varchar(64) not null default '',
  detail    text not null default ''
){table}"""

INDEXES = (
    "create index if not exists attributes_by_node on attributes (node)",
    "create index if not exists secrets_by_node on secrets (node)",
    "create index if not exists installs_by_batch on installs (batch)",
    "create index if not exists installs_by_state on installs (state)",
    "create index if not exists install_events_by_install on install_events (install)",
    "create index if not exists audit_by_node on audit (node)",
    "create index if not exists audit_by_time on audit (at)",
)

# MAC and address in the form in which Kea looks them up: as bytes and as a number.  The columns are
# invisible, so that `select *` returns the columns of the paper.  MariaDB rejects unhex() in a
# generated column: hence the triggers.
DHCP_COLUMNS = """
alter table %(table)s
  add column if not exists hwaddr varbinary(20) invisible,
  add column if not exists ipv4 int unsigned
    generated always as (inet_aton(ip)) persistent invisible,
  add unique index if not exists %(table)s_by_hwaddr (hwaddr),
  add unique index if not exists %(table)s_by_ipv4 (ipv4)"""
HWADDR_TRIGGER = """
create or replace trigger %(table)s_%(event)s before %(event)s on %(table)s
  for each row set new.hwaddr = unhex(replace(new.mac, ':', ''))"""

# Whether nodes can boot from the network; ignored unless the network is private.
BOOT_COLUMN = (
    "alter table networks add column {}boot varchar(3) not null default 'yes'"
    " check (boot in ('yes', 'no'))"
)

# What an order has put into its node: install/recipes.py.
RECIPE_COLUMNS = (
    "alter table installs add column {}recipe text not null default ''",
    "alter table installs add column {}secret_hashes text not null default ''",
)

# The keys of hashes of secrets, by purpose.
SITE_KEYS = """
create table if not exists site_keys (
  id     {id},
  name   varchar(32) not null unique,
  value  varchar(64) not null
){table}"""

# `heard`: the last sign of life of the installed system; `behind`: what a reinstallation would
# change, one line each, and since when the lines are these.
NODE_STATES = """
create table if not exists node_states (
  node          int primary key,
  heard         varchar(19) not null default '',
  behind        text not null default '',
  behind_since  varchar(19) not null default '',
  foreign key (node) references nodes (id) on delete cascade
){table}"""

# Table III of the paper, and the two memberships that only its Table II has.
FIRST_APPLIANCES = """
insert into appliances (id, name, root) values
  (1, 'frontend', 'frontend'), (2, 'compute', 'compute'), (3, 'nas', 'nas'),
  (4, 'network', ''), (5, 'power', ''), (6, 'login', 'login'), (7, 'web', 'web')"""
FIRST_MEMBERSHIPS = """
insert into memberships (id, name, appliance, distribution, compute) values
  (1, 'Frontend', 1, 'rocks', 'no'), (2, 'Compute', 2, 'rocks', 'yes'),
  (3, 'External', 1, '', 'no'),
  (4, 'Ethernet Switches', 4, '', 'no'), (5, 'Myrinet Switches', 4, '', 'no'),
  (6, 'Power Units', 5, '', 'no'), (7, 'NFS Server', 3, 'rocks', 'no'),
  (8, 'Web Server', 7, 'rocks', 'no'), (9, 'Login', 6, 'rocks', 'no')"""
# For the names in Table II that are not <appliance>-<rack>-<rank>.
FIRST_ATTRIBUTES = """
insert into attributes (scope, appliance, owner, name, value) values
  ('appliance', 1, 1, 'name_pattern', 'frontend-{rank}'),
  ('appliance', 3, 3, 'name_pattern', 'nfs-{rack}-{rank}')"""

VERSIONS = (
    Version(
        1,
        tuple(
            Step(sql)
            for sql in (
                APPLIANCES,
                MEMBERSHIPS,
                NETWORKS,
                NODES,
                INTERFACES,
                HARDWARE,
                VALUES % "attributes",
                VALUES % "secrets",
                INSTALLS,
                INSTALL_KEYS,
                INSTALL_EVENTS,
                AUDIT,
                *INDEXES,
            )
        )
        + tuple(
            Step(text, "mysql")
            for table in ("nodes", "interfaces")
            for text in (
                DHCP_COLUMNS % {"table": table},
                HWADDR_TRIGGER % {"table": table, "event": "insert"},
                HWADDR_TRIGGER % {"table": table, "event": "update"},
            )
        )
        + (Step(FIRST_APPLIANCES), Step(FIRST_MEMBERSHIPS), Step(FIRST_ATTRIBUTES)),
    ),
    Version(
        2,
        (
            Step(BOOT_COLUMN.format(""), "sqlite"),
            Step(BOOT_COLUMN.format("if not exists "), "mysql"),
        ),
    ),
    Version(
        3,
        (
            *(Step(sql.format(""), "sqlite") for sql in RECIPE_COLUMNS),
            *(Step(sql.format("if not exists "), "mysql") for sql in RECIPE_COLUMNS),
            Step(SITE_KEYS),
            Step(NODE_STATES),
        ),
    ),
)

CURRENT_VERSION = VERSIONS[-1].number


def for_engine(sql: str, engine: str) -> str:
    """Return a statement in the syntax of ``engine``."""
    for placeholder, text in ENGINE_SYNTAX[engine].items():
        sql = sql.replace(placeholder, text)
    return sql
