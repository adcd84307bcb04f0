# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts, groups and variables from the cluster database: one query, then plain Python."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rocks
short_description: The nodes of a cluster, grouped by membership, rack and any SQL
version_added: 0.1.0
author: the npaci.rocks contributors (@npaci)
description:
  - Reads the nodes, memberships, appliances and attributes of the cluster database.
  - "Every node is in these groups: its membership in lower case with underscores (V(compute), V(nfs_server)),
    C(appliance_NAME), C(rack_NUMBER), C(arch_NAME), and C(with_NAME) for each attribute of its that says yes."
  - Groups from SQL are named in O(query_groups); E(ROCKS_QUERY) makes the group C(query) without a change to any file.
  - Every query runs through the read-only account, in a read-only transaction, with a time limit.
  - Values from the database are never rendered as templates.
notes:
  - Use C(rocks_rack | string) as the key of O(keyed_groups), since Ansible takes no number there.
  - Where the database file does not exist yet, the inventory is empty and says so; a server that does not answer is
    an error.
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: Always V(npaci.rocks.rocks).
    type: str
    required: true
    choices: [npaci.rocks.rocks, rocks]
  database:
    description:
      - URL of the cluster database, V(sqlite:///PATH) or V(mysql://USER@HOST/NAME).
      - Without it, C(reader) or C(database) in C(/etc/rocks/rocks.yml) or in the file that E(ROCKS_CONFIG) names.
    type: str
    env:
      - name: ROCKS_DATABASE
  query_groups:
    description:
      - Group name to SQL. The first column of what the query returns are the names of the nodes in the group.
    type: dict
    default: {}
  query:
    description: SQL whose nodes make the group C(query).
    type: str
    env:
      - name: ROCKS_QUERY
  time_limit:
    description: Seconds that one query may take.
    type: float
    default: 10
"""

EXAMPLES = r"""
# inventory/rocks.yml, with the two queries of the Rocks paper
plugin: npaci.rocks.rocks
query_groups:
  cabinet1: select name from nodes where rack=1
  busy: >-
    select nodes.name from nodes,memberships
    where nodes.membership = memberships.id and memberships.name = 'Compute'

# What any inventory plugin does works here too.
# compose:
#   ansible_user: "'root'"
# keyed_groups:
#   - key: rocks_rack | string
#     prefix: cabinet
# groups:
#   first_of_rack: rocks_rank == 0
"""

from typing import Any, Callable, Iterable, Mapping

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.npaci.rocks.plugins.module_utils import settings
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.census import Census, Member, census
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.errors import NotFound, RocksError

try:
    # Until 2.18 a value that looks like a template is rendered unless it is wrapped; from 2.19 on a plugin's values
    # are not trusted, and the name below is gone one day.
    from ansible.template import trust_as_template as _trusted  # noqa: F401

    def inert(value: Any) -> Any:
        """The value as it is: this ansible-core renders nothing that a plugin did not mark."""
        return value
except ImportError:
    from ansible.utils.unsafe_proxy import wrap_var as inert

QUERY_GROUP = "query"


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Fetch everything first, then build groups and variables without a template."""

    NAME = "npaci.rocks.rocks"

    def verify_file(self, path: str) -> bool:
        """Whether the file is ours by its name: it ends in rocks.yml or rocks.yaml."""
        return super().verify_file(path) and path.endswith(("rocks.yml", "rocks.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill the inventory; every fault becomes one error that names its place."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            self._populate(self._census(path, cache))
        except RocksError as error:
            raise AnsibleParserError(str(error)) from error

    def _census(self, path: str, cache: bool) -> Census:
        """The cluster's rows, from the cache where the user keeps one."""
        queries = dict(self.get_option("query_groups") or {})
        if self.get_option("query"):
            queries[QUERY_GROUP] = self.get_option("query")
        if not self.get_option("cache"):
            return self._read(queries)
        key = f"{self.get_cache_key(path)}_{hash_of(queries)}"
        if cache and key in self._cache:
            return Census.from_data(self._cache[key])
        found = self._read(queries)
        self._cache[key] = found.to_data()
        return found

    def _read(self, queries: Mapping[str, str]) -> Census:
        found = settings.load()
        url = self.get_option("database") or found.reader or found.database
        try:
            with connect(url, read_only=True) as database:
                return census(database, queries, seconds=self.get_option("time_limit"))
        except NotFound as error:
            self.display.warning(f"{error}. The inventory has no nodes.")
            return Census((), {})

    def _populate(self, found: Census) -> None:
        groups = {}

        def group(name: str) -> Any:
            if name not in groups:
                groups[name] = self.inventory.groups[self.inventory.add_group(name)]
            return groups[name]

        for member in found.members:
            host = self.inventory.hosts[self.inventory.add_host(member.name)]
            # Not set_variable: ten thousand nodes with ten variables each would pay for a hundred thousand checks of
            # names that are ours.
            host.vars.update(variables(member))
            for name in member.groups:
                group(name).add_host(host)
        for name, names in found.queries.items():
            wanted = group(name)
            for node in names:
                wanted.add_host(self.inventory.hosts[node])
        self._construct(member.name for member in found.members)

    def _construct(self, names: Iterable[str]) -> None:
        """What the user's file adds; each expression costs a millisecond a node, so none is touched without need."""
        steps: list[tuple[str, Callable[..., None]]] = [
            ("compose", self._set_composite_vars),
            ("groups", self._add_host_to_composed_groups),
            ("keyed_groups", self._add_host_to_keyed_groups),
        ]
        wanted = [(self.get_option(option), step) for option, step in steps if self.get_option(option)]
        if not wanted:
            return
        for name in names:
            for value, step in wanted:
                step(value, self.inventory.hosts[name].get_vars(), name, strict=self.get_option("strict"))
