#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Publish the frontend's users and groups to its nodes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_accounts
short_description: Publish the frontend's users and groups to its nodes
version_added: 0.1.0
description:
  - Writes the users and groups with numbers from 1000 into one signed bundle. Nodes fetch it over
    HTTP once a minute, or at once when they receive a notification.
  - Users and groups of the operating system are never published, because their meaning differs from
    machine to machine.
  - The version of the bundle only increases. Nodes refuse an older version, and a bundle that is
    not signed with this key.
  - If several users were published and all of them are gone, nothing is published. Otherwise a
    reinstalled frontend would remove all users from its nodes.
  - A user or group whose row has a fault is left out, and a user whose row in C(shadow) has a fault
    is locked, each with a warning that names file and line. The others are published.
options:
  etc:
    description: The folder of C(passwd), C(group) and C(shadow).
    type: path
    default: /etc
  bundle:
    description:
      - The bundle file. Its folder must exist. Only root and the web server should have access to
        that folder, because the bundle contains the passwords of C(/etc/shadow).
    type: path
    default: /var/lib/rocks/accounts/bundle
  key:
    description:
      - The private key that signs bundles. It is created if it does not exist, with its public key
        next to it as C(.pub).
    type: path
    default: /etc/rocks/accounts.key
  passwords:
    description: Whether to publish passwords. Without them, all passwords are locked on the nodes,
      and users log in with a key.
    type: bool
    default: true
  hint:
    description: Networks such as V(10.0.0.0/8), or addresses, whose nodes are notified of a new
      bundle.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - npaci.rocks.attributes
seealso:
  - module: npaci.rocks.rocks_attribute
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Publish now, and notify the nodes
  npaci.rocks.rocks_accounts:
    hint: [10.0.0.0/8]
  register: published

- name: Give the public key to nodes that will be installed
  npaci.rocks.rocks_attribute:
    name: accounts_key
    value: "{{ published.public_key }}"

- name: Allow logins to the nodes with a key only
  npaci.rocks.rocks_accounts:
    passwords: false

- name: Publish users other than the frontend's own
  npaci.rocks.rocks_accounts:
    etc: /srv/people
    bundle: /srv/people/bundle
    key: /srv/people/key
"""

RETURN = r"""
version:
  description: The version that nodes can fetch now.
  returned: success
  type: int
  sample: 1795372071
public_key:
  description: The key that nodes verify bundles with; empty in check mode if there is no key yet.
  returned: success
  type: str
users:
  description: The number of users in the bundle.
  returned: success
  type: int
groups:
  description: The number of groups in the bundle.
  returned: success
  type: int
faults:
  description: The faults of rows that were left out, or whose user was locked, with file and line.
  returned: success
  type: list
  elements: str
  sample: ['/etc/passwd:42: the shell of "eve" is "sh"; use an absolute path']
added:
  description: Names of users and groups that were added to the bundle.
  returned: success
  type: list
  elements: str
  sample: [alice]
removed:
  description: Names of users and groups that were removed from the bundle.
  returned: success
  type: list
  elements: str
modified:
  description: Names of users and groups that have changed in the bundle.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.accounts.model import AccountPaths
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.notify import (
    broadcast_addresses,
    notify_nodes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.publish import publish
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Unavailable
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

SPEC = {
    "etc": {"type": "path", "default": "/etc"},
    "bundle": {"type": "path", "default": "/var/lib/rocks/accounts/bundle"},
    "key": {"type": "path", "default": "/etc/rocks/accounts.key", "no_log": False},
    "passwords": {"type": "bool", "default": True, "no_log": False},
    "hint": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    paths = AccountPaths(etc=params["etc"], bundle=params["bundle"], key=params["key"])
    with errors_as_failure(module):
        addresses = broadcast_addresses(params["hint"])
        result = publish(paths, passwords=params["passwords"], dry_run=module.check_mode)
        for fault in result.faults:
            module.warn(str(fault))
        if result.changed and not module.check_mode:
            try:
                notify_nodes(addresses, result.version)
            except Unavailable as error:
                module.warn(str(error))
        module.exit_json(changed=result.changed, diff=result.diff(), **result.to_data())


if __name__ == "__main__":
    main()
