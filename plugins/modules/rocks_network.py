#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Add, change or remove a network."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_network
short_description: Add, change or remove a network of the cluster
version_added: 0.1.0
description:
  - Adds, changes or removes a network in the cluster database.
  - Nodes get their addresses from the top of a network downwards.
  - Networks must not overlap, and the address of each node must stay within a network, outside of
    its DHCP pool. Only a frontend, or a node that is never installed, can be the gateway.
options:
  name:
    description: The name of the network. By default, nodes get their addresses from V(private).
    type: str
    required: true
  subnet:
    description: The network address, V(10.0.0.0), or the same with a prefix length, V(10.0.0.0/8).
    type: str
  netmask:
    description: Its netmask, such as V(255.0.0.0). Omit it if O(subnet) has a prefix length.
    type: str
  gateway:
    description: The address of the router, which no node gets. An empty value means no router.
    type: str
  zone:
    description: The DNS zone of its nodes.
    type: str
  mtu:
    description: The largest packet, in bytes. The default for a new network is V(1500).
    type: int
  kind:
    description:
      - V(private) is a network of the nodes, V(management) the network of the BMCs.
      - The default for a new network is V(private).
    type: str
    choices: [private, public, management]
  first:
    description: The lowest address that nodes get. An empty value means the first of the network.
    type: str
  last:
    description: The highest address that nodes get. An empty value means the last of the network.
    type: str
  pool_first:
    description: The first address that DHCP leases to unknown machines. No node gets one of these.
    type: str
  pool_last:
    description: The last address that DHCP leases to unknown machines.
    type: str
  boot:
    description:
      - Whether DHCP offers a boot file on this network, so that nodes can boot from it.
      - You should set V(false) for a network that only carries data (storage, MPI).
      - The default for a private network is V(true); other networks cannot have it.
    type: bool
  state:
    description: V(absent) removes the network.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Add the private network of the Rocks paper
  npaci.rocks.rocks_network:
    name: private
    subnet: 10.0.0.0/8
    gateway: ""
    zone: cluster
    mtu: 1500
    first: 10.255.0.1
    last: 10.255.255.254

- name: Reserve addresses for unknown machines
  npaci.rocks.rocks_network:
    name: private
    pool_first: 10.254.0.1
    pool_last: 10.254.255.254

- name: Add the network of the BMCs
  npaci.rocks.rocks_network:
    name: management
    subnet: 192.168.0.0
    netmask: 255.255.0.0
    kind: management

- name: Add a storage network that serves addresses by DHCP, but no boot files
  npaci.rocks.rocks_network:
    name: storage
    subnet: 172.16.0.0/16
    mtu: 9000
    boot: false

- name: Remove a network
  npaci.rocks.rocks_network:
    name: old
    state: absent
"""

RETURN = r"""
network:
  description: The network after the change; empty if it is absent.
  returned: success
  type: dict
  sample:
    name: private
    subnet: 10.0.0.0
    netmask: 255.0.0.0
    gateway: ""
    zone: cluster
    mtu: 1500
    kind: private
    first: ""
    last: ""
    pool_first: ""
    pool_last: ""
    boot: true
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import to_dict
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.network_rules import (
    KINDS,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    COLUMNS,
    put_network,
    remove_network,
)
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

SPEC = {
    "name": {"type": "str", "required": True},
    "subnet": {"type": "str"},
    "netmask": {"type": "str"},
    "gateway": {"type": "str"},
    "zone": {"type": "str"},
    "mtu": {"type": "int"},
    "kind": {"type": "str", "choices": list(KINDS)},
    "first": {"type": "str"},
    "last": {"type": "str"},
    "pool_first": {"type": "str"},
    "pool_last": {"type": "str"},
    "boot": {"type": "bool"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    params = module.params
    with (
        errors_as_failure(module),
        connect_as_admin(params["database"]) as database,
        database.transaction(dry_run=module.check_mode),
    ):
        if params["state"] == "present":
            change = put_network(database, **{column: params[column] for column in COLUMNS})
        else:
            change = remove_network(database, params["name"])
    module.exit_json(
        changed=change.changed, diff=change.difference(), network=to_dict(change.after)
    )


if __name__ == "__main__":
    main()
