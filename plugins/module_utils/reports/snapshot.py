# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read one state of the database for all reports, and refuse values that break a file's syntax.

The rules of the database exclude such values.  If a row was written past these rules, every
report stops here, before a line is rendered, with an error that names the row.
"""

from __future__ import annotations

from typing import Any, Collection, Iterable, Iterator

from ..cluster.database import Database
from ..cluster.inventory import load_inventory
from ..cluster.memberships import list_memberships
from ..cluster.model import Interface, Network, Node
from ..cluster.naming import interface_host
from ..cluster.networks import list_networks
from ..cluster.nodes import list_nodes
from ..errors import DescriptionError, combine
from .addresses import Address
from .model import Hardware, Snapshot
from .validators import is_domain, is_host, is_ip, is_mac, natural_key

# The optional parts of a snapshot; groups include the attributes.
HARDWARE = "hardware"
GROUPS = "groups"

INTERFACES = (
    "select interfaces.id, nodes.name, interfaces.name, interfaces.kind,"
    " coalesce(networks.name, ''), coalesce(interfaces.mac, ''), coalesce(interfaces.ip, '')"
    " from interfaces join nodes on nodes.id = interfaces.node"
    " left join networks on networks.id = interfaces.network order by interfaces.id"
)
REPORTED_HARDWARE = (
    "select nodes.name, cpus, sockets, cores, threads, memory, gpus"
    " from hardware join nodes on nodes.id = hardware.node"
)


def read_snapshot(database: Database, needs: Collection[str] = frozenset()) -> Snapshot:
    """Read one state of the database, with the optional parts in ``needs``.

    Raises the errors of ``check_snapshot``.
    """
    with database.read_transaction():
        nodes = sorted(list_nodes(database), key=lambda node: natural_key(node.name))
        memberships = {row.name for row in list_memberships(database) if row.compute}
        hardware = database.rows(REPORTED_HARDWARE) if HARDWARE in needs else ()
        snapshot = Snapshot(
            nodes=tuple(nodes),
            networks=tuple(list_networks(database)),
            interfaces=tuple(Interface(*row) for row in database.rows(INTERFACES)),
            compute=frozenset(node.name for node in nodes if node.membership in memberships),
            hardware={row[0]: Hardware(*row[1:]) for row in hardware},
            revision=database.revision(),
            **(_read_groups(database) if GROUPS in needs else {}),
        )
    check_snapshot(snapshot)
    return snapshot


def check_snapshot(snapshot: Snapshot) -> None:
    """Raise DescriptionError with every row whose name, MAC or IP address is not valid."""
    faults = [
        *_network_faults(snapshot.networks),
        *_node_faults(snapshot.nodes),
        *_interface_faults(snapshot.interfaces),
    ]
    # The networks of the addresses are only known if all addresses are valid.
    faults += [] if faults else _duplicates(snapshot.addresses)
    if faults:
        raise combine(faults)


def _read_groups(database: Database) -> dict[str, Any]:
    hosts = sorted(load_inventory(database, {}).hosts, key=lambda host: natural_key(host.name))
    groups: dict[str, list[str]] = {}
    for host in hosts:
        for group in host.groups:
            groups.setdefault(group, []).append(host.name)
    return {
        "groups": {group: tuple(names) for group, names in sorted(groups.items())},
        "attributes": {host.name: host.attributes for host in hosts},
    }


def _node_faults(nodes: Iterable[Node]) -> Iterator[DescriptionError]:
    for node in nodes:
        where = f"node {node.id}"
        if not is_host(node.name):
            what = f"{node.name!r} is not a valid host name"
            yield DescriptionError(what, where, "rename it with rocks_node")
        yield from _address_faults(node.mac, node.ip, where)


def _interface_faults(interfaces: Iterable[Interface]) -> Iterator[DescriptionError]:
    for interface in interfaces:
        where = f"interface {interface.name!r} of {interface.node}"
        host = interface_host(interface.node, interface.name)
        if not is_host(host):
            yield DescriptionError(
                f"its host name {host!r} is not valid",
                where,
                "rename it; use at most 63 letters and digits",
            )
        mac = "" if interface.kind == "infiniband" else interface.mac
        yield from _address_faults(mac, interface.ip, where)


def _address_faults(mac: str, ip: str, where: str) -> Iterator[DescriptionError]:
    if mac and not is_mac(mac):
        what = f"{mac!r} is not a valid MAC address"
        yield DescriptionError(what, where, "use the form 00:50:8b:e0:3a:a7")
    if ip and not is_ip(ip):
        yield _ip_fault(ip, where)


def _ip_fault(ip: str, where: str) -> DescriptionError:
    return DescriptionError(f"{ip!r} is not a valid IPv4 address", where, "use the form 10.1.1.1")


def _network_faults(networks: Iterable[Network]) -> Iterator[DescriptionError]:
    for network in networks:
        where = f"network {network.id}"
        if network.zone and not is_domain(network.zone):
            what = f"the zone {network.zone!r} is not a valid domain name"
            yield DescriptionError(what, where, "use a name such as cluster.example.org")
        for ip in (
            network.subnet,
            network.netmask,
            network.gateway,
            network.pool_first,
            network.pool_last,
        ):
            if ip and not is_ip(ip):
                yield _ip_fault(ip, where)


def _duplicates(addresses: Iterable[Address]) -> Iterator[DescriptionError]:
    """Yield values that two addresses share.

    The schema excludes duplicates among nodes and among interfaces, but not between the two.
    """
    owners: dict[str, str] = {}
    for address in addresses:
        for value in filter(None, (address.ip, address.mac, address.host)):
            owner = owners.setdefault(value, address.host)
            if owner is not address.host:
                what = f"{value} also belongs to {owner}"
                yield DescriptionError(what, address.host, "remove or change one of them")
