#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A kind of node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_appliance
short_description: Describes a kind of node
version_added: 0.1.0
description:
  - Makes an appliance in the cluster database, changes it, or forgets it with its attributes.
  - An appliance names the root in the graph that its nodes' profile is compiled from, and gives its nodes their names,
    C(compute-0-3).
options:
  name:
    description: The appliance's name. Small letters, digits and hyphens.
    type: str
    required: true
  root:
    description: The root in the graph. An empty text means that its nodes have no profile, such as a switch.
    type: str
  state:
    description: Whether the appliance is to be there.
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
- name: Nodes with graphics cards have a root of their own
  npaci.rocks.rocks_appliance:
    name: gpu
    root: gpu-compute

- name: Tape libraries have no profile
  npaci.rocks.rocks_appliance:
    name: tape
    root: ""

- name: No more
  npaci.rocks.rocks_appliance:
    name: tape
    state: absent
"""

RETURN = r"""
appliance:
  description: The appliance as it is now; empty when it is absent.
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
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError

SPEC = {
    "name": {"type": "str", "required": True},
    "root": {"type": "str"},
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
                done = put_appliance(database, params["name"], root=params["root"])
            else:
                done = remove_appliance(database, params["name"])
    except RocksError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=done.changed, diff=done.difference(), appliance=to_dict(done.after))


if __name__ == "__main__":
    main()
