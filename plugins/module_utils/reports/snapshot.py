# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read one state of the database for all reports, and refuse what could break out of a file.

The database's own rules keep such values out; a row that came another way stops every report here, by its name,
before one line is rendered.
"""

from __future__ import annotations

from typing import Any, Collection, Iterable, Iterator

from ..cluster.database import Database
from ..cluster.inventory import load_inventory
from ..cluster.memberships import list_memberships
from ..cluster.model import Interface, Network, Node
from ..cluster.networks import list_networks
from ..cluster.nodes import list_nodes
from ..errors import DescriptionError, combine
from .addresses import Address, interface_host
from .model import Hardware, Snapshot
from .validators import is_domain, is_host, is_ip, is_mac, natural_key

HARDWARE, GROUPS = (
    "hardware",
    "groups",
)  # what a report may need besides; groups bring attributes with them

INTERFACES = (
    "select interfaces.id, nodes.name, interfaces.name, interfaces.kind, coalesce(networks.name, ''),"
    " coalesce(interfaces.mac, ''), coalesce(interfaces.ip, '') from interfaces"
    " join nodes on nodes.id = interfaces.node left join networks on networks.id = interfaces.network"
    " order by interfaces.id"
)
COUNTED_HARDWARE = "select nodes.name, cpus, sockets, cores, threads, memory, gpus from hardware join nodes on nodes.id = hardware.node"


def read_snapshot(database: Database, needs: Collection[str] = frozenset()) -> Snapshot:
    """One state of the database.  Raises what ``check_snapshot`` raises."""
    with database.read_transaction():
        everybody = sorted(list_nodes(database), key=lambda node: natural_key(node.name))
        running = {
            membership.name for membership in list_memberships(database) if membership.compute
        }
        snapshot = Snapshot(
            nodes=tuple(everybody),
            networks=tuple(list_networks(database)),
            interfaces=tuple(Interface(*row) for row in database.rows(INTERFACES)),
            compute=frozenset(node.name for node in everybody if node.membership in running),
            hardware={row[0]: Hardware(*row[1:]) for row in database.rows(COUNTED_HARDWARE)}
            if HARDWARE in needs
            else {},
            revision=database.revision(),
            **(_groups(database) if GROUPS in needs else {}),
        )
    check_snapshot(snapshot)
    return snapshot


def check_snapshot(snapshot: Snapshot) -> None:
    """Raise DescriptionError with every row whose name, MAC or address could not stand in a file as it is."""
    faults = [
        *_network_faults(snapshot.networks),
        *_node_faults(snapshot.nodes),
        *_interface_faults(snapshot.interfaces),
    ]
    # Which network an address lies in can be asked once all of them are addresses.
    faults += [] if faults else _duplicates(snapshot.addresses)
    if faults:
        raise combine(faults)


def _groups(database: Database) -> dict[str, Any]:
    members = load_inventory(database, {}).hosts
    groups: dict[str, list[str]] = {}
    for member in sorted(members, key=lambda one: natural_key(one.name)):
        for group in member.groups:
            groups.setdefault(group, []).append(member.name)
    return {
        "groups": {group: tuple(names) for group, names in sorted(groups.items())},
        "attributes": {member.name: member.attributes for member in members},
    }


def _node_faults(nodes: Iterable[Node]) -> Iterator[DescriptionError]:
    for node in nodes:
        where = f"node {node.id}"
        if not is_host(node.name):
            yield DescriptionError(f"{node.name!r} is no host name", where, "rename it: rocks_node")
        yield from _address_faults(node.mac, node.ip, where)


def _interface_faults(interfaces: Iterable[Interface]) -> Iterator[DescriptionError]:
    for one in interfaces:
        where = f"interface {one.name!r} of {one.node}"
        host = interface_host(one.node, one.name)
        if not is_host(host):
            yield DescriptionError(
                f"its host name would be {host!r}",
                where,
                "rename it; 63 letters and digits at most",
            )
        yield from _address_faults("" if one.kind == "infiniband" else one.mac, one.ip, where)


def _address_faults(mac: str, ip: str, where: str) -> Iterator[DescriptionError]:
    if mac and not is_mac(mac):
        yield DescriptionError(f"{mac!r} is no MAC", where, "a MAC looks like 00:50:8b:e0:3a:a7")
    if ip and not is_ip(ip):
        yield DescriptionError(
            f"{ip!r} is no IPv4 address", where, "an address looks like 10.1.1.1"
        )


def _network_faults(networks: Iterable[Network]) -> Iterator[DescriptionError]:
    for net in networks:
        where = f"network {net.id}"
        if net.zone and not is_domain(net.zone):
            yield DescriptionError(
                f"the zone {net.zone!r} is no domain", where, "such as cluster.example.org"
            )
        for ip in filter(
            None, (net.subnet, net.netmask, net.gateway, net.pool_first, net.pool_last)
        ):
            if not is_ip(ip):
                yield DescriptionError(
                    f"{ip!r} is no IPv4 address", where, "an address looks like 10.1.1.1"
                )


def _duplicates(addresses: Iterable[Address]) -> Iterator[DescriptionError]:
    """The schema keeps nodes apart and interfaces apart; here both are one space."""
    seen: dict[str, str] = {}
    for one in addresses:
        for what in filter(None, (one.ip, one.mac, one.host)):
            if seen.setdefault(what, one.host) is not one.host:
                yield DescriptionError(
                    f"{what} belongs to {seen[what]} too", one.host, "one of them has to go"
                )
