#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Add, change or remove an appliance."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_appliance
short_description: Add, change or remove an appliance (a kind of node)
version_added: 0.1.0
description:
  - Adds or changes an appliance in the cluster database, or removes it with its attributes.
  - An appliance selects the root in the graph that the profile of its nodes is compiled from. Its
    name is part of the names of its nodes, such as C(compute-0-3).
options:
  name:
    description: The name of the appliance. You can use a-z, digits and hyphens.
    type: str
    required: true
  root:
    description: The root in the graph. Empty for devices without a profile, such as switches.
    type: str
  state:
    description: V(absent) removes the appliance, unless it has memberships.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: npaci.rocks.rocks_membership
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Add an appliance with a root of its own
  npaci.rocks.rocks_appliance:
    name: gpu
    root: gpu-compute

- name: Add an appliance without a profile
  npaci.rocks.rocks_appliance:
    name: tape
    root: ""

- name: Remove an appliance
  npaci.rocks.rocks_appliance:
    name: tape
    state: absent
"""

RETURN = r"""
appliance:
  description: The appliance after the change; empty if it is absent.
  returned: success
  type: dict
  sample:
    name: compute
    root: compute
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.memberships import (
    put_appliance,
    remove_appliance,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import to_dict
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

SPEC = {
    "name": {"type": "str", "required": True},
    "root": {"type": "str"},
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
            change = put_appliance(database, params["name"], root=params["root"])
        else:
            change = remove_appliance(database, params["name"])
    module.exit_json(
        changed=change.changed, diff=change.difference(), appliance=to_dict(change.after)
    )


if __name__ == "__main__":
    main()
