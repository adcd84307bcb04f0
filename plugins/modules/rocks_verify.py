#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are live nodes still what was installed?"""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_verify
short_description: Asks live nodes whether they are still what was installed
version_added: 0.1.0
author: the npaci.rocks contributors (@npaci)
description:
  - Asks each node over ssh for its generation, its profile and its packages, compares them with the install order that it
    came up with, and names what differs.
  - As an action it runs once for all hosts of the pattern, on the frontend; C(ansible compute -m rocks_verify).
  - What was found is kept, and the inventory's C(rocks_drifted) tells it. Nothing is changed on a node; the remedy is a
    reinstallation.
  - Fails when a node has drifted or does not answer. A node whose last order did not end with it being up is V(unknown).
options:
  nodes:
    description: The nodes. As an action, the hosts of the pattern are meant when this is left out.
    type: list
    elements: str
  files:
    description:
      - Have each node also check the content, mode and owner of every packaged file (C(rpm --verify)), configuration files
        excepted. It reads the whole disk.
    type: bool
    default: false
seealso:
  - module: npaci.rocks.rocks_reinstall
extends_documentation_fragment:
  - npaci.rocks.database
  - npaci.rocks.attributes
"""

EXAMPLES = r"""
# ansible compute -m rocks_verify
# ansible rack_1 -m rocks_verify -a 'files=true'

- name: What has changed on the nodes since they were installed?
  npaci.rocks.rocks_verify:
    nodes: "{{ groups.compute }}"
    files: true
"""

RETURN = r"""
nodes:
  description: Node to what was found.
  returned: always
  type: dict
  sample:
    compute-0-0:
      state: drifted
      message: 1 added, 1 changed
      added: ["nmap-3:7.92-1.el9.x86_64"]
      removed: []
      changed: ["bash: 5.1.8-6.el9.x86_64 -> 5.1.8-9.el9.x86_64"]
      files: []
      found: 7d793037a0760186574b0282f2f435e7
      node: compute-0-0
changed:
  description: Always false; no node is changed.
  returned: always
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.event_collector import collect
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.verify import (
    argument_spec,
    result_of,
    verify,
)


def main() -> None:
    """Ask them all, then tell."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    if not module.params["nodes"]:
        module.fail_json(
            msg="nodes is needed: name the nodes, or run the action with a pattern of hosts"
        )
    params = module.params
    result = collect(verify, result_of, params, params["nodes"], check_mode=module.check_mode)
    module.exit_json(**result) if not result["failed"] else module.fail_json(**result)


if __name__ == "__main__":
    main()
