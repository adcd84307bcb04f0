#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_roll
short_description: Install or remove a roll of another site
version_added: 0.2.0
description:
  - Install a roll from a tar archive or a folder into C(/etc/rocks/rolls), or remove it from there.
  - An archive from a URL is compared with a checksum or a signature. A faulty roll changes nothing.
  - The roll is not turned on; C(distribution_rolls) of the role C(distribution) does that.
options:
  name:
    description: Name of the roll.
    type: str
    required: true
  state:
    description: Whether the roll exists.
    type: str
    choices: [present, absent]
    default: present
  src:
    description: URL or path of a tar archive that contains one roll, or path of its folder.
    type: str
  checksum:
    description: The checksum of the archive, as C(sha256:DIGITS).
    type: str
    default: ''
  gpg_key:
    description: File with the public key of the archive's detached signature, which is next to it
      and ends in C(.asc).
    type: path
    default: ''
  folder:
    description: The folder of the site's rolls.
    type: path
    default: /etc/rocks/rolls
  proxy:
    description: URL of an HTTP proxy.
    type: str
    default: ''
  ca:
    description: PEM file of the certificate authorities to trust.
    type: path
    default: ''
extends_documentation_fragment:
  - npaci.rocks.attributes
attributes:
  diff_mode:
    support: none
    description: Files of rolls are not shown.
author: the npaci.rocks contributors (@npaci)
seealso:
  - module: npaci.rocks.rocks_roll_info
"""

EXAMPLES = r"""
- name: Install a roll from a release of its authors
  npaci.rocks.rocks_roll:
    name: tools
    src: https://tools.example.org/tools-roll-1.0.tar.gz
    checksum: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

- name: Remove it
  npaci.rocks.rocks_roll:
    name: tools
    state: absent
"""

RETURN = r"""
version:
  description: The version of the roll.
  returned: when O(state=present)
  type: str
folder:
  description: The folder of the roll.
  returned: when O(state=present)
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.install_roll import install_roll


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "src": {"type": "str"},
            "checksum": {"type": "str", "default": ""},
            "gpg_key": {"type": "path", "default": "", "no_log": False},
            "folder": {"type": "path", "default": "/etc/rocks/rolls"},
            "proxy": {"type": "str", "default": ""},
            "ca": {"type": "path", "default": ""},
        },
        supports_check_mode=True,
        required_if=[("state", "present", ("src",))],
    )
    with errors_as_failure(module):
        module.exit_json(**install_roll(module.params, dry_run=module.check_mode))


if __name__ == "__main__":
    main()
