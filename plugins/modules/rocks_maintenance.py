#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take nodes out of service for a repair, and return them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_maintenance
short_description: Take nodes out of service for a repair, and return them
version_added: 0.2.0
author: the npaci.rocks contributors (@npaci)
description:
  - A node in maintenance gets no install order, neither as a canary nor in a wave, and the
    scheduler starts no job on it. Running jobs continue.
  - Its name, address, DHCP reservation and attributes stay.
  - The reason is the attribute C(maintenance) of the node, which inventories and queries show, and
    the audit records who began and ended it.
  - As an action it runs once for all hosts of the pattern, on the frontend.
options:
  nodes:
    description:
      - The nodes. An unknown name is an error.
      - The default of the action is the hosts of the pattern; hosts from other inventories are
        skipped with a warning.
    type: list
    elements: str
  state:
    description:
      - V(present) begins the maintenance, or changes its reason. A frontend and a node with a live
        install order are refused.
      - V(absent) ends it, and returns the node to the scheduler. A node that somebody else has
        drained stays drained.
    type: str
    choices: [present, absent]
    default: present
  reason:
    description: Why the node is out of service. It is required for O(state=present).
    type: str
    default: ""
  scheduler:
    description: The scheduler. The default is C(scheduler) in C(/etc/rocks/rocks.yml).
    type: str
    choices: [slurm, pbs, none]
seealso:
  - module: npaci.rocks.rocks_power
extends_documentation_fragment:
  - npaci.rocks.database
  - npaci.rocks.attributes
"""

EXAMPLES = r"""
# ansible compute-0-3 -m rocks_maintenance -a 'reason="fan 3 is broken"'
# ansible compute-0-3 -m rocks_maintenance -a state=absent

- name: Take a rack out of service
  npaci.rocks.rocks_maintenance:
    nodes: "{{ groups.rack_1 }}"
    reason: the cooling of rack 1 is being repaired
"""

RETURN = r"""
nodes:
  description: By node, its state, since when and why, and whether this task changed it.
  returned: always
  type: dict
  sample:
    compute-0-3:
      changed: true
      state: maintenance
      message: "in maintenance since 2026-12-01 by alice: fan 3 is broken"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.event_collector import collect
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.node_maintenance import (
    argument_spec,
    maintain,
    result_of,
)


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    if not module.params["nodes"]:
        module.fail_json(
            msg="nodes is missing: list the nodes, or run the action with a host pattern"
        )
    params = module.params
    result = collect(maintain, result_of, params, params["nodes"], check_mode=module.check_mode)
    module.exit_json(**result) if not result["failed"] else module.fail_json(**result)


if __name__ == "__main__":
    main()
