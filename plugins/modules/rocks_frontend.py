#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Enter the frontend into its own database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_frontend
short_description: Enters the frontend and its network into the cluster database
version_added: 0.1.0
description:
  - Describes the private network, the frontend as a node of its own database (Table II of the paper, row 1), and the
    attributes by which profiles find it, in one transaction.
  - The frontend is the first node of membership C(Frontend), whatever it was called. Given another name, address, MAC
    or network, its row and the network change together.
options:
  name:
    description: The frontend's name.
    type: str
    required: true
  address:
    description: Its address on the private side.
    type: str
    required: true
  mac:
    description: The MAC of its interface there.
    type: str
    default: ""
  arch:
    description: Its architecture.
    type: str
    default: x86_64
  subnet:
    description: The network of the nodes.
    type: str
    required: true
  zone:
    description: The DNS zone of the nodes.
    type: str
    required: true
  attributes:
    description: Global attributes, all of them texts.
    type: dict
    default: {}
  own_attributes:
    description: Attributes of the frontend itself, such as its public host keys.
    type: dict
    default: {}
  readdress:
    description:
      - Whether nodes whose addresses the network would leave outside get its next free ones. They have their old
        addresses until they are started again.
      - Without it such a change is refused, since it may be a typo.
    type: bool
    default: false
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
seealso:
  - module: npaci.rocks.rocks_network
  - module: npaci.rocks.rocks_node
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Row 1 of Table II
  npaci.rocks.rocks_frontend:
    name: frontend-0
    address: 10.1.1.1
    mac: 00:30:c1:d8:ac:80
    arch: x86_64
    subnet: 10.0.0.0/8
    zone: cluster
    attributes:
      frontend_address: 10.1.1.1
    own_attributes:
      ssh_host_ed25519_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1
    readdress: false
"""

RETURN = r"""
node:
  description: The frontend's row.
  returned: success
  type: dict
  sample: {name: frontend-0, mac: 00:30:c1:d8:ac:80, membership: Frontend, rack: 0, rank: 0, ip: 10.1.1.1}
network:
  description: The private network.
  returned: success
  type: dict
  sample: {name: private, subnet: 10.0.0.0, netmask: 255.0.0.0, zone: cluster, kind: private}
readdressed:
  description: The names of the nodes that got another address.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import to_dict
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.frontend.register import (
    Identity,
    register_frontend,
)

SPEC = {
    "name": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "mac": {"type": "str", "default": ""},
    "arch": {"type": "str", "default": "x86_64"},
    "subnet": {"type": "str", "required": True},
    "zone": {"type": "str", "required": True},
    "attributes": {"type": "dict", "default": {}},
    "own_attributes": {"type": "dict", "default": {}},
    "readdress": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    params = module.params
    wanted = Identity(
        params["name"],
        params["mac"],
        params["address"],
        params["arch"],
        params["subnet"],
        params["zone"],
    )
    texts = [
        {name: str(value) for name, value in params[option].items()}
        for option in ("attributes", "own_attributes")
    ]
    try:
        with (
            connect_as_admin(params["database"]) as database,
            database.transaction(dry_run=module.check_mode),
        ):
            done = register_frontend(database, wanted, *texts, readdress=params["readdress"])
    except RocksError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=done.changed,
        diff=done.difference,
        node=to_dict(done.node),
        network=to_dict(done.network),
        readdressed=done.readdressed,
    )


if __name__ == "__main__":
    main()
