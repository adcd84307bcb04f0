#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Switch nodes on or off, restart them, or light their LEDs, without reinstalling them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_power
short_description: Switch nodes on or off, restart them, or light their LEDs
version_added: 0.2.0
author: the npaci.rocks contributors (@npaci)
description:
  - Uses the methods that M(npaci.rocks.rocks_reinstall) uses, but installs nothing; a node boots
    from its disk, unless it has an install order.
  - As an action it runs once for all hosts of the pattern, on the frontend; C(ansible rack_1 -m
    rocks_power -a state=on).
  - Each action is recorded in the audit with the name of the user.
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
      - V(status) asks the BMC. Without a BMC, a node that answers to ssh is V(on), and any other
        node is C(unknown).
      - V(on) uses the BMC or the outlet. A node that is on is left alone.
      - V(off) and V(cycle) shut down or restart the system over ssh. If that fails, the BMC or the
        outlet does it. A node that is off is not switched off again.
      - V(identify) lights the identification LED until V(identify_off); both require a BMC.
    type: str
    choices: [status, 'on', 'off', cycle, identify, identify_off]
    default: status
  power:
    description: Use only the BMC and the outlet, for a node that hangs.
    type: bool
    default: false
  force:
    description:
      - Also switch nodes with a live install order, which start or interrupt their installation.
    type: bool
    default: false
  force_jobs:
    description: Also switch off or restart nodes that run jobs of the site's scheduler.
    type: bool
    default: false
notes:
  - An outlet can be switched on and off if the attribute C(outlet_command) contains C({action}),
    such as C(powerman --{action} {node}); any other command can only cycle it.
seealso:
  - module: npaci.rocks.rocks_reinstall
extends_documentation_fragment:
  - npaci.rocks.database
  - npaci.rocks.attributes
"""

EXAMPLES = r"""
# ansible compute -m rocks_power
# ansible rack_1 -m rocks_power -a state=on
# ansible compute-0-3 -m rocks_power -a 'state=cycle power=true'
# ansible compute-0-3 -m rocks_power -a state=identify

- name: Switch a rack off before the maintenance of its cooling
  npaci.rocks.rocks_power:
    nodes: "{{ groups.rack_1 }}"
    state: 'off'
"""

RETURN = r"""
nodes:
  description:
    - By node, its state, and how the action was done or why it was not.
    - For O(state=status), the state is C(on), C(off) or C(unknown); otherwise C(done), the state
      that the node had already, C(refused) or C(failed).
  returned: always
  type: dict
  sample: {"compute-0-3": {"changed": true, "state": "done", "message": "cycle by ipmi"}}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.event_collector import collect
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.power import (
    argument_spec,
    power,
    result_of,
)


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    if not module.params["nodes"]:
        module.fail_json(
            msg="nodes is missing: list the nodes, or run the action with a host pattern"
        )
    params = module.params
    result = collect(power, result_of, params, params["nodes"], check_mode=module.check_mode)
    module.exit_json(**result) if not result["failed"] else module.fail_json(**result)


if __name__ == "__main__":
    main()
