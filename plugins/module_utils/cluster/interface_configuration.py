# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the installed system configures a further interface, from its row.

The options of the kickstart command ``network`` are an attribute of the node, which the shipped
node file ``network`` reads: ``network_second``, ``network_third``, ``network_bond``,
``network_vlan`` or ``network_infiniband``.
"""

from __future__ import annotations

import re
from typing import Optional, Sequence

from ..errors import Conflict, DescriptionError
from .database import Database
from .model import Interface, RowChange
from .networking.interfaces import BMC, INFINIBAND
from .networking.networks import find_network, list_networks
from .values.attributes import get_attribute, remove_attribute, set_attribute
from .values.scoped_values import Scope

CARDS = ("network_second", "network_third")
BOND = "network_bond"
VLAN = "network_vlan"
PORT = "network_infiniband"
ATTRIBUTES = (*CARDS, BOND, VLAN, PORT)
DEFAULT_BOND_OPTIONS = "mode=active-backup,miimon=100"
DEFAULT_MTU = 1500
HINT = "set the attribute yourself (rocks_attribute), or use a node file"

_VLAN = re.compile(r"(?P<device>[A-Za-z][A-Za-z0-9_-]*)\.(?P<id>\d{1,4})")


def configure_interface(
    database: Database,
    interface: Interface,
    *,
    bond_slaves: Sequence[str] = (),
    bond_options: str = "",
) -> RowChange:
    """Set the attribute of the node that configures this interface, and return its values.

    bond_slaves   the devices of a bond, the first one first; empty: the interface is no bond

    Raises DescriptionError for an interface without a static address, and Conflict if the attribute
    configures another interface already.
    """
    if interface.kind == BMC:
        raise DescriptionError("a BMC is not configured by the node", _where(interface))
    options = network_options(
        database, interface, bond_slaves=bond_slaves, bond_options=bond_options
    )
    scope = Scope(node=interface.node)
    unused = ""
    for name in _candidates(interface, bool(bond_slaves)):
        value = get_attribute(database, name, scope)
        if value is not None and _is_for(value, interface):
            return set_attribute(database, name, options, scope)
        if value is None and not unused:
            unused = name
    if not unused:
        names = " and ".join(_candidates(interface, bool(bond_slaves)))
        raise Conflict(f"{names} of the node are in use", _where(interface), HINT)
    return set_attribute(database, unused, options, scope)


def remove_configuration(database: Database, interface: Interface) -> Optional[RowChange]:
    """Remove the attribute of the node that configures this interface; None: there is none."""
    scope = Scope(node=interface.node)
    for name in ATTRIBUTES:
        value = get_attribute(database, name, scope)
        if value is not None and _is_for(value, interface):
            return remove_attribute(database, name, scope)
    return None


def network_options(
    database: Database,
    interface: Interface,
    *,
    bond_slaves: Sequence[str] = (),
    bond_options: str = "",
) -> str:
    """Return the options of the command ``network``: device, static address and MTU."""
    if not interface.ip or not interface.network:
        raise DescriptionError("it has no address", _where(interface), "set its network or ip")
    network = find_network(list_networks(database), interface.network)
    words = [
        *_device_options(interface),
        "--bootproto=static",
        f"--ip={interface.ip}",
        f"--netmask={network.netmask}",
        "--nodefroute",  # the default route belongs to the first interface
        "--onboot=yes",
    ]
    if bond_slaves:
        words += [
            f"--bondslaves={','.join(bond_slaves)}",
            f"--bondopts={bond_options or DEFAULT_BOND_OPTIONS}",
        ]
    if network.mtu != DEFAULT_MTU:
        words.append(f"--mtu={network.mtu}")
    return " ".join(words)


def _device_options(interface: Interface) -> list[str]:
    vlan = _VLAN.fullmatch(interface.name)
    if vlan:
        return [f"--device={vlan['device']}", f"--vlanid={int(vlan['id'])}"]
    return [f"--device={interface.name}"]


def _candidates(interface: Interface, is_bond: bool) -> Sequence[str]:
    if is_bond:
        return (BOND,)
    if _VLAN.fullmatch(interface.name):
        return (VLAN,)
    return (PORT,) if interface.kind == INFINIBAND else CARDS


def _is_for(value: str, interface: Interface) -> bool:
    words = value.split()
    options = _device_options(interface)
    is_vlan = any(word.startswith("--vlanid=") for word in words)
    return set(options) <= set(words) and is_vlan == (len(options) > 1)


def _where(interface: Interface) -> str:
    return f"{interface.node} {interface.name}"
