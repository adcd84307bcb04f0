#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Add, change or remove a membership."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_membership
short_description: Add, change or remove a membership
version_added: 0.1.0
description:
  - Adds, changes or removes a membership in the cluster database.
  - A membership belongs to an appliance, selects the distribution that its nodes are installed
    from, and is a group of the inventory. V(NFS Server) is the group C(nfs_server).
options:
  name:
    description: The name of the membership, such as V(Compute).
    type: str
    required: true
  appliance:
    description: Its appliance. Required for a new membership.
    type: str
  distribution:
    description: The distribution of its nodes. Empty for devices that are not installed.
    type: str
  compute:
    description: Whether its nodes run jobs.
    type: bool
  allow_frontend:
    description:
      - Permit this task to remove the frontends' membership, and to change its appliance. By
        default this is an error, because the frontend could then be reinstalled together with other
        nodes.
    type: bool
    default: false
  state:
    description: V(absent) removes the membership, unless it has nodes.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: npaci.rocks.rocks_appliance
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Install compute nodes from another distribution
  npaci.rocks.rocks_membership:
    name: Compute
    distribution: rocks-next

- name: Add a membership for compute nodes with more memory
  npaci.rocks.rocks_membership:
    name: Big Memory
    appliance: compute
    distribution: rocks
    compute: true

- name: Remove a membership of frontends
  npaci.rocks.rocks_membership:
    name: Standby Frontend
    state: absent
    allow_frontend: true

- name: Remove a membership
  npaci.rocks.rocks_membership:
    name: Myrinet Switches
    state: absent
"""

RETURN = r"""
membership:
  description: The membership after the change; empty if it is absent.
  returned: success
  type: dict
  sample:
    name: Compute
    appliance: compute
    root: compute
    distribution: rocks
    compute: true
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.memberships import (
    put_membership,
    remove_membership,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import to_dict
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

SPEC = {
    "name": {"type": "str", "required": True},
    "appliance": {"type": "str"},
    "distribution": {"type": "str"},
    "compute": {"type": "bool"},
    "allow_frontend": {"type": "bool", "default": False},
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
            values = {
                name: params[name]
                for name in ("appliance", "distribution", "compute", "allow_frontend")
            }
            change = put_membership(database, params["name"], **values)
        else:
            change = remove_membership(
                database, params["name"], allow_frontend=params["allow_frontend"]
            )
    module.exit_json(
        changed=change.changed, diff=change.difference(), membership=to_dict(change.after)
    )


if __name__ == "__main__":
    main()
