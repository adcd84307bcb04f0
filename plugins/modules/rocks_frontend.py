#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Register the frontend in its own database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_frontend
short_description: Register the frontend and its network in the cluster database
version_added: 0.1.0
description:
  - Sets the private network, the frontend's own row (Table II of the paper, row 1) and the
    attributes by which profiles find the frontend, in one transaction.
  - The frontend is the first node of membership C(Frontend), whatever its current name is. If its
    name, address, MAC address or network changes, its row and the network change together.
options:
  name:
    description: The frontend's name.
    type: str
    required: true
  address:
    description: Its IP address on the private side.
    type: str
    required: true
  mac:
    description: The MAC address of its interface on the private side.
    type: str
    default: ""
  arch:
    description: Its architecture.
    type: str
    default: x86_64
  subnet:
    description: The network of the nodes, in CIDR notation.
    type: str
    required: true
  zone:
    description: The DNS zone of the nodes.
    type: str
    required: true
  attributes:
    description: Global attributes. Values are converted to text.
    type: dict
    default: {}
  own_attributes:
    description: Attributes of the frontend, such as its public host keys.
    type: dict
    default: {}
  readdress:
    description:
      - Whether nodes whose addresses are outside the new network get its next free addresses. They
        use their old addresses until they are restarted.
      - Otherwise such a change is refused, since it can be a typing error.
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
- name: Register the frontend of Table II
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
      ssh_host_ed25519_key: "{{ lookup('file', '/etc/ssh/ssh_host_ed25519_key.pub') }}"
    readdress: false
"""

RETURN = r"""
node:
  description: The frontend's row.
  returned: success
  type: dict
  sample:
    {name: frontend-0, mac: 00:30:c1:d8:ac:80, membership: Frontend, rack: 0, rank: 0, ip: 10.1.1.1}
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

from typing import Any, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.attribute_values import to_text
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import to_dict
from ansible_collections.npaci.rocks.plugins.module_utils.frontend.register import (
    Identity,
    register_frontend,
)
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

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
    identity = Identity(
        name=params["name"],
        mac=params["mac"],
        ip=params["address"],
        arch=params["arch"],
        subnet=params["subnet"],
        zone=params["zone"],
    )
    with (
        errors_as_failure(module),
        connect_as_admin(params["database"]) as database,
        database.transaction(dry_run=module.check_mode),
    ):
        registration = register_frontend(
            database,
            identity,
            attributes=_as_texts(params["attributes"]),
            own_attributes=_as_texts(params["own_attributes"]),
            readdress=params["readdress"],
        )
    module.exit_json(
        changed=registration.changed,
        diff=registration.difference,
        node=to_dict(registration.node),
        network=to_dict(registration.network),
        readdressed=registration.readdressed,
    )


def _as_texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: to_text(value, name) for name, value in values.items()}


if __name__ == "__main__":
    main()
