# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Further NICs of a node, and its BMC.  The first NIC, whose address is the node's, is in ``nodes`` itself.

A row with a MAC and an address on a served network is an interface that asks by DHCP. A row without a MAC is one that
exists in the installed system alone: a bond, a VLAN.  DHCP knows one address for one MAC, so that each NIC of a bond
has an address of its own.
"""

from __future__ import annotations

import re
from typing import Optional

from ..errors import Conflict, DescriptionError
from .addressing import (
    address_fault,
    infiniband_address,
    ip_address,
    is_infiniband,
    mac_address,
    network_of,
)
from .allocations import Allocations, load_allocations
from .database import Database
from .frontend_protection import check_interface
from .model import Interface, Network, Node, RowChange
from .networks import find_network
from .node_allocation import NO_ADDRESS
from .nodes import find_node

ETHERNET, INFINIBAND, BMC = "ethernet", "infiniband", "bmc"
KINDS = (ETHERNET, INFINIBAND, BMC)
REMOVE_THERE = "remove it there first"
BOND_HINT = "; the NICs of a bond have an address each (docs/networks.md)"

SELECT = (
    "select interfaces.id, nodes.name, interfaces.name, interfaces.kind, coalesce(networks.name, ''),"
    " coalesce(interfaces.mac, ''), coalesce(interfaces.ip, '') from interfaces"
    " join nodes on nodes.id = interfaces.node left join networks on networks.id = interfaces.network"
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,14}")  # the kernel's IFNAMSIZ


def list_interfaces(database: Database, node: str = "") -> list[Interface]:
    """All further interfaces, or those of one node, by node and name."""
    where, parameters = (" where nodes.name = ?", (node,)) if node else ("", ())
    return [
        Interface(*row)
        for row in database.rows(
            f"{SELECT}{where} order by nodes.name, interfaces.name", parameters
        )
    ]


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
    """Make the interface, or change what is given.

    ip  None with a network and no address yet takes the next free one; ``none`` leaves it without

    Raises DescriptionError, NotFound for an unknown node or network, Conflict for a MAC or an
    address that is taken, Refused for a frontend's interface that would lose its MAC or its
    address, unless ``allow_frontend``.
    """
    if not _NAME.fullmatch(name):
        raise DescriptionError(
            f"{name!r} is no name of an interface", node, "at most 15 letters, such as eth1 or bmc"
        )
    with database.transaction():
        owner, there = find_node(database, node), load_allocations(database)
        before = _find(database, node, name)
        asked = before or Interface(0, node, name, BMC if name == BMC else ETHERNET, "", "", "")
        _release(there, before)
        after = asked._replace(kind=kind if kind is not None else asked.kind)
        after = after._replace(mac=_mac(after, mac, there))
        after = _located(after, network, ip, there, owner)
        if after == before:
            return RowChange(before, before)
        if before and not allow_frontend:
            check_interface(owner, before, after)
        lies_in = find_network(there.networks, after.network).id if after.network else None
        values = (after.kind, lies_in, after.mac or None, after.ip or None)
        if before:
            database.execute(
                "update interfaces set kind = ?, network = ?, mac = ?, ip = ? where id = ?",
                (*values, before.id),
            )
        else:
            database.execute(
                "insert into interfaces (kind, network, mac, ip, node, name) values (?, ?, ?, ?, ?, ?)",
                (*values, owner.id, name),
            )
        return RowChange(before, _find(database, node, name))


def remove_interface(
    database: Database, node: str, name: str, *, allow_frontend: bool = False
) -> RowChange:
    """Forget the interface.  Raises NotFound for an unknown node, Refused as ``put_interface``."""
    with database.transaction():
        owner, before = find_node(database, node), _find(database, node, name)
        if before:
            if not allow_frontend:
                check_interface(owner, before, before._replace(mac="", ip=""))
            database.execute("delete from interfaces where id = ?", (before.id,))
        return RowChange(before, None)


def _find(database: Database, node: str, name: str) -> Optional[Interface]:
    return next((one for one in list_interfaces(database, node) if one.name == name), None)


def _release(there: Allocations, before: Optional[Interface]) -> None:
    if before:
        there.macs.pop(before.mac, None)
        there.ips.pop(before.ip, None)


def _mac(asked: Interface, given: Optional[str], there: Allocations) -> str:
    if asked.kind not in KINDS:
        raise DescriptionError(f"kind is {asked.kind!r}", asked.node, f"one of {', '.join(KINDS)}")
    text = asked.mac if given is None else given
    if not text:
        return ""
    mac = _octets(asked, text)
    if mac in there.macs:
        owner = there.macs[mac]
        hint = (
            "a bond or a VLAN has no MAC of its own here: leave it out"
            if _same(owner, asked)
            else REMOVE_THERE
        )
        raise Conflict(f"the MAC {mac} belongs to {owner}", f"{asked.node}/{asked.name}", hint)
    return mac


def _octets(asked: Interface, text: str) -> str:
    """The MAC, or the address of an InfiniBand port."""
    if asked.kind == INFINIBAND and len(text) != 17:
        return infiniband_address(text)
    if is_infiniband(text):
        raise DescriptionError(
            f"{text!r} is the address of an InfiniBand port",
            f"{asked.node}/{asked.name}",
            "set kind to infiniband",
        )
    return mac_address(text)


def _same(owner: str, asked: Interface) -> bool:
    """Whether the owner of a MAC or an address is an interface of the same node."""
    return owner.partition("/")[0] == asked.node


def _located(
    asked: Interface, network: Optional[str], ip: Optional[str], there: Allocations, owner: Node
) -> Interface:
    """The interface on its network, with its address."""
    wanted = asked.network if network is None else network
    home = find_network(there.networks, wanted) if wanted else None
    if ip is None and wanted == asked.network:
        return asked
    if ip == NO_ADDRESS or (not ip and home is None):
        return asked._replace(network=wanted, ip="")
    if not ip and home:
        return asked._replace(network=wanted, ip=there.free_address(home))
    return _checked(asked, home if network else None, ip_address(ip or ""), there, owner)


def _checked(
    asked: Interface, home: Optional[Network], ip: str, there: Allocations, owner: Node
) -> Interface:
    """The interface with an address that was given; ``home`` is the network that it was given for."""
    where = f"{asked.node}/{asked.name}"
    fault, lies_in = address_fault(ip, there.networks), network_of(ip, there.networks)
    if fault or lies_in is None:
        raise DescriptionError(
            fault or f"{ip} is outside every network",
            where,
            "leave the address out to get the next free one",
        )
    if home and home != lies_in:
        raise DescriptionError(
            f"{ip} is on network {lies_in.name!r}, not {home.name!r}", where, "name one that fits"
        )
    holder = there.holder(ip, owner.appliance, owner.membership)
    if holder:
        bond = BOND_HINT if _same(holder, asked) else ""
        hint = f"leave it out to get the next free one{bond}"
        raise Conflict(f"the address {ip} belongs to {holder}", where, hint)
    return asked._replace(network=lies_in.name, ip=ip)
