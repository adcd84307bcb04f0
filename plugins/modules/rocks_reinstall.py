# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reinstall nodes: the one management operation (paper, 6.3)."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_reinstall
short_description: Reinstall nodes, and wait until they are up
version_added: 0.1.0
author: the npaci.rocks contributors (@npaci)
description:
  - Orders each node to be installed once with the published generation of its distribution and the
    matching profile, boots its installer, and waits until the node reports that it runs them.
  - As an action it runs once for all hosts of the pattern, on the frontend, for example
    C(ansible compute -m rocks_reinstall).
  - All partitions except root are preserved, unless O(wipe) is set.
  - One node is installed first, as a canary; the others follow in waves. Too many failures stop the
    rollout.
  - "A node that already runs what it would get is left alone. The kickstart with the node's values,
    the packages that it installs and the versions of its secrets are compared, not the names of
    generations. For any other node, the message lists what differs, such as
    V(timezone: Etc/UTC -> Europe/Zurich; 3 packages)."
  - Frontends, switches and nodes with another order are refused, each with its reason.
  - If you interrupt it, it prints which orders stay in the database; a second run follows them.
  - Several runs at the same time restart each machine once, and never one that installs itself.
options:
  nodes:
    description:
      - The nodes. An unknown name is an error.
      - The default of the action is the hosts of the pattern; hosts from other inventories are
        skipped with a warning.
    type: list
    elements: str
  distribution:
    description:
      - Install this distribution once, instead of the one of the node's membership. It must contain
        a profile for the node's appliance.
      - Slurm uses it to give a job the software that it requires, see C(docs/reinstalling.md).
    type: str
  force:
    description: Also install nodes that already run what they would get.
    type: bool
    default: false
  wipe:
    description:
      - Allow the installation to erase the disks that have this cluster's labels, or that the
        partition layout uses.
      - Without it, the installation stops if a disk contains anything except an installation of
        this cluster.
    type: bool
    default: false
  rearm:
    description: Also order nodes that are marked as suspect, or whose new disk lacks the key.
    type: bool
    default: false
  canary:
    description: The number of nodes in the first wave; the others follow if all of them come up.
    type: int
    default: 1
  serial:
    description: Sizes of the following waves, as numbers or percentages; the last one repeats.
    type: list
    elements: str
    default: ["32"]
  max_failed:
    description: The number of failed nodes that stops the rollout; V(0) means no limit.
    type: int
    default: 3
  fail_rate:
    description: The share of failed nodes that stops the rollout, as soon as ten nodes have
      started.
    type: float
    default: 0.1
  deadlines:
    description: Seconds that a node can stay in a state without a report before it fails.
    type: dict
    suboptions:
      ordered:
        description: Until the machine requests its boot answer.
        type: int
        default: 900
      booted:
        description: Until the installer reports that it has started.
        type: int
        default: 900
      installing:
        description: Between two progress reports.
        type: int
        default: 600
      installed:
        description: Until the node reports that it is up.
        type: int
        default: 1800
  wait:
    description: Wait until the nodes are up. If false, only order them and boot their installers.
    type: bool
    default: true
  power:
    description: Use only power control, for nodes that do not respond.
    type: bool
    default: false
  scheduler:
    description:
      - The batch scheduler. It drains the nodes before the reinstallation, waits for their jobs,
        and resumes them when they are up.
      - The default is C(scheduler) of C(/etc/rocks/rocks.yml), which the frontend role writes. If
        it is not set there, this option is required.
      - With V(none), nodes that run jobs of the site's scheduler are refused, see O(force_jobs).
      - A node that was already out of service for another reason is installed and stays out of
        service.
      - V(slurm_reboot) is for Slurm's own RebootProgram; Slurm drains and resumes the nodes itself.
    type: str
    choices: [none, slurm, slurm_reboot, pbs]
  force_jobs:
    description: Do not wait for the jobs on the nodes, which kills them.
    type: bool
    default: false
extends_documentation_fragment:
  - npaci.rocks.database
  - npaci.rocks.attributes
"""

EXAMPLES = r"""
# ansible compute -m rocks_reinstall
# ansible rack_1 -m rocks_reinstall -a serial=10%
# ROCKS_QUERY='select name from nodes where rack=1' ansible query -m rocks_reinstall --check

# ansible compute -m rocks_reinstall -a '{"deadlines": {"ordered": 1800}}'

- name: Reinstall the compute nodes as their jobs end
  npaci.rocks.rocks_reinstall:
    nodes: "{{ groups.compute }}"
    serial: ["4", "10%"]
"""

RETURN = r"""
nodes:
  description: The final state of each node.
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
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    if not module.params["nodes"]:
        module.fail_json(
            msg="nodes is missing: list the nodes, or run the action with a host pattern"
        )
    params = module.params
    result = collect(reinstall, result_of, params, params["nodes"], check_mode=module.check_mode)
    module.exit_json(**result) if not result["failed"] else module.fail_json(**result)


if __name__ == "__main__":
    main()
