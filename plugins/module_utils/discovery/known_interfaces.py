# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Interfaces of nodes that are in the database, and further interfaces of those machines."""

from __future__ import annotations

import re
from typing import Iterable, Mapping, NamedTuple, Optional, Sequence

from ..cluster.database import Database
from ..cluster.model import Network
from ..cluster.networking.addressing import network_of
from ..cluster.networking.interfaces import BMC
from .dhcp_request import DhcpRequest
from .model import Placement, Refusal

MAX_PARAMETERS = 500  # in one SQL statement
OWNERS_BY_MAC = (
    "select mac, name, '', '', coalesce(ip, '') from nodes where mac in ({placeholders})"
    " union all"
    " select interfaces.mac, nodes.name, interfaces.name, interfaces.kind,"
    " coalesce(interfaces.ip, '')"
    " from interfaces join nodes on nodes.id = interfaces.node"
    " where interfaces.mac in ({placeholders})"
)
# Some vendors leave one of these UUIDs in all of their machines.
DEFAULT_UUIDS = frozenset(
    ("03000200-0400-0500-0006-000700080009", "00020003-0004-0005-0006-000700080009")
)


class Owner(NamedTuple):
    """The node and the interface that a MAC belongs to."""

    node: str
    interface: str
    """Empty for the node's first interface."""
    kind: str
    ip: str


class Machine(NamedTuple):
    """A machine whose UUID is known."""

    mac: str
    """The MAC of its first request."""
    node: str
    """The name of its node; empty before it is enrolled."""


def mac_owners(database: Database, macs: Sequence[str]) -> dict[str, Owner]:
    """Return the owners of these MACs, by MAC."""
    owners: dict[str, Owner] = {}
    for start in range(0, len(macs), MAX_PARAMETERS // 2):
        chunk = macs[start : start + MAX_PARAMETERS // 2]
        query = OWNERS_BY_MAC.format(placeholders=", ".join("?" * len(chunk)))
        for mac, *owner in database.rows(query, [*chunk, *chunk]):
            owners[mac] = Owner(*owner)
    return owners


def boot_problem(owner: Owner, request: DhcpRequest, networks: Sequence[Network]) -> str:
    """Return why this interface gets no address or boot file, and the remedy; empty if it does."""
    subject = f"its interface {owner.interface}" if owner.interface else "it"
    if not owner.ip:
        remedy = f"rocks_interface -a 'node={owner.node} name={owner.interface} network=NETWORK'"
        if not owner.interface:
            remedy = f"rocks_node -a 'name={owner.node} ip=ADDRESS'"
        return f"{subject} has no address in the database: ansible localhost -m {remedy}"
    network = network_of(owner.ip, networks)
    if network is None:
        return f"{subject} has the address {owner.ip}, which is not in a known network"
    if network.kind == "public":
        return f"{subject} is on network {network.name!r}, which is public: DHCP does not serve it"
    if request.is_firmware and owner.kind != BMC and not network.boot:
        return (
            f"{subject} is on network {network.name!r}, from which nodes do not boot"
            " (rocks_network, boot)"
        )
    return ""


def _machine_uuid(request: DhcpRequest) -> Optional[str]:
    """Return the machine's UUID in lower case; None if missing, or used by many machines."""
    digits = re.sub("[^0-9a-f]", "", request.uuid.lower())
    if len(set(digits)) < 2 or request.uuid.lower() in DEFAULT_UUIDS:
        return None
    return request.uuid.lower()


def add_machines(machines: dict[str, Machine], requests: Iterable[tuple[DhcpRequest, str]]) -> None:
    """Add the machines of requests by UUID, with the names of their nodes."""
    for request, node in requests:
        uuid = _machine_uuid(request)
        if uuid:
            machines.setdefault(uuid, Machine(request.mac, node))


def split_by_uuid(
    unknown: Sequence[DhcpRequest], machines: Mapping[str, Machine], placement: Placement
) -> tuple[list[DhcpRequest], list[Refusal]]:
    """Separate new machines from further interfaces of known machines.

    Machines of a table, and machines that replace a node, are always new.
    """
    if placement.locations or placement.replace:
        return list(unknown), []
    new: list[DhcpRequest] = []
    further: list[Refusal] = []
    by_uuid = dict(machines)
    for request in unknown:
        uuid = _machine_uuid(request)
        machine = by_uuid.get(uuid) if uuid else None
        if machine and machine.mac != request.mac:
            further.append(Refusal(request, _further_interface_reason(request, machine)))
            continue
        new.append(request)
        if uuid:
            by_uuid[uuid] = Machine(request.mac, "")
    return new, further


def _further_interface_reason(request: DhcpRequest, machine: Machine) -> str:
    name = machine.node or "NODE"
    return (
        f"further interface of the machine with the MAC {machine.mac} ({machine.node or 'new'}),"
        " which sends the same UUID; add it with: ansible localhost -m rocks_interface -a"
        f" 'node={name} name=eth1 mac={request.mac} network=private'; to add it as a separate"
        " node, list its MAC in source"
    )
