#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Add, change or remove an interface of a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_interface
short_description: Add, change or remove a further NIC or the BMC of a node
version_added: 0.1.0
description:
  - Adds, changes or removes an interface in the cluster database.
  - The first NIC of a node, which has the address of the node, belongs to
    M(npaci.rocks.rocks_node).
  - A NIC with a MAC and an address gets this address by DHCP. If nodes can boot from its network
    (the option C(boot) of M(npaci.rocks.rocks_network)), the node can boot and install from this
    NIC as from its first one.
  - The node and the name of the interface give its host name, such as C(compute-0-3-bmc), which no
    other node or interface can have.
  - A bond or a VLAN is an interface with an address and without a MAC. Each NIC of a bond has an
    address of its own.
options:
  node:
    description: The node that the interface belongs to.
    type: str
    required: true
  name:
    description: The name of the device, such as V(eth1) or V(ib0), or V(bmc) for the BMC.
    type: str
    required: true
  kind:
    description: Its kind. A new interface is V(bmc) by default if O(name=bmc), else V(ethernet).
    type: str
    choices: [ethernet, infiniband, bmc]
  network:
    description: The network of the interface.
    type: str
  mac:
    description:
      - Its MAC; for V(infiniband) the 8 or 20 octets of its address are accepted too. An empty
        value removes it.
      - Omit it for a bond or a VLAN.
    type: str
  ip:
    description:
      - Its address. If you omit it, a new interface gets the next free address of its network.
      - V(none) means no address.
    type: str
  configure:
    description:
      - Also set how the installed system configures the interface, with its static address and the
        MTU of its network, in one of the attributes C(network_second), C(network_third),
        C(network_bond), C(network_vlan) and C(network_infiniband) of the node. With
        O(state=absent), that attribute is removed.
      - A name such as V(eno1.120) is a VLAN of that card. The default route stays that of the first
        interface.
      - Then build the distribution and reinstall the node.
    type: bool
    default: false
  bond_slaves:
    description: The devices of a bond, with O(configure=true).
    type: list
    elements: str
    default: []
  bond_options:
    description: The options of the bond, by default V(mode=active-backup,miimon=100).
    type: str
    default: ""
  allow_frontend:
    description:
      - Permit this task to change or remove the MAC or the address of a frontend's interface. By
        default this is an error, because they protect the frontend from being reinstalled.
    type: bool
    default: false
  state:
    description: V(absent) removes the interface.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Add a BMC with the next free address of the management network
  npaci.rocks.rocks_interface:
    node: compute-0-3
    name: bmc
    network: management
    mac: 00:50:8b:e0:40:94

- name: Add a second NIC that the node can boot from
  npaci.rocks.rocks_interface:
    node: compute-0-3
    name: eth1
    network: private
    mac: 00:50:8b:e0:40:97

- name: Add a bond, which has no MAC
  npaci.rocks.rocks_interface:
    node: compute-0-3
    name: bond1
    network: fabric

- name: Add a bond of two further cards, and configure it on the node
  npaci.rocks.rocks_interface:
    node: compute-0-3
    name: bond2
    network: fabric
    configure: true
    bond_slaves: [eno3, eno4]
    bond_options: mode=802.3ad,miimon=100

- name: Add an InfiniBand port
  npaci.rocks.rocks_interface:
    node: compute-0-3
    name: ib0
    kind: infiniband
    network: fabric
    ip: 172.16.0.3

- name: Change the address of the frontend on the management network
  npaci.rocks.rocks_interface:
    node: frontend-0
    name: eth2
    network: management
    ip: 192.168.1.2
    allow_frontend: true

- name: Remove an interface
  npaci.rocks.rocks_interface:
    node: compute-0-3
    name: eth1
    state: absent
"""

RETURN = r"""
interface:
  description: The interface after the change; empty if it is absent.
  returned: success
  type: dict
  sample:
    node: compute-0-3
    name: bmc
    kind: bmc
    network: management
    mac: 00:50:8b:e0:40:94
    ip: 192.168.255.254
configuration:
  description:
    - With O(configure=true), the options of the kickstart command C(network) for the interface.
  returned: success
  type: str
  sample: --device=eth1 --bootproto=static --ip=172.16.0.3 --netmask=255.255.0.0 --onboot=yes
"""

from typing import Any, Mapping, Optional

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.interface_configuration import (
    configure_interface,
    remove_configuration,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import (
    RowChange,
    to_dict,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.interfaces import (
    KINDS,
    put_interface,
    remove_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

SPEC = {
    "node": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": list(KINDS)},
    "network": {"type": "str"},
    "mac": {"type": "str"},
    "ip": {"type": "str"},
    "configure": {"type": "bool", "default": False},
    "bond_slaves": {"type": "list", "elements": "str", "default": []},
    "bond_options": {"type": "str", "default": ""},
    "allow_frontend": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    params = module.params
    if params["bond_slaves"] and not params["configure"]:
        module.fail_json(msg="bond_slaves has no effect without configure=true; set it")
    with (
        errors_as_failure(module),
        connect_as_admin(params["database"]) as database,
        database.transaction(dry_run=module.check_mode),
    ):
        if params["state"] == "present":
            values = {
                name: params[name] for name in ("kind", "network", "mac", "ip", "allow_frontend")
            }
            change = put_interface(database, params["node"], params["name"], **values)
        else:
            change = remove_interface(
                database,
                params["node"],
                params["name"],
                allow_frontend=params["allow_frontend"],
            )
        configuration = _configure(database, change, params) if params["configure"] else None
    diff = change.difference()
    if configuration:
        diff["before"]["configuration"] = configuration.before or ""
        diff["after"]["configuration"] = configuration.after or ""
    module.exit_json(
        changed=change.changed or bool(configuration and configuration.changed),
        diff=diff,
        interface=to_dict(change.after),
        configuration=(configuration.after or "") if configuration else "",
    )


def _configure(
    database: Database, change: RowChange, params: Mapping[str, Any]
) -> Optional[RowChange]:
    """Set or remove the attribute that configures the interface."""
    if change.after:
        return configure_interface(
            database,
            change.after,
            bond_slaves=params["bond_slaves"],
            bond_options=params["bond_options"],
        )
    return remove_configuration(database, change.before) if change.before else None


if __name__ == "__main__":
    main()
