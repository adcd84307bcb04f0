# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a driver must know of a node to send it into the installer."""

from __future__ import annotations

from typing import Mapping, NamedTuple

from ...cluster.attributes import effective_for_nodes
from ...cluster.database import Database
from ...cluster.interfaces import list_interfaces
from ...cluster.nodes import list_nodes
from ...cluster.secret_values import effective_secrets


class BootTarget(NamedTuple):
    """A node as a driver sees it.

    address     where ssh reaches it
    attributes  which drivers, and what they need (docs/reinstalling.md has the list)
    bmc         address of its BMC, empty without one
    bmc_user, bmc_password   of the BMC: the attribute bmc_user and the secret bmc_password
    """

    node: str
    address: str
    attributes: Mapping[str, str]
    bmc: str = ""
    bmc_user: str = ""
    bmc_password: str = ""


def load_boot_targets(database: Database, names: list[str]) -> dict[str, BootTarget]:
    """Node -> target, for an account that may read secrets.  Raises NotFound for unknown names."""
    found = list_nodes(database, names)
    attributes = effective_for_nodes(database, found)
    bmcs = {one.node: one.ip for one in list_interfaces(database) if one.kind == "bmc" and one.ip}
    made = {}
    for node in found:
        values = {name: attribute.value for name, attribute in attributes[node.name].items()}
        bmc = bmcs.get(node.name, "")
        password = effective_secrets(database, node).get("bmc_password", "") if bmc else ""
        made[node.name] = BootTarget(
            node.name, node.ip, values, bmc, values.get("bmc_user", ""), password
        )
    return made
