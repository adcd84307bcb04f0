"""Compare 10,000 nodes with what they would get: kickstart, packages and secrets of each.

The frontend does this every eleven minutes for a cluster of this size, and every rocks_reinstall
does it for its nodes. The profile is the shipped one of compute nodes. The nodes have recipes as
the service stores them, and then one attribute is changed for all.
"""

from __future__ import annotations

import pathlib
import sys
import tempfile

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import add_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.secret_values import (
    set_secret,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.orders import load_candidates
from ansible_collections.npaci.rocks.plugins.module_utils.install.recipes import (
    store_recipe,
    store_secret_hashes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.compare_nodes import (
    current_recipes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.install_targets import (
    resolve_pins,
)
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.node_states import (
    find_differences,
)
from support.frontend import NOW, publish
from support.measure import Cost, cost_of, figure
from support.profiles import shipped_files

NODES = 10_000
RACK = 40
LIMIT = 10.0  # seconds of CPU: 2 % of a core, every eleven minutes


def install_all(database: Database, settings: Settings, names: list[str]) -> None:
    """Store an order that is up, with its recipe, for every node."""
    nodes = list_nodes(database, names)
    pins = resolve_pins(database, nodes, settings.distributions)
    database.execute_many(
        "insert into installs (uuid, node, state, distribution, arch, generation, profile,"
        " ordered_by, ordered, expires, changed) values (?, ?, 'up', ?, ?, ?, ?, 'root', ?, ?, ?)",
        [(node.name, node.id, *pins[node.name], NOW, NOW, NOW) for node in nodes],
    )
    recipes = current_recipes(database, nodes, pins, settings)
    with database.transaction():
        for candidate in load_candidates(database, names):
            if candidate.last is None:
                raise RuntimeError("a node has no order")
            recipe = recipes[candidate.name]
            store_recipe(database, candidate.last, recipe)
            store_secret_hashes(database, candidate.last, recipe.secrets or {})


def compare(database: Database, settings: Settings, names: list[str], behind: int) -> Cost:
    """Return the cost of comparing all nodes, of which ``behind`` must differ."""
    differences: dict[str, tuple[str, ...]] = {}
    cost = cost_of(lambda: differences.update(find_differences(database, settings, names)))
    if len(differences) != behind:
        raise RuntimeError(f"{len(differences)} nodes differ instead of {behind}")
    return cost


def main() -> int:
    """Print the figures; return 1 if one exceeds its limit."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite://{folder}/cluster.sqlite"
        install = pathlib.Path(folder) / "install"
        settings = Settings(database=url, distributions=str(install))
        attributes = {"timezone": "UTC", "arch": "x86_64"}
        publish(install, files=shipped_files(), attributes=attributes)
        with connect(url, create=True, check=False) as database:
            migrate(database)
            database.execute(
                "insert into networks (name, subnet, netmask, kind)"
                " values ('private', '10.0.0.0', '255.0.0.0', 'private')"
            )
            set_attribute(database, "timezone", "UTC")
            set_secret(database, "root_password_hash", "$6$salt$hash")
            macs = [f"00:16:3e:00:{number >> 8:02x}:{number & 255:02x}" for number in range(NODES)]
            add_nodes(database, [NewNode(rack=n // RACK, mac=mac) for n, mac in enumerate(macs)])
            names = [node.name for node in list_nodes(database)]
            install_all(database, settings, names)
            same = compare(database, settings, names, 0)
            set_attribute(database, "timezone", "CET")
            changed = compare(database, settings, names, NODES)
        within_limits = [
            figure(f"{NODES:,} nodes compared, none differs", same.cpu, "s", limit=LIMIT),
            figure(f"{NODES:,} nodes compared, all differ", changed.cpu, "s", limit=LIMIT),
        ]
    return 0 if all(within_limits) else 1


if __name__ == "__main__":
    sys.exit(main())
