#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Add, change and remove nodes of the cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_node
short_description: Add, change, rename, move, replace and remove nodes
version_added: 0.1.0
description:
  - Writes one node, a list of nodes, or all lines of a CSV file to the cluster database, all of
    them or none.
  - An existing node is identified by its name, or else by its MAC. Options that you omit are
    allocated for a new node, and stay as they are for an existing one.
  - A new node gets the next rank of its appliance in its rack, the name
    C(<appliance>-<rack>-<rank>) (the attribute C(name_pattern) can set another form), and the
    highest free address of its network. A rank whose name is taken is skipped.
  - All errors of all nodes are reported together, and then nothing is changed.
  - This module changes the description of nodes. To change the nodes themselves, reinstall them
    with M(npaci.rocks.rocks_reinstall).
options:
  name:
    description: The node's name. A node that you identify by its name keeps it when it is moved.
    type: str
  new_name:
    description: The new name of the node O(name).
    type: str
  mac:
    description: The MAC of the NIC that it is installed through. An empty value removes it.
    type: str
  membership:
    description: Its membership. The default for a new node is V(Compute).
    type: str
  rack:
    description: Its rack. The default for a new node is the rack in its name, or else V(0).
    type: int
  rank:
    description:
      - Its number among the nodes of its appliance in the rack. The default for a new node is the
        rank in its name if it is free, or else the next one.
    type: int
  ip:
    description: Its address. An empty value allocates the next free one; V(none) means no address.
    type: str
  network:
    description:
      - The network to allocate O(ip) from. The default is the value of the attribute C(network),
        or else V(private).
    type: str
  arch:
    description: Its architecture. The default for a new node is V(x86_64).
    type: str
  comment:
    description: One line of text.
    type: str
  nodes:
    description: Several nodes, each with the options above.
    type: list
    elements: dict
    suboptions:
      name: {description: See O(name)., type: str}
      new_name: {description: See O(new_name)., type: str}
      mac: {description: See O(mac)., type: str}
      membership: {description: See O(membership)., type: str}
      rack: {description: See O(rack)., type: int}
      rank: {description: See O(rank)., type: int}
      ip: {description: See O(ip)., type: str}
      network: {description: See O(network)., type: str}
      arch: {description: See O(arch)., type: str}
      comment: {description: See O(comment)., type: str}
  csv:
    description:
      - A file of comma-separated values (RFC 4180) whose first line names the columns, which are
        the options above except O(new_name). Empty values count as omitted.
      - Semicolons, tabs and bars are accepted as separators too, and MACs in the forms that
        switches print.
      - All lines are written, or none. Errors name the line.
    type: path
  replace:
    description:
      - Give the name, position and address of the node O(name) to the machine O(mac).
      - The old machine's other MACs, its hardware and the key on its disk are deleted. Attributes
        and host keys stay.
    type: bool
    default: false
  fill_gaps:
    description: Give new nodes the lowest free rank instead of the one after the highest.
    type: bool
    default: false
  allow_frontend:
    description:
      - Permit this task to remove or replace a frontend, to change its membership to that of other
        nodes, and to change its name, MAC or address. By default this is an error, because the
        frontend could then be reinstalled together with other nodes.
      - The role P(npaci.rocks.frontend#role) and M(npaci.rocks.rocks_frontend) can change their own
        frontend without this option.
      - Even with this option, a machine with the frontend's address cannot be ordered to install.
    type: bool
    default: false
  state:
    description: V(absent) removes the nodes with everything that belongs to them.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: npaci.rocks.rocks_frontend
  - module: npaci.rocks.rocks_interface
  - module: npaci.rocks.rocks_node_info
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Describe the frontend
  npaci.rocks.rocks_node:
    name: frontend-0
    membership: Frontend
    mac: 00:30:c1:d8:ac:80
    ip: 10.1.1.1
    arch: x86_64
    comment: Gateway machine

- name: Add a compute node, and allocate its name and address
  npaci.rocks.rocks_node:
    mac: 00:50:8b:e0:40:96
    rack: 1

- name: Add a switch with a fixed name and no address
  npaci.rocks.rocks_node:
    name: network-1-0
    membership: Ethernet Switches
    rack: 1
    rank: 0
    ip: none
    network: management

- name: Add two machines
  npaci.rocks.rocks_node:
    nodes:
      - {mac: 00:50:8b:e0:40:97, rack: 1}
      - {mac: 00:50:8b:e0:40:98, rack: 1}
    fill_gaps: true

- name: Add the machines of a spreadsheet
  npaci.rocks.rocks_node:
    csv: /root/machines.csv

- name: Replace a broken machine
  npaci.rocks.rocks_node:
    name: compute-0-3
    mac: 00:50:8b:e0:40:99
    replace: true

- name: Rename a node
  npaci.rocks.rocks_node:
    name: compute-0-3
    new_name: spare-0

- name: Add a standby frontend
  npaci.rocks.rocks_node:
    name: frontend-1
    membership: Frontend

- name: Turn it into a web server
  npaci.rocks.rocks_node:
    name: frontend-1
    new_name: web-0-0
    membership: Web Server
    allow_frontend: true

- name: Remove a node
  npaci.rocks.rocks_node:
    name: spare-0
    state: absent
"""

RETURN = r"""
nodes:
  description: The nodes after the change, in the order of the task; empty when they are absent.
  returned: success
  type: list
  elements: dict
  sample:
    - name: compute-0-4
      mac: 00:50:8b:e0:40:96
      membership: Compute
      appliance: compute
      root: compute
      distribution: rocks
      rack: 0
      rank: 4
      ip: 10.255.255.254
      arch: x86_64
      comment: ""
added:
  description: The names of the added nodes.
  returned: success
  type: list
  elements: str
  sample: [compute-0-4]
updated:
  description: The names of the changed nodes, after the change.
  returned: success
  type: list
  elements: str
  sample: []
removed:
  description: The names of the removed nodes.
  returned: success
  type: list
  elements: str
  sample: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.csv_import import (
    NodeTable,
    parse_table,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import RowChange, to_dict
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import (
    ensure_nodes,
    ensure_nodes_absent,
    replace_node,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import find_node
from ansible_collections.npaci.rocks.plugins.module_utils.csv_tables import read_csv_text
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

NODE = {
    "name": {"type": "str"},
    "new_name": {"type": "str"},
    "mac": {"type": "str"},
    "membership": {"type": "str"},
    "rack": {"type": "int"},
    "rank": {"type": "int"},
    "ip": {"type": "str"},
    "network": {"type": "str"},
    "arch": {"type": "str"},
    "comment": {"type": "str"},
}
SPEC = {
    "nodes": {"type": "list", "elements": "dict", "options": NODE},
    "csv": {"type": "path"},
    "replace": {"type": "bool", "default": False},
    "fill_gaps": {"type": "bool", "default": False},
    "allow_frontend": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def read_requests(params: dict[str, Any]) -> NodeTable:
    """Return the nodes that the options request, and the errors of the CSV file."""
    if params["csv"]:
        return parse_table(read_csv_text(params["csv"]), params["csv"])
    if params["nodes"] is not None:
        nodes = [
            {**node, "where": f"nodes[{number}]"} for number, node in enumerate(params["nodes"])
        ]
        return NodeTable(nodes, [])
    return NodeTable([{field: params[field] for field in NODE}], [])


def run(database: Database, params: dict[str, Any]) -> list[RowChange]:
    """Write the nodes that the options request, and return a change for each."""
    allow_frontend = params["allow_frontend"]
    if params["replace"]:
        before = find_node(database, params["name"])
        after = replace_node(database, params["name"], params["mac"], allow_frontend=allow_frontend)
        return [RowChange(before, after)]
    table = read_requests(params)
    if params["state"] == "absent":
        return ensure_nodes_absent(
            database, table.requests, faults=table.faults, allow_frontend=allow_frontend
        )
    return ensure_nodes(
        database,
        table.requests,
        fill_gaps=params["fill_gaps"],
        faults=table.faults,
        allow_frontend=allow_frontend,
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={**NODE, **SPEC, **database_spec()},
        mutually_exclusive=[("nodes", "csv", "name"), ("nodes", "csv", "mac")],
        required_one_of=[("name", "mac", "nodes", "csv")],
        required_by={"new_name": ("name",)},
        required_if=[("replace", True, ["name", "mac"])],
        supports_check_mode=True,
    )
    with (
        errors_as_failure(module),
        connect_as_admin(module.params["database"]) as database,
        database.transaction(dry_run=module.check_mode),
    ):
        results = run(database, module.params)
    changes = [change for change in results if change.changed]
    module.exit_json(
        changed=bool(changes),
        diff=[named_difference(change) for change in changes] if module._diff else [],
        nodes=[to_dict(change.after) for change in results if change.after],
        added=[change.after.name for change in changes if not change.before],
        updated=[change.after.name for change in changes if change.before and change.after],
        removed=[change.before.name for change in changes if not change.after],
    )


def named_difference(change: RowChange) -> dict[str, Any]:
    """Return the difference of one node with its names as headers."""
    before, after = (node.name if node else "no node" for node in change)
    return {**change.difference(), "before_header": before, "after_header": after}


if __name__ == "__main__":
    main()
