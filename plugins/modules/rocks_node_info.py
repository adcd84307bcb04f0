#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read everything about nodes from the cluster database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_node_info
short_description: Read nodes from the cluster database
version_added: 0.1.0
description:
  - Returns nodes with their interfaces, hardware and last install order, and optionally every
    attribute with the source of its value.
options:
  name:
    description: The names of the nodes. The default is all nodes.
    type: list
    elements: str
  attributes:
    description: Return the attributes too.
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
- name: Find out where the swap size of a node comes from
  npaci.rocks.rocks_node_info:
    name: compute-0-3
    attributes: true
  register: result

- name: Show the attribute
  ansible.builtin.debug:
    var: result.nodes[0].attributes.swap_mib
"""

RETURN = r"""
nodes:
  description:
    - The nodes. With O(attributes), each has its attributes, whose C(source) is C(global),
      C(appliance), C(node), or C(intrinsic) for a field of the node itself.
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
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

SPEC = {
    "name": {"type": "list", "elements": "str"},
    "attributes": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    params = module.params
    with errors_as_failure(module), connect_as_reader(params["database"]) as database:
        nodes = describe_nodes(database, params["name"], attributes=params["attributes"])
    module.exit_json(changed=False, nodes=nodes)


if __name__ == "__main__":
    main()
