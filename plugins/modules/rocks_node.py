#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nodes of the cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_node
short_description: Adds, changes, renames, moves, replaces and removes nodes
version_added: 0.1.0
description:
  - Describes one node, a list of nodes, or all lines of a CSV file in the cluster database, all of them or none.
  - A node is known by its name, else by its MAC. What a new node's description leaves out is found, and what a known
    node's description leaves out stays as it is.
  - A new node gets the next rank of its membership in its rack, the name C(<appliance>-<rack>-<rank>) (or what the
    attribute C(name_pattern) says), and the highest free address of its network.
  - Every fault of every node is told at once, and nothing is changed then.
  - It describes nodes. M(npaci.rocks.rocks_reinstall) is what changes them.
options:
  name:
    description: The node's name. A node that is known by it keeps it wherever it is moved.
    type: str
  new_name:
    description: The name that the node O(name) is to have.
    type: str
  mac:
    description: The MAC of the NIC that it is installed through. An empty text forgets it.
    type: str
  membership:
    description: What it is. A new node is V(Compute).
    type: str
  rack:
    description: Where it stands. A new node is in rack V(0).
    type: int
  rank:
    description: Its number in the rack, among the nodes of its membership.
    type: int
  ip:
    description: Its address. An empty text takes the next free one, V(none) leaves the node without.
    type: str
  network:
    description:
      - The network that a missing O(ip) is taken from. Without it, the attribute C(network) counts, then V(private).
    type: str
  arch:
    description: Its architecture. A new node is V(x86_64).
    type: str
  comment:
    description: One line for people.
    type: str
  nodes:
    description: Several nodes, each described by the options above.
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
      - A file of comma-separated values (RFC 4180) whose first line names the columns. They are the options above,
        without O(new_name). Empty values count as left out.
      - All its lines or none. A report names each line that is wrong.
    type: path
  replace:
    description:
      - The machine O(mac) takes the place of the node O(name). The old machine's further MACs, its hardware and the key
        on its disk are forgotten; the name's place, address, attributes and host keys stay.
    type: bool
    default: false
  fill_gaps:
    description: Whether a new node takes the lowest free rank instead of the one after the highest.
    type: bool
    default: false
  allow_frontend:
    description:
      - Whether this task may remove a frontend, make it a node of another kind, give it another name, MAC or address,
        or put another machine into its place. Without it, such a description is refused, since the machine that the
        cluster is run from would be reinstalled with the others.
      - The role P(npaci.rocks.frontend#role) and M(npaci.rocks.rocks_frontend) need no such permission for their own
        frontend.
      - An order to install a machine that has the frontend's address is refused all the same.
    type: bool
    default: false
  state:
    description: Whether the nodes are to be there. V(absent) forgets them with everything that belongs to them.
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
- name: The frontend's own row
  npaci.rocks.rocks_node:
    name: frontend-0
    membership: Frontend
    mac: 00:30:c1:d8:ac:80
    ip: 10.1.1.1
    arch: x86_64
    comment: Gateway machine

- name: A compute node whose name and address are found
  npaci.rocks.rocks_node:
    mac: 00:50:8b:e0:40:96
    rack: 1

- name: The same place for a switch that was numbered by hand
  npaci.rocks.rocks_node:
    name: network-1-0
    membership: Ethernet Switches
    rack: 1
    rank: 0
    ip: none
    network: management

- name: Two machines at once
  npaci.rocks.rocks_node:
    nodes:
      - {mac: 00:50:8b:e0:40:97, rack: 1}
      - {mac: 00:50:8b:e0:40:98, rack: 1}
    fill_gaps: true

- name: A spreadsheet of machines
  npaci.rocks.rocks_node:
    csv: /root/machines.csv

- name: A machine that died is replaced
  npaci.rocks.rocks_node:
    name: compute-0-3
    mac: 00:50:8b:e0:40:99
    replace: true

- name: Another name
  npaci.rocks.rocks_node:
    name: compute-0-3
    new_name: spare-0

- name: A second frontend stands by
  npaci.rocks.rocks_node:
    name: frontend-1
    membership: Frontend

- name: It becomes a web server
  npaci.rocks.rocks_node:
    name: frontend-1
    new_name: web-0-0
    membership: Web Server
    allow_frontend: true

- name: No more
  npaci.rocks.rocks_node:
    name: spare-0
    state: absent
"""

RETURN = r"""
nodes:
  description: The nodes as they are now, in the order in which they were described; empty when they are absent.
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
  description: The names of those that were added.
  returned: success
  type: list
  elements: str
  sample: [compute-0-4]
updated:
  description: The names of those that were changed, as they are now.
  returned: success
  type: list
  elements: str
  sample: []
removed:
  description: The names of those that were removed.
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
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.csv_import import (
    NodeTable,
    parse_table,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import RowChange, to_dict
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import (
    ensure_nodes,
    ensure_nodes_absent,
    find_node,
    replace_node,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.files import read_text

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


def wanted(params) -> NodeTable:
    """The nodes that are described, and what is wrong with the file that describes them."""
    if params["csv"]:
        return parse_table(read_text(params["csv"]), params["csv"])
    if params["nodes"] is not None:
        return NodeTable(
            [{**one, "where": f"nodes[{number}]"} for number, one in enumerate(params["nodes"])], []
        )
    return NodeTable([{field: params[field] for field in NODE}], [])


def run(database, params) -> list[RowChange]:
    """Do what the options say; each node as it was and as it is."""
    allowed = params["allow_frontend"]
    if params["replace"]:
        before = find_node(database, params["name"])
        return [
            RowChange(
                before,
                replace_node(database, params["name"], params["mac"], allow_frontend=allowed),
            )
        ]
    found = wanted(params)
    if params["state"] == "absent":
        return ensure_nodes_absent(
            database, found.wanted, faults=found.faults, allow_frontend=allowed
        )
    return ensure_nodes(
        database,
        found.wanted,
        fill_gaps=params["fill_gaps"],
        faults=found.faults,
        allow_frontend=allowed,
    )


def main() -> None:
    alone = [("nodes", "csv", field) for field in ("name", "mac")]
    module = AnsibleModule(
        argument_spec={**NODE, **SPEC, **database_spec()},
        mutually_exclusive=alone,
        required_one_of=[("name", "mac", "nodes", "csv")],
        required_by={"new_name": ("name",)},
        required_if=[("replace", True, ["name", "mac"])],
        supports_check_mode=True,
    )
    try:
        with (
            connect_as_admin(module.params["database"]) as database,
            database.transaction(dry_run=module.check_mode),
        ):
            done = run(database, module.params)
    except RocksError as error:
        module.fail_json(msg=str(error))
    changed = [one for one in done if one.changed]
    module.exit_json(
        changed=bool(changed),
        diff=[_shown(one) for one in changed] if module._diff else [],
        nodes=[to_dict(one.after) for one in done if one.after],
        added=[one.after.name for one in changed if not one.before],
        updated=[one.after.name for one in changed if one.before and one.after],
        removed=[one.before.name for one in changed if not one.after],
    )


def _shown(one: RowChange) -> dict:
    """A node's difference, under its names."""
    before, after = (node.name if node else "no node" for node in one)
    return {**one.difference(), "before_header": before, "after_header": after}


if __name__ == "__main__":
    main()
