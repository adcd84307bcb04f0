#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Set or remove a secret."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_secret
short_description: Set a secret globally, for an appliance or for a node
version_added: 0.1.0
description:
  - Sets or removes a secret in the cluster database. The narrower scope wins, as with attributes.
  - No query, inventory, report, log or kickstart contains a secret. An installing node fetches its
    secrets once, over HTTP.
  - On MariaDB, only the accounts of the administrator and of the service can read secrets. On
    SQLite, everyone who can read the database file can.
options:
  name:
    description: The name of the secret, such as V(root_password_hash). No attribute can have it.
    type: str
    required: true
  value:
    description: The value, one text. It is never shown. On a command line, use O(value_file)
      instead, because other users and the shell's history can see the arguments of a command.
    type: raw
  value_file:
    description: A file that contains the value. If it has only one line, the end of the line is not
      part of the value.
    type: path
  appliance:
    description: Set it for the nodes of this appliance.
    type: str
  node:
    description: Set it for this node.
    type: str
  state:
    description: V(absent) removes the secret of this scope.
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
- name: Set the root password of all nodes, in the form of crypt(3)
  npaci.rocks.rocks_secret:
    name: root_password_hash
    value: "{{ vaulted_root_password | password_hash('sha512', salt) }}"

- name: Set the password of a BMC
  npaci.rocks.rocks_secret:
    name: bmc_password
    value: "{{ vaulted_bmc_password }}"
    node: compute-0-3

- name: Set a password from a file that only root can read
  npaci.rocks.rocks_secret:
    name: bmc_password
    value_file: /root/bmc-password
    appliance: compute

- name: Remove the secret of an appliance
  npaci.rocks.rocks_secret:
    name: bmc_password
    appliance: compute
    state: absent
"""

RETURN = r"""
name:
  description: The name of the secret.
  returned: success
  type: str
  sample: root_password_hash
scope:
  description: The scope of the secret.
  returned: success
  type: str
  sample: appliance 'compute'
"""

from typing import Any, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.attribute_values import to_text
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.secret_values import (
    KNOWN_SECRETS,
    has_secret,
    remove_secret,
    set_secret,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.files import read_text
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.suggestions import misspelled_name

SPEC = {
    "name": {"type": "str", "required": True},
    "value": {"type": "raw", "no_log": True},
    "value_file": {"type": "path"},
    "appliance": {"type": "str"},
    "node": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def read_value(params: Mapping[str, Any]) -> str:
    """Return the value that the options contain or refer to."""
    if params["value_file"] is None:
        return to_text(params["value"], params["name"])
    value = read_text(params["value_file"])
    lines = value.splitlines()
    if not any(lines):
        raise DescriptionError("the file is empty", params["value_file"])
    return lines[0] if len(lines) == 1 else value


def main() -> None:
    module = AnsibleModule(
        argument_spec={**SPEC, **database_spec()},
        mutually_exclusive=[("appliance", "node"), ("value", "value_file")],
        required_if=[("state", "present", ["value", "value_file"], True)],
        supports_check_mode=True,
    )
    params = module.params
    name = params["name"]
    scope = Scope(params["appliance"] or "", params["node"] or "")
    present = params["state"] == "present"
    with (
        errors_as_failure(module),
        connect_as_admin(params["database"]) as database,
        database.transaction(dry_run=module.check_mode),
    ):
        before = has_secret(database, name, scope)
        if present:
            changed = set_secret(database, name, read_value(params), scope)
            meant = misspelled_name(name, KNOWN_SECRETS)
            if meant:
                module.warn(f"nothing reads the secret {name!r} yet; did you mean {meant}?")
        else:
            changed = remove_secret(database, name, scope)
    texts = {False: "not set\n", True: "set\n"}
    replaced = changed and before and present
    difference = {
        "before": texts[before],
        "after": "set to another value\n" if replaced else texts[present],
    }
    module.exit_json(changed=changed, diff=difference, name=name, scope=str(scope))


if __name__ == "__main__":
    main()
