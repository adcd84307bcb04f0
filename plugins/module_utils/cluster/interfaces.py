# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Further NICs of a node, and its BMC.  The first NIC, which it installs through, is in ``nodes`` itself."""

from __future__ import annotations

import re
from typing import Optional

from ..errors import Conflict, DescriptionError
from .addressing import address_fault, infiniband_address, ip_address, mac_address, network_of
from .allocations import Ground, survey
from .database import Database
from .frontend_protection import check_interface
from .model import Interface, Network, Node, Replaced
from .networks import find_network
from .node_allocation import NO_ADDRESS
from .nodes import find

KINDS = ("ethernet", "infiniband", "bmc")

SELECT = (
    "select interfaces.id, nodes.name, interfaces.name, interfaces.kind, coalesce(networks.name, ''),"
    " coalesce(interfaces.mac, ''), coalesce(interfaces.ip, '') from interfaces"
    " join nodes on nodes.id = interfaces.node left join networks on networks.id = interfaces.network"
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,14}")  # the kernel's IFNAMSIZ


def interfaces(database: Database, node: str = "") -> list[Interface]:
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
) -> Replaced:
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
        owner, there = find(database, node), survey(database)
        before = _find(database, node, name)
        asked = before or Interface(
            0, node, name, "bmc" if name == "bmc" else "ethernet", "", "", ""
        )
        _release(there, before)
        after = asked._replace(kind=kind if kind is not None else asked.kind)
        after = after._replace(mac=_mac(after, mac, there))
        after = _located(after, network, ip, there, owner)
        if after == before:
            return Replaced(before, before)
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
        return Replaced(before, _find(database, node, name))


def remove_interface(
    database: Database, node: str, name: str, *, allow_frontend: bool = False
) -> Replaced:
    """Forget the interface.  Raises NotFound for an unknown node, Refused as ``put_interface``."""
    with database.transaction():
        owner, before = find(database, node), _find(database, node, name)
        if before:
            if not allow_frontend:
                check_interface(owner, before, before._replace(mac="", ip=""))
            database.execute("delete from interfaces where id = ?", (before.id,))
        return Replaced(before, None)


def _find(database: Database, node: str, name: str) -> Optional[Interface]:
    return next((one for one in interfaces(database, node) if one.name == name), None)


def _release(there: Ground, before: Optional[Interface]) -> None:
    if before:
        there.macs.pop(before.mac, None)
        there.ips.pop(before.ip, None)


def _mac(asked: Interface, given: Optional[str], there: Ground) -> str:
    if asked.kind not in KINDS:
        raise DescriptionError(f"kind is {asked.kind!r}", asked.node, f"one of {', '.join(KINDS)}")
    text = asked.mac if given is None else given
    if not text:
        return ""
    mac = (
        infiniband_address(text)
        if asked.kind == "infiniband" and len(text) != 17
        else mac_address(text)
    )
    if mac in there.macs:
        raise Conflict(
            f"the MAC {mac} belongs to {there.macs[mac]}",
            f"{asked.node}/{asked.name}",
            "remove it there first",
        )
    return mac


def _located(
    asked: Interface, network: Optional[str], ip: Optional[str], there: Ground, owner: Node
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
    asked: Interface, home: Optional[Network], ip: str, there: Ground, owner: Node
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
        raise Conflict(
            f"the address {ip} belongs to {holder}", where, "leave it out to get the next free one"
        )
    return asked._replace(network=lies_in.name, ip=ip)
