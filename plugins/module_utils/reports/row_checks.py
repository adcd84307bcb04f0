# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Leave out of the reports what would break a file's syntax or contradict another row.

The rules of the database exclude such values.  A row that was written past these rules, or before
they existed, must not prevent the reports of all other rows: only the faulty value is left out, or
the row if it cannot be written without that value.
"""

from __future__ import annotations

import dataclasses
from typing import Callable, Iterable, Sequence

from ..cluster.hardware import hardware_fault
from ..cluster.model import Interface, Network, Node
from ..cluster.naming import interface_host
from ..cluster.networking.network_rules import (
    check_gateway,
    check_overlap,
    check_pool,
    check_subnet,
    check_zone,
)
from ..errors import DescriptionError, RocksError
from .model import Snapshot
from .validators import is_host, is_ip, is_mac, is_word

OPTIONAL_FIELDS: Sequence[tuple[Callable[[Network], None], Callable[[Network], Network]]] = (
    (check_zone, lambda network: network._replace(zone="")),
    (check_gateway, lambda network: network._replace(gateway="")),
    (check_pool, lambda network: network._replace(pool_first="", pool_last="")),
)
"""Rules for a network, and what is left of one that breaks the rule."""


def leave_out_faults(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot with only valid values; its ``faults`` name what was left out, and why."""
    faults: list[RocksError] = []
    networks = tuple(_valid_networks(snapshot.networks, faults))
    nodes = tuple(_valid_nodes(snapshot.nodes, faults))
    interfaces = tuple(_valid_interfaces(snapshot.interfaces, nodes, faults))
    hardware = {}
    for name, counted in snapshot.hardware.items():
        fault = hardware_fault(counted)
        if fault:
            hint = "reinstall the node, or delete this row of the table hardware"
            faults.append(DescriptionError(f"its hardware is not plausible ({fault})", name, hint))
        else:
            hardware[name] = counted
    names = {node.name for node in nodes}
    groups = {
        group: tuple(name for name in members if name in names)
        for group, members in snapshot.groups.items()
    }
    return dataclasses.replace(
        snapshot,
        groups={group: members for group, members in groups.items() if members},
        nodes=nodes,
        networks=networks,
        interfaces=interfaces,
        hardware=hardware,
        faults=tuple(faults),
    )


def _valid_nodes(nodes: Iterable[Node], faults: list[RocksError]) -> Iterable[Node]:
    for node in nodes:
        where = f"node {node.id}"
        if not is_host(node.name):
            what = f"{node.name!r} is not a valid host name"
            faults.append(DescriptionError(what, where, "rename it with rocks_node"))
            continue
        where = f"node {node.name}"
        if not is_word(node.arch):
            what = f"{node.arch!r} is not a valid architecture"
            faults.append(DescriptionError(what, where, "change it with rocks_node"))
            node = node._replace(arch="")
        yield node._replace(
            mac=_valid_mac(node.mac, where, faults), ip=_valid_ip(node.ip, where, faults)
        )


def _valid_interfaces(
    interfaces: Iterable[Interface], nodes: Sequence[Node], faults: list[RocksError]
) -> Iterable[Interface]:
    """Yield the interfaces; one that has a value of a node or of an earlier interface is left out.

    The database excludes duplicates among nodes and among interfaces, but not between the two.
    """
    owners = {value: node.name for node in nodes for value in (node.ip, node.mac, node.name)}
    names = {node.name for node in nodes}
    for interface in interfaces:
        if interface.node not in names:
            continue  # the fault of its node is reported
        where = f"interface {interface.name!r} of {interface.node}"
        host = interface_host(interface.node, interface.name)
        if not is_host(host):
            what = f"its host name {host!r} is not valid"
            hint = "rename it; use at most 63 letters and digits"
            faults.append(DescriptionError(what, where, hint))
            continue
        infiniband = interface.kind == "infiniband"
        interface = interface._replace(
            mac=interface.mac if infiniband else _valid_mac(interface.mac, where, faults),
            ip=_valid_ip(interface.ip, where, faults),
        )
        values = [value for value in (interface.ip, interface.mac, host) if value]
        taken = next((value for value in values if value in owners), "")
        if taken:
            what = f"{taken} also belongs to {owners[taken]}"
            faults.append(DescriptionError(what, where, "remove or change one of them"))
            continue
        owners.update(dict.fromkeys(values, host))
        yield interface


def _valid_mac(mac: str, where: str, faults: list[RocksError]) -> str:
    if not mac or is_mac(mac):
        return mac
    what = f"{mac!r} is not a valid MAC address"
    faults.append(DescriptionError(what, where, "use the form 00:50:8b:e0:3a:a7"))
    return ""


def _valid_ip(ip: str, where: str, faults: list[RocksError]) -> str:
    if not ip or is_ip(ip):
        return ip
    what = f"{ip!r} is not a valid IPv4 address"
    faults.append(DescriptionError(what, where, "use the form 10.1.1.1"))
    return ""


def _valid_networks(networks: Iterable[Network], faults: list[RocksError]) -> Iterable[Network]:
    earlier: list[Network] = []
    for network in networks:
        try:
            check_subnet(network)
            check_overlap(network, earlier)
        except RocksError as error:
            faults.append(error)
            continue
        earlier.append(network)
        for check, without in OPTIONAL_FIELDS:
            try:
                check(network)
            except RocksError as error:
                faults.append(error)
                network = without(network)
        yield network
