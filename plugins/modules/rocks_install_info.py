#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What became of install orders."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_install_info
short_description: Tells what became of install orders
version_added: 0.1.0
description:
  - Returns the install orders of nodes, newest first. Of each it tells who ordered it, which generation and profile it pins,
    how far it is or how it ended, how long each phase took, and with a failure the last lines of the installer's logs.
options:
  name:
    description: The nodes to tell about. Without it, all.
    type: list
    elements: str
  state:
    description: Only orders that are in one of these states.
    type: list
    elements: str
    choices: [ordered, booted, installing, installed, up, failed, expired, cancelled]
    default: []
  limit:
    description: How many orders of each node.
    type: int
    default: 1
  audit:
    description: How many of the last rows of the audit to tell of each node that has an order in the answer.
    type: int
    default: 0
seealso:
  - module: npaci.rocks.rocks_reinstall
extends_documentation_fragment:
  - npaci.rocks.attributes.info
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: What failed, and why?
  npaci.rocks.rocks_install_info:
    state: [failed]
  register: told

- name: Show it
  ansible.builtin.debug:
    msg: "{{ told.installs | map(attribute='node') | zip(told.installs | map(attribute='reason')) }}"

- name: The history of one node, and who asked for its files
  npaci.rocks.rocks_install_info:
    name: [compute-0-3]
    limit: 10
    audit: 50
"""

RETURN = r"""
installs:
  description:
    - The orders, sorted by node, newest first. Times are UTC.
    - C(seconds) is how long each state and each phase of the installer lasted; C(events) are the same, step by step, and
      C(log) are the last lines of the installer's logs.
    - C(suspect) means that somebody asked for what only the installer may have; the node is parked until it is ordered with
      O(npaci.rocks.rocks_reinstall#module:rearm).
  returned: success
  type: list
  elements: dict
  sample:
    - node: compute-0-3
      uuid: 0b6a6a2e-7a8c-4f0e-9d36-6a5f2d6f9c11
      state: failed
      reason: There was an error installing the openmpi package
      by: alice
      ordered: "2026-11-22 09:14:05"
      expires: "2026-11-22 15:14:05"
      changed: "2026-11-22 09:19:41"
      distribution: rocks
      arch: x86_64
      generation: 4c19e0b2aa17
      profile: 9a0fd6c1b0e3a3c1f2b9c6b8d2b5b7f0d7c1a5f3e4d2c1b0a9f8e7d6c5b4a392
      phase: install
      done: 133
      total: 400
      message: Installing openmpi.x86_64 (133/400)
      suspect: false
      seconds: {ordered: 41, booted: 33, installing: 20, format: 9, install: 233, failed: 0}
      events:
        - {at: "2026-11-22 09:19:41", state: failed, phase: "", done: 0, total: 0, seconds: 0,
           message: There was an error installing the openmpi package, log: "==> /tmp/packaging.log"}
audit:
  description: By node, who asked for what and what was decided, newest first. Given when O(audit) is not 0.
  returned: when asked for
  type: dict
  sample:
    compute-0-3:
      - {at: "2026-11-22 09:16:02", actor: node, action: kickstart, decision: "200", address: 10.255.255.242, port: 41734,
         detail: booted -> installing}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_reader,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.install import timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.install_info import (
    list_audit,
    list_installs,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.states import STATES

SPEC = {
    "name": {"type": "list", "elements": "str"},
    "state": {"type": "list", "elements": "str", "choices": list(STATES), "default": []},
    "limit": {"type": "int", "default": 1},
    "audit": {"type": "int", "default": 0},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **told(module.params))
    except RocksError as error:
        module.fail_json(msg=str(error))


def told(params):
    """What the module returns."""
    with connect_as_reader(params["database"]) as database:
        now, states, limit = timestamps.now(), params["state"], params["limit"]
        found = list_installs(database, params["name"], now=now, states=states, limit=limit)
        if not params["audit"]:
            return {"installs": found}
        names = sorted({one["node"] for one in found})
        return {
            "installs": found,
            "audit": {name: list_audit(database, name, params["audit"]) for name in names},
        }


if __name__ == "__main__":
    main()
