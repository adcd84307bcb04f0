#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_roll_info
short_description: List rolls, and select those of a distribution
version_added: 0.2.0
description:
  - List the rolls in some folders, what each adds, which are on, and which have a newer version.
  - Return the sources, keys and folders that the rolls that are on add to a distribution. The role
    C(distribution) passes them to M(npaci.rocks.rocks_dist).
  - Rolls that contradict each other are refused.
options:
  path:
    description:
      - Folders that contain rolls. A roll of a later folder replaces one of the same name.
      - The default is C(rolls) in C(/etc/rocks/rocks.yml).
    type: list
    elements: path
  rolls:
    description:
      - The rolls that are on. Those that they need are turned on too.
      - V(default) stands for the roll of C(scheduler) in C(/etc/rocks/rocks.yml), and with
        O(online) for the rolls that it wants.
    type: list
    elements: str
    default: [default]
  release:
    description: The release of the distribution.
    type: str
    choices: [rhel7, rhel8, rhel9, rhel10, f44, f45, fedora]
  arch:
    description: Architecture of the distribution.
    type: str
    default: x86_64
  distribution:
    description: Name of the distribution whose published generation is examined for rolls.
    type: str
    default: rocks
  online:
    description: Whether V(default) in O(rolls) can include repositories on the Internet.
    type: bool
    default: true
  xml:
    description: Folders of graph and node files below the rolls, such as the collection's C(xml).
    type: list
    elements: path
    default: []
  lint:
    description: Check the XML of all rolls, and compile their profiles for each release. This
      requires O(xml).
    type: bool
    default: false
extends_documentation_fragment:
  - npaci.rocks.attributes.info
author: the npaci.rocks contributors (@npaci)
seealso:
  - module: npaci.rocks.rocks_dist
  - module: npaci.rocks.rocks_vendor_key
"""

EXAMPLES = r"""
- name: List the rolls
  npaci.rocks.rocks_roll_info:
    release: rhel9

- name: Check the rolls of a working copy
  npaci.rocks.rocks_roll_info:
    path: [rolls]
    rolls: []
    xml: [xml]
    lint: true
"""

RETURN = r"""
rolls:
  description: The rolls.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
    version:
      description: Its version.
      type: str
    description:
      description: What it adds.
      type: str
    homepage:
      description: The page of the software.
      type: str
    folder:
      description: Its folder.
      type: str
    releases:
      description: The releases that it supports.
      type: list
    arches:
      description: The architectures that it supports.
      type: list
    needs:
      description: The rolls that are turned on with it.
      type: list
    conflicts:
      description: The rolls that cannot be on with it.
      type: list
    sources:
      description: URLs of its repositories.
      type: list
    repositories:
      description: Repositories of the stock that it adds.
      type: list
    nodes:
      description: Its node files.
      type: list
    graphs:
      description: Its graph files.
      type: list
    "on":
      description: Whether it is on.
      type: bool
    reason:
      description: Why it is on.
      type: str
    built:
      description: The version in the published generation of O(distribution); empty if it is not
        in it.
      type: str
    newer:
      description: A newer version than the one in the published generation, or in use; empty if
        there is none.
      type: str
faulty:
  description: Folders whose C(roll.yml) has faults.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The folder.
      type: str
    fault:
      description: The faults, with file and line.
      type: str
"on":
  description: The names of the rolls that are on, each after those that it needs.
  returned: success
  type: list
  elements: str
sources:
  description: The sources that they add, in the form of the option C(sources) of
    M(npaci.rocks.rocks_dist). C(gpg_keys) contains names of RV(keys).
  returned: success
  type: list
  elements: dict
keys:
  description: The keys of these sources, in the form of the option C(keys) of
    M(npaci.rocks.rocks_vendor_key).
  returned: success
  type: list
  elements: dict
repositories:
  description: Repositories of the stock that they add, by their names on EL 9.
  returned: success
  type: list
  elements: str
xml:
  description: The folders of the rolls that are on, as layers of graph and node files.
  returned: success
  type: list
  elements: str
lint:
  description: Findings about the rolls, each with file and line.
  returned: when O(lint=true)
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.settings import load
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.roll_info import (
    RollRequest,
    describe_rolls,
)

RELEASES = ["rhel7", "rhel8", "rhel9", "rhel10", "f44", "f45", "fedora"]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "list", "elements": "path"},
            "rolls": {"type": "list", "elements": "str", "default": ["default"]},
            "release": {"type": "str", "choices": RELEASES},
            "arch": {"type": "str", "default": "x86_64"},
            "distribution": {"type": "str", "default": "rocks"},
            "online": {"type": "bool", "default": True},
            "xml": {"type": "list", "elements": "path", "default": []},
            "lint": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
        required_if=[("lint", True, ("xml",))],
    )
    with errors_as_failure(module):
        module.exit_json(changed=False, **describe_rolls(RollRequest(module.params, load())))


if __name__ == "__main__":
    main()
