#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check running nodes for configuration drift."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_verify
short_description: Check running nodes for configuration drift
version_added: 0.1.0
author: the npaci.rocks contributors (@npaci)
description:
  - Reads the generation, the profile and the packages of each node over ssh, compares them with the
    node's last install order, and lists the differences.
  - As an action it runs once for all hosts of the pattern, on the frontend; C(ansible compute -m
    rocks_verify).
  - The result is stored in the database, and C(rocks_drifted) of the inventory shows it. The module
    does not change a node; to remove drift, reinstall the node.
  - Also lists what a reinstallation would change in each node, see M(npaci.rocks.rocks_reinstall).
  - Fails if a node has drifted or does not answer. A node whose last order did not end in the state
    V(up) is V(unknown).
options:
  nodes:
    description:
      - The nodes. An unknown name is an error.
      - The default of the action is the hosts of the pattern; hosts from other inventories are
        skipped with a warning.
    type: list
    elements: str
  files:
    description:
      - Also check the content, mode and owner of every packaged file (C(rpm --verify)) except
        configuration files. This reads all of these files.
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

- name: Check the packages and files of the compute nodes
  npaci.rocks.rocks_verify:
    nodes: "{{ groups.compute }}"
    files: true
"""

RETURN = r"""
nodes:
  description:
    - By node, its state and the differences.
    - C(behind) lists what a reinstallation would change.
    - C(manifest) is the SHA-256 of its list of packages; C(found) is an alias of it.
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
      behind: ["timezone: Etc/UTC -> Europe/Zurich"]
      manifest: 7d793037a0760186574b0282f2f435e7
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
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    if not module.params["nodes"]:
        module.fail_json(
            msg="nodes is missing: list the nodes, or run the action with a host pattern"
        )
    params = module.params
    result = collect(verify, result_of, params, params["nodes"], check_mode=module.check_mode)
    module.exit_json(**result) if not result["failed"] else module.fail_json(**result)


if __name__ == "__main__":
    main()
