#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A named value, global, of an appliance, or of a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_attribute
short_description: Sets an attribute globally, for an appliance or for a node
version_added: 0.1.0
description:
  - Sets or forgets a named value in the cluster database.
  - The narrower one wins. A node's value hides its appliance's, which hides the global one.
  - Node files, reports and the inventory read attributes. What must stay secret belongs into a secret instead.
  - The room itself reads two. C(name_pattern) (global or of an appliance) names new nodes, such as V(c{rank:04});
    C(network) (global or of an appliance) is the network that new nodes get their addresses from.
options:
  name:
    description: The attribute's name. Letters, digits and C(_ . -).
    type: str
    required: true
  value:
    description: Its value, a text.
    type: str
  appliance:
    description: Set it for the nodes of this appliance.
    type: str
  node:
    description: Set it for this node.
    type: str
  state:
    description: Whether it is to be set in this scope. When it is not, a wider value shows again.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: npaci.rocks.rocks_secret
  - module: npaci.rocks.rocks_node_info
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: All nodes
  npaci.rocks.rocks_attribute:
    name: timezone
    value: America/Los_Angeles

- name: All compute nodes
  npaci.rocks.rocks_attribute:
    name: swap_mib
    value: "4096"
    appliance: compute

- name: One node
  npaci.rocks.rocks_attribute:
    name: gpu
    value: "yes"
    node: compute-0-3

- name: Back to what its appliance says
  npaci.rocks.rocks_attribute:
    name: gpu
    node: compute-0-3
    state: absent
"""

RETURN = r"""
name:
  description: The attribute's name.
  returned: success
  type: str
  sample: timezone
scope:
  description: For whom it is set, in words.
  returned: success
  type: str
  sample: node 'compute-0-3'
value:
  description: The value in this scope now; null when it is not set.
  returned: success
  type: str
  sample: "yes"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.attributes import (
    remove_attribute,
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError

SPEC = {
    "name": {"type": "str", "required": True},
    "value": {"type": "str"},
    "appliance": {"type": "str"},
    "node": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={**SPEC, **database_spec()},
        mutually_exclusive=[("appliance", "node")],
        required_if=[("state", "present", ["value"])],
        supports_check_mode=True,
    )
    params = module.params
    name, scope = params["name"], Scope(params["appliance"] or "", params["node"] or "")
    try:
        with (
            connect_as_admin(params["database"]) as database,
            database.transaction(dry_run=module.check_mode),
        ):
            if params["state"] == "present":
                done = set_attribute(database, name, params["value"], scope)
            else:
                done = remove_attribute(database, name, scope)
    except RocksError as error:
        module.fail_json(msg=str(error))
    before, after = ({name: value} if value is not None else {} for value in done)
    difference = {"before": before, "after": after}
    module.exit_json(
        changed=done.changed, diff=difference, name=name, scope=str(scope), value=done.after
    )


if __name__ == "__main__":
    main()
