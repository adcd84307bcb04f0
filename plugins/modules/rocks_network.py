#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A network of the cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_network
short_description: Describes a network of the cluster
version_added: 0.1.0
description:
  - Makes a network in the cluster database, changes it, or forgets it.
  - Nodes get their addresses from the top of a network downwards.
  - Networks must not overlap, and no change may leave a node's address outside every network.
options:
  name:
    description: The network's name. Nodes get their addresses from V(private) unless they are told otherwise.
    type: str
    required: true
  subnet:
    description: Its first address, such as V(10.0.0.0), or that with the prefix length, such as V(10.0.0.0/8).
    type: str
  netmask:
    description: Its netmask, such as V(255.0.0.0). Not needed when O(subnet) has a prefix length.
    type: str
  gateway:
    description: The router's address, which no node gets. An empty text means that there is none.
    type: str
  zone:
    description: The DNS zone of its nodes.
    type: str
  mtu:
    description: The size of a packet at most, in bytes. A new network has V(1500).
    type: int
  kind:
    description:
      - What it is for. V(private) is the cluster's own, V(management) is where the BMCs are.
      - A new network is V(private).
    type: str
    choices: [private, public, management]
  first:
    description: The lowest address that a node may get. An empty text means the network's first one.
    type: str
  last:
    description: The highest address that a node may get. An empty text means the network's last one.
    type: str
  pool_first:
    description: The first of the addresses that DHCP lends to unknown machines. No node gets one of these.
    type: str
  pool_last:
    description: The last of the addresses that DHCP lends to unknown machines.
    type: str
  boot:
    description:
      - Whether nodes may boot from it, that is, whether DHCP offers them a boot file there.
      - A network that only carries data (storage, MPI) should have V(false).
      - A private network has V(true) unless it is set; no other can have it.
    type: bool
  state:
    description: Whether the network is to be there.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: The cluster's own network, as the Rocks paper has it
  npaci.rocks.rocks_network:
    name: private
    subnet: 10.0.0.0/8
    gateway: ""
    zone: cluster
    mtu: 1500
    first: 10.255.0.1
    last: 10.255.255.254

- name: Unknown machines are lent addresses that no node gets
  npaci.rocks.rocks_network:
    name: private
    pool_first: 10.254.0.1
    pool_last: 10.254.255.254

- name: The network of the BMCs
  npaci.rocks.rocks_network:
    name: management
    subnet: 192.168.0.0
    netmask: 255.255.0.0
    kind: management

- name: Storage traffic; nodes have addresses there by DHCP, and never boot from it
  npaci.rocks.rocks_network:
    name: storage
    subnet: 172.16.0.0/16
    mtu: 9000
    boot: false

- name: A network that is gone
  npaci.rocks.rocks_network:
    name: old
    state: absent
"""

RETURN = r"""
network:
  description: The network as it is now; empty when it is absent.
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
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networks import (
    COLUMNS,
    KINDS,
    put_network,
    remove_network,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError

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
    try:
        with (
            connect_as_admin(params["database"]) as database,
            database.transaction(dry_run=module.check_mode),
        ):
            if params["state"] == "present":
                done = put_network(database, **{column: params[column] for column in COLUMNS})
            else:
                done = remove_network(database, params["name"])
    except RocksError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=done.changed, diff=done.difference(), network=to_dict(done.after))


if __name__ == "__main__":
    main()
