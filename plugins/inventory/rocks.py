# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Ansible inventory of the cluster database."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rocks
short_description: Nodes of a cluster, grouped by membership, rack and any SQL
version_added: 0.1.0
author: the npaci.rocks contributors (@npaci)
description:
  - Reads the nodes, memberships, appliances and attributes of the cluster database.
  - "Each node is in these groups: its membership in lower case with underscores (V(compute),
    V(nfs_server)), C(appliance_NAME), C(rack_NUMBER), C(arch_NAME), and C(with_NAME) for each of
    its attributes that is a true flag."
  - "A node that is up can also be in these groups: C(state_silent) if it has not answered for 15
    minutes, C(state_behind) if a reinstallation would change it, C(state_drifted) if its packages
    are not those that were installed. The nodes in C(state_maintenance) are out of service."
  - "Each node has these variables: C(ansible_host), C(rocks_id), C(rocks_mac), C(rocks_membership),
    C(rocks_appliance), C(rocks_rack), C(rocks_rank), C(rocks_arch), C(rocks_attributes),
    C(rocks_state) (of its last install order), C(rocks_generation) and C(rocks_installed_at) (of
    its last successful installation), C(rocks_drifted), C(rocks_heard) (when a node that is up last
    answered, in UTC), and C(rocks_behind) (a list of what a reinstallation would change)."
  - Set O(query_groups) to make groups from SQL. With E(ROCKS_QUERY) you can make the group C(query)
    without editing a file.
  - Every query runs with the read-only account, in a read-only transaction, with a time limit.
  - Values from the database are never rendered as templates.
notes:
  - The name of the file ends in C(rocks.yml), or in C(.yml) if it contains the line C(plugin).
  - A key of O(keyed_groups) can be a number, such as C(rocks_rack).
  - If the database cannot be read or a query is wrong, the reason is printed and the command ends
    with exit status 4, whatever other inventories it reads. A command that runs without nodes
    continues with a warning and an inventory without nodes, so that it can create or repair the
    database. Such commands are C(ansible localhost), the playbooks V(frontend), V(restore) and
    V(rebuild-dist) of this collection, and C(ansible-playbook --syntax-check). Any other command
    runs without this inventory with C(-i localhost,).
  - If the database file does not exist yet, C(ansible-inventory --list) lists no nodes, with a
    warning.
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
      - The default is C(reader) or C(database) in C(/etc/rocks/rocks.yml) (or in the file that
        E(ROCKS_CONFIG) names).
    type: str
    env:
      - name: ROCKS_DATABASE
  query_groups:
    description:
      - SQL by group name. The first column of the result contains the names of the group's nodes.
    type: dict
    default: {}
  query:
    description: SQL that selects the nodes of the group C(query).
    type: str
    env:
      - name: ROCKS_QUERY
  time_limit:
    description: The time limit of each query in seconds.
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

# The options of all constructed inventories work too.
# compose:
#   ansible_user: "'root'"
# keyed_groups:
#   - key: rocks_rack
#     prefix: cabinet
# groups:
#   first_of_rack: rocks_rank == 0
"""

import hashlib
import json
import re
from typing import Any, Callable, Iterable, Mapping

from ansible import constants as C
from ansible import context
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.npaci.rocks.plugins.module_utils import settings
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.inventory import (
    Host,
    Inventory,
    load_inventory,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    NotFound,
    RocksError,
)

try:
    from ansible.template import trust_as_template
except ImportError:  # until ansible-core 2.18, every text is rendered

    def trust_as_template(value: str) -> str:
        """Return the text as it is."""
        return value


QUERY_GROUP = "query"
PLUGIN_LINE = re.compile(
    r"""^plugin:[ \t]*['"]?(npaci\.rocks\.)?rocks['"]?[ \t]*(#.*)?$""", re.MULTILINE
)
PLAYBOOK_WITHOUT_NODES = re.compile(r"(^|[./])(frontend|rebuild[-_]dist|restore)(\.ya?ml)?$")
"""The playbooks that need no database, or create or restore it."""
PARSER_ERROR = 4
"""The exit status of Ansible's programs for an inventory or playbook that cannot be parsed."""


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Read the whole cluster, then add hosts, groups and variables without templates."""

    NAME = "npaci.rocks.rocks"

    def verify_file(self, path: str) -> bool:
        """Whether the name of the file ends in rocks.yml, or it is YAML that names this plugin."""
        if not super().verify_file(path):
            return False
        if path.endswith(("rocks.yml", "rocks.yaml")):
            return True
        return path.endswith((".yml", ".yaml")) and _names_this_plugin(path)

    # Until ansible-core 2.18, a value that looks like a template is rendered unless it is wrapped.
    # Since 2.19, only values that a plugin marks as templates are; the attribute shows the release.
    _as_plain_value = staticmethod(
        (lambda value: value) if hasattr(BaseInventoryPlugin, "trusted_by_default") else wrap_var
    )

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill the inventory.  If it cannot be read, print the reason and end the command."""
        super().parse(inventory, loader, path, cache)
        config = self._read_config_data(path)  # this also sets the options
        try:
            self._check_options(path, config)
            cluster = self._load(path, cache)
        except RocksError as error:
            self._report(error)
            return
        self._populate(cluster)

    def _check_options(self, path: str, config: Mapping[str, Any]) -> None:
        """Raise DescriptionError for a misspelled option, which Ansible itself ignores."""
        options = self.get_options()
        for name in sorted(set(config) - set(options)):
            raise DescriptionError(
                f"unknown option {name!r}", path, f"known options: {', '.join(sorted(options))}"
            )

    def _report(self, error: RocksError) -> None:
        """Print the error; return only if the command can run without nodes.

        An exception would not do: Ansible tries its other plugins on the same file, prints the
        error of each, and continues without nodes, with exit status 0.
        """
        if _runs_without_nodes(error):
            self.display.warning(f"{error}. The inventory has no nodes.")
            return
        self.display.error(str(error), wrap_text=False)
        self.display.display(
            "The inventory cannot be read, and nothing was run."
            " A command that needs no nodes runs with: -i localhost,",
            color=C.COLOR_ERROR,
            stderr=True,
        )
        raise SystemExit(PARSER_ERROR)

    def _load(self, path: str, cache: bool) -> Inventory:
        """Return the cluster, from the cache if the user has configured one."""
        queries = dict(self.get_option("query_groups") or {})
        if self.get_option("query"):
            queries[QUERY_GROUP] = self.get_option("query")
        if not self.get_option("cache"):
            return self._read(queries)
        key = f"{self.get_cache_key(path)}_{_digest(queries)}"
        if cache and key in self._cache:
            return Inventory.from_data(self._cache[key])
        result = self._read(queries)
        self._cache[key] = result.to_data()
        return result

    def _read(self, queries: Mapping[str, str]) -> Inventory:
        site = settings.load()
        url = self.get_option("database") or site.reader or site.database
        with connect(url, read_only=True) as database:
            return load_inventory(database, queries, seconds=self.get_option("time_limit"))

    def _populate(self, cluster: Inventory) -> None:
        groups: dict[str, Any] = {}

        def group(name: str) -> Any:
            if name not in groups:
                groups[name] = self.inventory.groups[self.inventory.add_group(name)]
            return groups[name]

        for node in cluster.hosts:
            host = self.inventory.hosts[self.inventory.add_host(node.name)]
            # Not set_variable, which checks each name: 100,000 checks of our own names for 10,000
            # nodes.
            host.vars.update(self._as_plain_value(variables(node)))
            for name in node.groups:
                group(name).add_host(host)
            for name in node.conditions:
                group(f"state_{name}").add_host(host)
        for name, selected in cluster.queries.items():
            query_group = group(name)
            for node_name in selected:
                query_group.add_host(self.inventory.hosts[node_name])
        self._construct(node.name for node in cluster.hosts)

    def _construct(self, names: Iterable[str]) -> None:
        """Apply the options of constructed inventories.

        Each expression takes a millisecond for each node, so an empty option must cost nothing.
        """
        keyed_groups = [_with_text_key(item) for item in self.get_option("keyed_groups") or ()]
        steps: list[tuple[Any, Callable[..., None]]] = [
            (self.get_option("compose"), self._set_composite_vars),
            (self.get_option("groups"), self._add_host_to_composed_groups),
            (keyed_groups, self._add_host_to_keyed_groups),
        ]
        active_steps = [(value, step) for value, step in steps if value]
        if not active_steps:
            return
        for name in names:
            for value, step in active_steps:
                step(
                    value,
                    self.inventory.hosts[name].get_vars(),
                    name,
                    strict=self.get_option("strict"),
                )


def _names_this_plugin(path: str) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return PLUGIN_LINE.search(file.read()) is not None
    except OSError:
        return False


def _with_text_key(keyed_group: Any) -> Any:
    """Return an item of ``keyed_groups`` whose key can be a number, which Ansible rejects."""
    if not isinstance(keyed_group, dict) or not isinstance(keyed_group.get("key"), str):
        return keyed_group
    key = keyed_group["key"]
    text_key = f"({key}) | string if ({key}) is number else ({key})"
    return {**keyed_group, "key": trust_as_template(text_key)}


def _runs_without_nodes(error: RocksError) -> bool:
    """Whether the command line selects no nodes, or lists those of a missing database."""
    arguments = context.CLIARGS.get("args")
    if isinstance(arguments, str):  # the pattern of an ad-hoc command, or a group to list
        return arguments in C.LOCALHOST
    if arguments:  # playbooks, as paths or as names in a collection
        return bool(context.CLIARGS.get("syntax")) or all(
            PLAYBOOK_WITHOUT_NODES.search(playbook) for playbook in arguments
        )
    return isinstance(error, NotFound) and "args" in context.CLIARGS  # ansible-inventory --list


def variables(node: Host) -> dict[str, Any]:
    """Return the variables of a host; a node without an address has no ``ansible_host``."""
    values = {
        "rocks_id": node.id,
        "rocks_mac": node.mac,
        "rocks_membership": node.membership,
        "rocks_appliance": node.appliance,
        "rocks_rack": node.rack,
        "rocks_rank": node.rank,
        "rocks_arch": node.arch,
        "rocks_attributes": node.attributes,
        "rocks_state": node.state,
        "rocks_generation": node.generation,
        "rocks_installed_at": node.installed_at,
        "rocks_drifted": node.drifted,
        "rocks_heard": node.heard,
        "rocks_behind": list(node.behind),
    }
    return {"ansible_host": node.ip, **values} if node.ip else values


def _digest(queries: Mapping[str, str]) -> str:
    """Return the part of a cache key that depends on the queries and on the fields of a host."""
    content = [Host._fields, dict(queries)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
