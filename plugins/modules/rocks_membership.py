#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an administrator says a node is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_membership
short_description: Describes what a node can be
version_added: 0.1.0
description:
  - Makes a membership in the cluster database, changes it, or forgets it.
  - A membership belongs to an appliance, says which distribution its nodes are installed from, and is a group of the
    inventory. V(NFS Server) is the group C(nfs_server).
options:
  name:
    description: The membership's name, such as V(Compute).
    type: str
    required: true
  appliance:
    description: The appliance it belongs to. A new membership needs one.
    type: str
  distribution:
    description: The distribution that its nodes are installed from. Empty for what is not installed.
    type: str
  compute:
    description: Whether its nodes run jobs.
    type: bool
  allow_frontend:
    description:
      - Whether a membership of frontends may be removed, or be given another appliance than C(frontend). Without it
        that is refused, since the machine that the cluster is run from would be reinstalled with the others.
    type: bool
    default: false
  state:
    description: Whether the membership is to be there. One that a node has cannot go.
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
- name: Compute nodes are installed from another distribution from now on
  npaci.rocks.rocks_membership:
    name: Compute
    distribution: rocks-next

- name: Nodes with much memory run jobs too
  npaci.rocks.rocks_membership:
    name: Big Memory
    appliance: compute
    distribution: rocks
    compute: true

- name: No frontend stands by any more
  npaci.rocks.rocks_membership:
    name: Standby Frontend
    state: absent
    allow_frontend: true

- name: No more
  npaci.rocks.rocks_membership:
    name: Myrinet Switches
    state: absent
"""

RETURN = r"""
membership:
  description: The membership as it is now; empty when it is absent.
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
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError

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
    try:
        with (
            connect_as_admin(params["database"]) as database,
            database.transaction(dry_run=module.check_mode),
        ):
            if params["state"] == "present":
                values = {
                    name: params[name]
                    for name in ("appliance", "distribution", "compute", "allow_frontend")
                }
                done = put_membership(database, params["name"], **values)
            else:
                done = remove_membership(
                    database, params["name"], allow_frontend=params["allow_frontend"]
                )
    except RocksError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=done.changed, diff=done.difference(), membership=to_dict(done.after))


if __name__ == "__main__":
    main()
