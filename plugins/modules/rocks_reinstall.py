# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reinstalls nodes: the one management operation (paper, 6.3)."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_reinstall
short_description: Reinstalls nodes, and waits until they are up with what was ordered
version_added: 0.1.0
author: the npaci.rocks contributors (@npaci)
description:
  - Orders each node to be installed once with the published generation of its distribution and the profile of its shape,
    sends it into the installer, and follows it until it reports that it is up with just that.
  - As an action it runs once for all hosts of the pattern, on the frontend; C(ansible compute -m rocks_reinstall).
  - All partitions but root survive, unless O(wipe) is given.
  - The first node goes alone, the others in waves after it came up; too many failures end it.
  - A node that runs what is wanted is left alone. Frontends, switches and nodes with another order are refused, each
    with its reason.
  - Interrupted, it leaves the orders in the database, and a second run takes them up.
options:
  nodes:
    description: The nodes. As an action, the hosts of the pattern are meant when this is left out.
    type: list
    elements: str
  distribution:
    description:
      - Install this distribution instead of the one of the node's membership, this once. It must hold the profile of the
        node's appliance.
      - This is how a job gets the software that it asks for, see C(docs/reinstalling.md).
    type: str
  force:
    description: Install also what runs the wanted generation and profile.
    type: bool
    default: false
  wipe:
    description:
      - Permit to lose everything on the disks that carry this cluster's labels, or that the layout is put on.
      - Without it a disk that holds anything else than an installation of ours makes the installation stop.
    type: bool
    default: false
  rearm:
    description: Vouch for a node that was parked as suspect, or whose disk, with the key on it, is new.
    type: bool
    default: false
  canary:
    description: How many nodes go first; the others follow when all of them are up.
    type: int
    default: 1
  serial:
    description: Sizes of the waves after that, as numbers or percentages; the last one repeats.
    type: list
    elements: str
    default: ["32"]
  max_failed:
    description: So many failed nodes end it; V(0) is no limit.
    type: int
    default: 3
  fail_rate:
    description: This share of failed nodes ends it, when ten have begun.
    type: float
    default: 0.1
  deadlines:
    description: Seconds that a node may stay in a state without a word; then it fails.
    type: dict
    suboptions:
      ordered:
        description: Before it asks what to boot.
        type: int
        default: 900
      booted:
        description: Before its installer asks for the kickstart.
        type: int
        default: 900
      installing:
        description: Without progress.
        type: int
        default: 600
      installed:
        description: Before it reports that it is up.
        type: int
        default: 1800
  wait:
    description: Wait until the nodes are up. Without it they are ordered and sent.
    type: bool
    default: true
  power:
    description: Use power control alone, for nodes that do not answer.
    type: bool
    default: false
  scheduler:
    description:
      - Who gives the nodes to jobs. It drains them before, and gets them back when they are up.
      - A node that was out of service before, for a reason of somebody else, is installed and stays out of service.
      - V(slurm_reboot) is for Slurm's own RebootProgram, which gets nodes that Slurm has freed and takes back by itself.
    type: str
    choices: [none, slurm, slurm_reboot, pbs]
    default: none
extends_documentation_fragment:
  - npaci.rocks.database
  - npaci.rocks.attributes
"""

EXAMPLES = r"""
# ansible compute -m rocks_reinstall
# ansible rack_1 -m rocks_reinstall -a 'scheduler=slurm serial=10%'
# ROCKS_QUERY='select name from nodes where rack=1' ansible query -m rocks_reinstall --check

# ansible compute -m rocks_reinstall -a '{"deadlines": {"ordered": 1800}}'

- name: Reinstall the compute nodes as their jobs end
  npaci.rocks.rocks_reinstall:
    nodes: "{{ groups.compute }}"
    scheduler: slurm
    serial: ["4", "10%"]
"""

RETURN = r"""
nodes:
  description: Node to what became of it.
  returned: always
  type: dict
  sample: {"compute-0-0": {"changed": true, "state": "up", "message": ""}}
changed:
  description: Whether a node was ordered.
  returned: always
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.event_collector import collect
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.reinstall import (
    argument_spec,
    reinstall,
    result_of,
)


def main() -> None:
    """Run to the end, without a word until then."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    if not module.params["nodes"]:
        module.fail_json(
            msg="nodes is needed: name the nodes, or run the action with a pattern of hosts"
        )
    params = module.params
    result = collect(reinstall, result_of, params, params["nodes"], check_mode=module.check_mode)
    module.exit_json(**result) if not result["failed"] else module.fail_json(**result)


if __name__ == "__main__":
    main()
