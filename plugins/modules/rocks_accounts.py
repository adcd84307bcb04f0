#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Publish the frontend's users and groups to its nodes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_accounts
short_description: Publishes the frontend's users and groups to its nodes
version_added: 0.1.0
description:
  - Writes the users and groups whose numbers are 1000 or more into one signed bundle, which nodes take over HTTP once a
    minute, or at once when they hear a hint.
  - Users and groups of the operating system are never published; what they mean differs from machine to machine.
  - A bundle has a version that only goes forward; nodes refuse an older one and one that is not signed with this key.
  - When all of several users are gone at once, nothing is published; a machine that was made anew would lose them for all nodes.
  - A row that cannot be published is told with file and line. Nodes then keep the accounts that they have.
options:
  etc:
    description: The folder of C(passwd), C(group) and C(shadow).
    type: path
    default: /etc
  bundle:
    description:
      - The bundle's file. Its folder exists, and only root and the web server may look into it, since the bundle holds
        what C(/etc/shadow) holds.
    type: path
    default: /var/lib/rocks/accounts/bundle
  key:
    description: The private key that signs bundles; it is made when it does not exist, and its public half beside it as C(.pub).
    type: path
    default: /etc/rocks/accounts.key
  passwords:
    description: Whether passwords are published. Without them every password is locked on the nodes, and people come in by key.
    type: bool
    default: true
  hint:
    description: Networks such as V(10.0.0.0/8), or addresses, whose nodes are told that there is a new bundle.
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
- name: Publish now, and tell the nodes
  npaci.rocks.rocks_accounts:
    hint: [10.0.0.0/8]
  register: published

- name: Nodes that are installed from now on know the key
  npaci.rocks.rocks_attribute:
    name: accounts_key
    value: "{{ published.public_key }}"

- name: People come to the nodes by key only
  npaci.rocks.rocks_accounts:
    passwords: false

- name: Another list of people than the frontend's own
  npaci.rocks.rocks_accounts:
    etc: /srv/people
    bundle: /srv/people/bundle
    key: /srv/people/key
"""

RETURN = r"""
version:
  description: The version that nodes can take now.
  returned: success
  type: int
  sample: 1795372071
public_key:
  description: What nodes verify bundles with; empty in check mode when there is no key yet.
  returned: success
  type: str
users:
  description: How many users the bundle holds.
  returned: success
  type: int
groups:
  description: How many groups the bundle holds.
  returned: success
  type: int
added:
  description: Names of users and groups that the bundle before did not have.
  returned: success
  type: list
  elements: str
  sample: [alice]
removed:
  description: Names of users and groups that it has no more.
  returned: success
  type: list
  elements: str
modified:
  description: Names of users and groups that are not what they were.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.accounts.model import Place
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.notify import hint, targets
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.publish import publish
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError, Unavailable

SPEC = {
    "etc": {"type": "path", "default": "/etc"},
    "bundle": {"type": "path", "default": "/var/lib/rocks/accounts/bundle"},
    "key": {"type": "path", "default": "/etc/rocks/accounts.key", "no_log": False},
    "passwords": {"type": "bool", "default": True, "no_log": False},
    "hint": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    options = module.params
    place = Place(options["etc"], options["bundle"], options["key"])
    try:
        addresses = targets(options["hint"])
        outcome = publish(place, passwords=options["passwords"], rehearse=module.check_mode)
        if outcome.changed and not module.check_mode:
            hint(addresses, outcome.version)
    except Unavailable as error:
        module.warn(str(error))
    except RocksError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=outcome.changed, diff=outcome.names(), **outcome.to_data())


if __name__ == "__main__":
    main()
