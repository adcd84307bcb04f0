# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The properties of a node that boot methods need."""

from __future__ import annotations

from typing import Mapping, NamedTuple

from ...cluster.database import Database
from ...cluster.networking.interfaces import list_interfaces
from ...cluster.nodes import list_nodes
from ...cluster.values.attributes import effective_for_nodes
from ...cluster.values.secret_values import effective_secrets


class BootTarget(NamedTuple):
    """How a node's running system and its BMC can be reached."""

    node: str
    address: str
    """The address for ssh."""
    attributes: Mapping[str, str]
    """They select the boot methods and configure them; docs/reinstalling.md lists them."""
    bmc: str = ""
    """Address of the BMC; empty without one."""
    bmc_user: str = ""
    """The attribute ``bmc_user``."""
    bmc_password: str = ""
    """The secret ``bmc_password``."""


def load_boot_targets(database: Database, names: list[str]) -> dict[str, BootTarget]:
    """Map each node to its target.

    The database account must be allowed to read secrets.  Raises NotFound for unknown names.
    """
    nodes = list_nodes(database, names)
    attributes = effective_for_nodes(database, nodes)
    bmcs = {
        interface.node: interface.ip
        for interface in list_interfaces(database)
        if interface.kind == "bmc" and interface.ip
    }
    targets = {}
    for node in nodes:
        values = {name: attribute.value for name, attribute in attributes[node.name].items()}
        bmc = bmcs.get(node.name, "")
        secrets = effective_secrets(database, node) if bmc else {}
        targets[node.name] = BootTarget(
            node=node.name,
            address=node.ip,
            attributes=values,
            bmc=bmc,
            bmc_user=values.get("bmc_user", ""),
            bmc_password=secrets.get("bmc_password", ""),
        )
    return targets
