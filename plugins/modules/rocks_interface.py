#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A further NIC of a node, or its BMC."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_interface
short_description: Describes a further NIC of a node, or its BMC
version_added: 0.1.0
description:
  - Makes an interface in the cluster database, changes it, or forgets it.
  - The first NIC of a node, whose address is the node's, is described with M(npaci.rocks.rocks_node).
  - A NIC that has a MAC and an address gets that address by DHCP. On a network from which nodes boot
    (the option C(boot) of M(npaci.rocks.rocks_network)) the node may boot and install by it like by its first one.
  - A bond or a VLAN is an interface with an address and without a MAC. Each NIC of a bond has an address of its own.
options:
  node:
    description: The node that it is in.
    type: str
    required: true
  name:
    description: The device's name on the node, such as V(eth1) or V(ib0); V(bmc) for the management controller.
    type: str
    required: true
  kind:
    description: What it is. A new interface is V(bmc) when it is called so, else V(ethernet).
    type: str
    choices: [ethernet, infiniband, bmc]
  network:
    description: The network that it is on.
    type: str
  mac:
    description:
      - Its MAC; for V(infiniband) its 8 or 20 octets are taken too. An empty text forgets it.
      - A bond or a VLAN has none.
    type: str
  ip:
    description:
      - Its address. Without one, a new interface that is on a network gets the network's next free address.
      - V(none) leaves it without.
    type: str
  allow_frontend:
    description:
      - Whether a frontend's interface may lose its MAC or its address. Without it that is refused, since the machine
        would no longer be known as the frontend by them.
    type: bool
    default: false
  state:
    description: Whether the interface is to be there.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: A BMC gets the next free address of the management network
  npaci.rocks.rocks_interface:
    node: compute-0-3
    name: bmc
    network: management
    mac: 00:50:8b:e0:40:94

- name: A second NIC on the network of the first; the node may boot by either
  npaci.rocks.rocks_interface:
    node: compute-0-3
    name: eth1
    network: private
    mac: 00:50:8b:e0:40:97

- name: A bond, which DHCP does not know, since it has no MAC
  npaci.rocks.rocks_interface:
    node: compute-0-3
    name: bond1
    network: fabric

- name: An InfiniBand port
  npaci.rocks.rocks_interface:
    node: compute-0-3
    name: ib0
    kind: infiniband
    network: fabric
    ip: 172.16.0.3

- name: The frontend has another address on the management network from now on
  npaci.rocks.rocks_interface:
    node: frontend-0
    name: eth2
    network: management
    ip: 192.168.1.2
    allow_frontend: true

- name: A card that was taken out
  npaci.rocks.rocks_interface:
    node: compute-0-3
    name: eth1
    state: absent
"""

RETURN = r"""
interface:
  description: The interface as it is now; empty when it is absent.
  returned: success
  type: dict
  sample:
    node: compute-0-3
    name: bmc
    kind: bmc
    network: management
    mac: 00:50:8b:e0:40:94
    ip: 192.168.255.254
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.interfaces import (
    KINDS,
    put_interface,
    remove_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import to_dict
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError

SPEC = {
    "node": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": list(KINDS)},
    "network": {"type": "str"},
    "mac": {"type": "str"},
    "ip": {"type": "str"},
    "allow_frontend": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    params = module.params
    try:
        with (
            connect_as_admin(params["database"]) as database,
            database.transaction(dry_run=module.check_mode),
        ):
            if params["state"] == "present":
                values = {
                    name: params[name]
                    for name in ("kind", "network", "mac", "ip", "allow_frontend")
                }
                done = put_interface(database, params["node"], params["name"], **values)
            else:
                done = remove_interface(
                    database,
                    params["node"],
                    params["name"],
                    allow_frontend=params["allow_frontend"],
                )
    except RocksError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=done.changed, diff=done.difference(), interface=to_dict(done.after))


if __name__ == "__main__":
    main()
