#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Set or remove an attribute."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_attribute
short_description: Set an attribute globally, for an appliance or for a node
version_added: 0.1.0
description:
  - Sets or removes a named value in the cluster database.
  - The value for a node overrides the value for its appliance, which overrides the global value.
  - Node files, reports and the inventory read attributes. Use M(npaci.rocks.rocks_secret) for
    values that must stay secret.
  - Two attributes control new nodes, both global or for an appliance. C(name_pattern) is the
    pattern of their names, such as V(c{rank:04}); C(network) is the network that they get their
    addresses from.
  - The values of attributes that the frontend itself uses (those two, C(frontend_address),
    C(power_unit), C(power_outlet), C(power_device) and the public keys C(ssh_host_*_key)) are
    checked.
options:
  name:
    description: The name of the attribute. You can use letters, digits and C(_ . -).
    type: str
    required: true
  value:
    description:
      - The value, one text. YAML's C(yes) and C(true) become V(true); lists and mappings are
        rejected.
      - If the published distributions declare the attribute, the value must be one that they
        permit. A name that is not declared but similar to one that is causes a warning.
    type: raw
  appliance:
    description: Set it for the nodes of this appliance.
    type: str
  node:
    description: Set it for this node.
    type: str
  state:
    description: V(absent) removes the value of this scope; a value of a wider scope then applies.
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
- name: Set an attribute for all nodes
  npaci.rocks.rocks_attribute:
    name: timezone
    value: America/Los_Angeles

- name: Set an attribute for all compute nodes
  npaci.rocks.rocks_attribute:
    name: swap_mib
    value: "4096"
    appliance: compute

- name: Set an attribute for one node
  npaci.rocks.rocks_attribute:
    name: gpu
    value: "yes"
    node: compute-0-3

- name: Return to the value of its appliance
  npaci.rocks.rocks_attribute:
    name: gpu
    node: compute-0-3
    state: absent
"""

RETURN = r"""
name:
  description: The name of the attribute.
  returned: success
  type: str
  sample: timezone
scope:
  description: The scope of the value.
  returned: success
  type: str
  sample: node 'compute-0-3'
value:
  description: The value in this scope after the change; null if it is not set.
  returned: success
  type: str
  sample: "yes"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils import settings
from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.attribute_values import to_text
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    remove_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.declared_attributes import (
    set_declared_attribute,
)

SPEC = {
    "name": {"type": "str", "required": True},
    "value": {"type": "raw"},
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
    name = params["name"]
    scope = Scope(params["appliance"] or "", params["node"] or "")
    with (
        errors_as_failure(module),
        connect_as_admin(params["database"]) as database,
        database.transaction(dry_run=module.check_mode),
    ):
        if params["state"] == "present":
            change, warnings = set_declared_attribute(
                database,
                name,
                to_text(params["value"], name),
                scope,
                distributions=settings.load().distributions,
            )
            for warning in warnings:
                module.warn(warning)
        else:
            change = remove_attribute(database, name, scope)
    before, after = ({name: value} if value is not None else {} for value in change)
    module.exit_json(
        changed=change.changed,
        diff={"before": before, "after": after},
        name=name,
        scope=str(scope),
        value=change.after,
    )


if __name__ == "__main__":
    main()
