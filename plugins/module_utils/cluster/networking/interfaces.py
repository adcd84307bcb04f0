# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Further interfaces of a node, and its BMC.  The first interface is part of the row in ``nodes``.

An interface with a MAC, and an address on a network that DHCP serves, is configured by DHCP.  An
interface without a MAC exists only in the installed system: a bond or a VLAN.  DHCP assigns one
address to each MAC, so that each NIC of a bond has an address of its own.
"""

from __future__ import annotations

import re
from typing import Optional, get_args

from ...errors import Conflict, DescriptionError
from ..allocations import Allocations, load_allocations
from ..database import Database
from ..frontend_protection import check_interface
from ..model import Interface, InterfaceKind, Network, Node, RowChange
from ..node_allocation import NO_ADDRESS
from ..nodes import find_node
from .addressing import (
    address_fault,
    can_be_gateway,
    infiniband_address,
    ip_address,
    is_infiniband,
    mac_address,
    network_of,
)
from .networks import find_network

KINDS: tuple[InterfaceKind, ...] = get_args(InterfaceKind)
BMC = "bmc"
ETHERNET = "ethernet"
INFINIBAND = "infiniband"
MAC_LENGTH = 17
ADDRESS_HINT = "leave it out to get the next free one"
BOND_HINT = f"{ADDRESS_HINT}; each NIC of a bond has an address of its own (docs/networks.md)"

SELECT = (
    "select interfaces.id, nodes.name, interfaces.name, interfaces.kind,"
    " coalesce(networks.name, ''), coalesce(interfaces.mac, ''), coalesce(interfaces.ip, '')"
    " from interfaces join nodes on nodes.id = interfaces.node"
    " left join networks on networks.id = interfaces.network"
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,14}")  # IFNAMSIZ of the kernel is 16


def list_interfaces(database: Database, node: str = "") -> list[Interface]:
    """Return the further interfaces of all nodes, or of one node, by node and name."""
    condition = " where nodes.name = ?" if node else ""
    rows = database.rows(
        f"{SELECT}{condition} order by nodes.name, interfaces.name", (node,) if node else ()
    )
    return [Interface(*row) for row in rows]


def put_interface(
    database: Database,
    node: str,
    name: str,
    *,
    kind: Optional[str] = None,
    network: Optional[str] = None,
    mac: Optional[str] = None,
    ip: Optional[str] = None,
    allow_frontend: bool = False,
) -> RowChange:
    """Add the interface, or change the values that are not None.

    ip  an address; empty: the next free one of the network; ``none``: no address; None: the address
        stays, unless the network changes

    Raises DescriptionError, NotFound for an unknown node or network, Conflict for a MAC or an
    address in use, Refused for a frontend's interface that would lose its MAC or its address,
    unless ``allow_frontend``.
    """
    if not _NAME.fullmatch(name):
        raise DescriptionError(
            f"{name!r} is not a valid interface name",
            node,
            "write at most 15 letters, digits, _ . and -, such as eth1 or bmc",
        )
    with database.transaction():
        owner = find_node(database, node)
        allocations = load_allocations(database)
        before = _find(database, node, name)
        if before:
            allocations.macs.pop(before.mac, None)
            allocations.ips.pop(before.ip, None)
        interface = before or _new_interface(node, name, allocations)
        interface = interface._replace(kind=interface.kind if kind is None else kind)
        interface = interface._replace(mac=_check_mac(interface, mac, allocations))
        after = _with_address(interface, network, ip, allocations=allocations, owner=owner)
        if after == before:
            return RowChange(before, before)
        if before and not allow_frontend:
            check_interface(owner, before, after)
        network_id = find_network(allocations.networks, after.network).id if after.network else None
        values = (after.kind, network_id, after.mac or None, after.ip or None)
        if before:
            database.execute(
                "update interfaces set kind = ?, network = ?, mac = ?, ip = ? where id = ?",
                (*values, before.id),
            )
        else:
            database.execute(
                "insert into interfaces (kind, network, mac, ip, node, name)"
                " values (?, ?, ?, ?, ?, ?)",
                (*values, owner.id, name),
            )
        return RowChange(before, _find(database, node, name))


def remove_interface(
    database: Database, node: str, name: str, *, allow_frontend: bool = False
) -> RowChange:
    """Delete the interface.  Raises NotFound for an unknown node, Refused as ``put_interface``."""
    with database.transaction():
        owner = find_node(database, node)
        before = _find(database, node, name)
        if before:
            if not allow_frontend:
                check_interface(owner, before, before._replace(mac="", ip=""))
            database.execute("delete from interfaces where id = ?", (before.id,))
        return RowChange(before, None)


def _find(database: Database, node: str, name: str) -> Optional[Interface]:
    return next((row for row in list_interfaces(database, node) if row.name == name), None)


def _new_interface(node: str, name: str, allocations: Allocations) -> Interface:
    fault = allocations.interface_fault(node, name)
    if fault:
        raise Conflict(fault, f"{node}/{name}", "choose another name for the interface or the node")
    return Interface(
        id=0,
        node=node,
        name=name,
        kind=BMC if name == BMC else ETHERNET,
        network="",
        mac="",
        ip="",
    )


def _check_mac(interface: Interface, mac: Optional[str], allocations: Allocations) -> str:
    """Return the MAC that the interface will have; None: it stays."""
    if interface.kind not in KINDS:
        raise DescriptionError(
            f"kind is {interface.kind!r}", interface.node, f"set one of {', '.join(KINDS)}"
        )
    text = interface.mac if mac is None else mac
    if not text:
        return ""
    address = _parse_mac(interface, text)
    if address in allocations.macs:
        owner = allocations.macs[address]
        hint = (
            "leave out the MAC of a bond or a VLAN"
            if _same_node(owner, interface)
            else "remove it there first"
        )
        raise Conflict(f"the MAC {address} belongs to {owner}", _place(interface), hint)
    return address


def _parse_mac(interface: Interface, text: str) -> str:
    """Return the MAC, or the address of an InfiniBand port, in the form of the database."""
    if interface.kind == INFINIBAND and len(text) != MAC_LENGTH:
        return infiniband_address(text)
    if is_infiniband(text):
        raise DescriptionError(
            f"{text!r} is the address of an InfiniBand port",
            _place(interface),
            "set kind to infiniband",
        )
    return mac_address(text)


def _with_address(
    interface: Interface,
    network_name: Optional[str],
    ip: Optional[str],
    *,
    allocations: Allocations,
    owner: Node,
) -> Interface:
    """Return the interface with its network and address."""
    name = interface.network if network_name is None else network_name
    network = find_network(allocations.networks, name) if name else None
    if ip is None and name == interface.network:
        return interface
    if ip == NO_ADDRESS or (not ip and network is None):
        return interface._replace(network=name, ip="")
    if not ip and network:
        return interface._replace(network=name, ip=allocations.free_address(network))
    requested_network = network if network_name else None
    return _with_requested_address(
        interface, requested_network, ip_address(ip or ""), allocations=allocations, owner=owner
    )


def _with_requested_address(
    interface: Interface,
    network: Optional[Network],
    ip: str,
    *,
    allocations: Allocations,
    owner: Node,
) -> Interface:
    """Check a requested address; ``network`` is the one that was requested with it, if any."""
    where = _place(interface)
    routes = can_be_gateway(owner.appliance, owner.root)
    fault = address_fault(ip, allocations.networks, may_be_gateway=routes)
    containing = network_of(ip, allocations.networks)
    if fault or containing is None:
        raise DescriptionError(
            fault or f"{ip} is outside every network",
            where,
            "leave the address out to get the next free one",
        )
    if network and network != containing:
        raise DescriptionError(
            f"{ip} is on network {containing.name!r}, not {network.name!r}",
            where,
            "use an address of that network",
        )
    address_owner = allocations.address_owner(ip, owner.appliance, owner.membership)
    if address_owner:
        hint = BOND_HINT if _same_node(address_owner, interface) else ADDRESS_HINT
        raise Conflict(f"the address {ip} belongs to {address_owner}", where, hint)
    return interface._replace(network=containing.name, ip=ip)


def _same_node(owner: str, interface: Interface) -> bool:
    """Whether the owner of a MAC or an address is the interface's node, or another interface."""
    return owner.partition("/")[0] == interface.node


def _place(interface: Interface) -> str:
    return f"{interface.node}/{interface.name}"
