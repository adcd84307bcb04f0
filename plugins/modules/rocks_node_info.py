#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the database knows about nodes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_node_info
short_description: Tells what the cluster database knows about nodes
version_added: 0.1.0
description:
  - Returns nodes with their interfaces, their counted hardware and their last install order, and on request every
    attribute with the scope that its value comes from.
options:
  name:
    description: The nodes to tell about. Without it, all.
    type: list
    elements: str
  attributes:
    description: Whether to tell the attributes too.
    type: bool
    default: false
seealso:
  - module: npaci.rocks.rocks_sql_info
extends_documentation_fragment:
  - npaci.rocks.attributes.info
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Where does this node get its swap from?
  npaci.rocks.rocks_node_info:
    name: compute-0-3
    attributes: true
  register: told

- name: Show it
  ansible.builtin.debug:
    var: told.nodes[0].attributes.swap_mib
"""

RETURN = r"""
nodes:
  description:
    - The nodes. With O(attributes) each has its attributes too, of which C(source) says C(global), C(appliance),
      C(node), or C(intrinsic) for what the node's own row says.
  returned: success
  type: list
  elements: dict
  sample:
    - name: compute-0-3
      mac: 00:50:8b:e0:40:93
      membership: Compute
      appliance: compute
      root: compute
      distribution: rocks
      rack: 0
      rank: 3
      ip: 10.255.255.242
      arch: x86_64
      comment: Compute node
      interfaces:
        - {name: bmc, kind: bmc, network: management, mac: 00:50:8b:e0:40:94, ip: 192.168.255.254}
      hardware: {cpus: 64, memory: 257000}
      install: {state: up, generation: 4c19e0b2}
      attributes:
        swap_mib: {value: "4096", source: appliance}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_reader,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_details import describe_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError

SPEC = {
    "name": {"type": "list", "elements": "str"},
    "attributes": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    params = module.params
    try:
        with connect_as_reader(params["database"]) as database:
            found = describe_nodes(database, params["name"], attributes=params["attributes"])
    except RocksError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, nodes=found)


if __name__ == "__main__":
    main()
