#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A secret, global, of an appliance, or of a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_secret
short_description: Sets a secret globally, for an appliance or for a node
version_added: 0.1.0
description:
  - Sets or forgets a secret in the cluster database. The narrower one wins, as with attributes.
  - A secret is in no query, inventory, report, log and kickstart. An installing node gets its secrets once, over HTTP.
  - On MariaDB only the administrator's and the service's account can read secrets. On SQLite whoever can read the
    database's file can.
options:
  name:
    description: The secret's name, such as V(root_password_hash). It must not be an attribute's.
    type: str
    required: true
  value:
    description: Its value, a text. Never shown.
    type: str
  appliance:
    description: Set it for the nodes of this appliance.
    type: str
  node:
    description: Set it for this node.
    type: str
  state:
    description: Whether it is to be set in this scope.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: npaci.rocks.rocks_attribute
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: The password of root on all nodes, as crypt(3) has it
  npaci.rocks.rocks_secret:
    name: root_password_hash
    value: "{{ vaulted_root_password | password_hash('sha512', salt) }}"

- name: The password of a BMC
  npaci.rocks.rocks_secret:
    name: bmc_password
    value: "{{ vaulted_bmc_password }}"
    node: compute-0-3

- name: The same for all of an appliance
  npaci.rocks.rocks_secret:
    name: bmc_password
    appliance: compute
    state: absent
"""

RETURN = r"""
name:
  description: The secret's name.
  returned: success
  type: str
  sample: root_password_hash
scope:
  description: For whom it is set, in words.
  returned: success
  type: str
  sample: appliance 'compute'
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.secret_values import (
    has_secret,
    remove_secret,
    set_secret,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError

SPEC = {
    "name": {"type": "str", "required": True},
    "value": {"type": "str", "no_log": True},
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
            before = has_secret(database, name, scope)
            if params["state"] == "present":
                changed = set_secret(database, name, params["value"], scope)
            else:
                changed = remove_secret(database, name, scope)
    except RocksError as error:
        module.fail_json(msg=str(error))
    words = {False: "not set\n", True: "set\n"}
    after = (
        "set anew\n"
        if changed and before and params["state"] == "present"
        else words[params["state"] == "present"]
    )
    module.exit_json(
        changed=changed, diff={"before": words[before], "after": after}, name=name, scope=str(scope)
    )


if __name__ == "__main__":
    main()
