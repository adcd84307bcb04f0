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
  - "Every node has these variables: C(ansible_host), C(rocks_id), C(rocks_mac), C(rocks_membership),
    C(rocks_appliance), C(rocks_rack), C(rocks_rank), C(rocks_arch), C(rocks_attributes), C(rocks_state) of its last
    install order, C(rocks_generation) and C(rocks_installed_at) of what runs, and C(rocks_drifted)."
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

import hashlib
import json
from typing import Any, Callable, Iterable, Mapping

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.npaci.rocks.plugins.module_utils import settings
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.inventory import (
    Host,
    Inventory,
    load_inventory,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import NotFound, RocksError

QUERY_GROUP = "query"


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Fetch everything first, then build groups and variables without a template."""

    NAME = "npaci.rocks.rocks"

    def verify_file(self, path: str) -> bool:
        """Whether the file is ours by its name: it ends in rocks.yml or rocks.yaml."""
        return super().verify_file(path) and path.endswith(("rocks.yml", "rocks.yaml"))

    # Until ansible-core 2.18 a value that looks like a template is rendered, unless it is wrapped; from 2.19 on nothing
    # is rendered that a plugin did not mark as a template, and a plugin says which of the two it is.
    _inert = staticmethod(
        (lambda value: value) if hasattr(BaseInventoryPlugin, "trusted_by_default") else wrap_var
    )

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill the inventory; every fault becomes one error that names its place."""
        super().parse(inventory, loader, path, cache)
        # Ansible itself takes no notice of an option that is spelled otherwise.
        given = self._read_config_data(path)
        known = self.get_options()
        for name in sorted(set(given) - set(known)):
            raise AnsibleParserError(
                f"{path}: unknown option {name!r}; known options: {', '.join(sorted(known))}"
            )
        try:
            self._populate(self._census(path, cache))
        except RocksError as error:
            raise AnsibleParserError(str(error)) from None

    def _census(self, path: str, cache: bool) -> Inventory:
        """The cluster's rows, from the cache where the user keeps one."""
        queries = dict(self.get_option("query_groups") or {})
        if self.get_option("query"):
            queries[QUERY_GROUP] = self.get_option("query")
        if not self.get_option("cache"):
            return self._read(queries)
        key = f"{self.get_cache_key(path)}_{_digest(queries)}"
        if cache and key in self._cache:
            return Inventory.from_data(self._cache[key])
        found = self._read(queries)
        self._cache[key] = found.to_data()
        return found

    def _read(self, queries: Mapping[str, str]) -> Inventory:
        found = settings.load()
        url = self.get_option("database") or found.reader or found.database
        try:
            with connect(url, read_only=True) as database:
                return load_inventory(database, queries, seconds=self.get_option("time_limit"))
        except NotFound as error:
            self.display.warning(f"{error}. The inventory has no nodes.")
            return Inventory((), {})

    def _populate(self, found: Inventory) -> None:
        groups = {}

        def group(name: str) -> Any:
            if name not in groups:
                groups[name] = self.inventory.groups[self.inventory.add_group(name)]
            return groups[name]

        for member in found.hosts:
            host = self.inventory.hosts[self.inventory.add_host(member.name)]
            # Not set_variable: ten thousand nodes with ten variables each would pay for a hundred thousand checks of
            # names that are ours.
            host.vars.update(self._inert(variables(member)))
            for name in member.groups:
                group(name).add_host(host)
        for name, names in found.queries.items():
            wanted = group(name)
            for node in names:
                wanted.add_host(self.inventory.hosts[node])
        self._construct(member.name for member in found.hosts)

    def _construct(self, names: Iterable[str]) -> None:
        """What the user's file adds; each expression costs a millisecond a node, so none is touched without need."""
        steps: list[tuple[str, Callable[..., None]]] = [
            ("compose", self._set_composite_vars),
            ("groups", self._add_host_to_composed_groups),
            ("keyed_groups", self._add_host_to_keyed_groups),
        ]
        wanted = [
            (self.get_option(option), step) for option, step in steps if self.get_option(option)
        ]
        if not wanted:
            return
        for name in names:
            for value, step in wanted:
                step(
                    value,
                    self.inventory.hosts[name].get_vars(),
                    name,
                    strict=self.get_option("strict"),
                )


def variables(member: Host) -> dict[str, Any]:
    """The variables of a host, by the names that the documentation promises."""
    found = {
        "rocks_id": member.id,
        "rocks_mac": member.mac,
        "rocks_membership": member.membership,
        "rocks_appliance": member.appliance,
        "rocks_rack": member.rack,
        "rocks_rank": member.rank,
        "rocks_arch": member.arch,
        "rocks_attributes": member.attributes,
        "rocks_state": member.state,
        "rocks_generation": member.generation,
        "rocks_installed_at": member.installed_at,
        "rocks_drifted": member.drifted,
    }
    # A node without an address is reached by its name, or not at all.
    return {"ansible_host": member.ip, **found} if member.ip else found


def _digest(queries: Mapping[str, str]) -> str:
    """What tells one set of queries from another in the name of a cache entry."""
    return hashlib.sha256(json.dumps(queries, sort_keys=True).encode()).hexdigest()[:12]
