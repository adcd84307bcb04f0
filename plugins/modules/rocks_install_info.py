#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List install orders and their history."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_install_info
short_description: List install orders and their history
version_added: 0.1.0
description:
  - Returns the install orders of nodes, newest first. Each one contains the user who created it,
    the generation and the profile that it pins, its progress or its end, the duration of each
    phase, and the last lines of the installer's logs if it failed.
options:
  name:
    description: The nodes. Without it, all.
    type: list
    elements: str
  state:
    description: Return only orders in one of these states.
    type: list
    elements: str
    choices: [ordered, booted, installing, installed, up, failed, expired, cancelled]
    default: []
  limit:
    description: The maximum number of orders for each node.
    type: int
    default: 1
  audit:
    description: The maximum number of audit rows for each node that has an order in the result.
    type: int
    default: 0
  codes:
    description:
      - Also return the one-time code of each live order that requires one (attribute
        C(install_code)). A person enters it at the machine. This needs the administrator's database
        account.
    type: bool
    default: false
seealso:
  - module: npaci.rocks.rocks_reinstall
extends_documentation_fragment:
  - npaci.rocks.attributes.info
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: List failed orders
  npaci.rocks.rocks_install_info:
    state: [failed]
  register: failures

- name: Show the nodes and the reasons
  ansible.builtin.debug:
    msg: >-
      {{ failures.installs | map(attribute='node')
         | zip(failures.installs | map(attribute='reason')) }}

- name: Show the codes of machines that are installed for the first time
  npaci.rocks.rocks_install_info:
    state: [ordered, booted]
    codes: true

- name: Show the history of a node, and the requests for its files
  npaci.rocks.rocks_install_info:
    name: [compute-0-3]
    limit: 10
    audit: 50
"""

RETURN = r"""
installs:
  description:
    - The orders, sorted by node, newest first. Times are UTC.
    - C(seconds) is the duration of each state and of each phase of the installer. C(events) lists
      the same steps in order; their C(log) contains the last lines of the installer's logs.
    - C(suspect) is true if an unexpected client requested data that only the installer may have.
      The node can then only be ordered with O(npaci.rocks.rocks_reinstall#module:rearm).
    - C(code) is the one-time code of a live order, with O(codes=true).
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
      seconds: {ordered: 1, sent: 40, booted: 33, installing: 20, format: 9, install: 233}
      events:
        - {at: "2026-11-22 09:19:41", state: failed, phase: "", done: 0, total: 0, seconds: 0,
           message: There was an error installing the openmpi package,
           log: "==> /tmp/packaging.log"}
audit:
  description: By node, requests and decisions, newest first.
  returned: when O(audit) is not 0
  type: dict
  sample:
    compute-0-3:
      - {at: "2026-11-22 09:16:02", actor: node, action: kickstart, decision: "200",
         address: 10.255.255.242, port: 41734, detail: booted -> installing}
"""

from typing import Any, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
    connect_as_reader,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install import timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.install_info import (
    list_audit,
    list_installs,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.states import STATES
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

SPEC = {
    "name": {"type": "list", "elements": "str"},
    "state": {"type": "list", "elements": "str", "choices": list(STATES), "default": []},
    "limit": {"type": "int", "default": 1},
    "audit": {"type": "int", "default": 0},
    "codes": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    with errors_as_failure(module):
        module.exit_json(changed=False, **collect_info(module.params))


def collect_info(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the orders, and the audit and the codes if they are requested."""
    connect = connect_as_admin if params["codes"] else connect_as_reader
    with connect(params["database"]) as database:
        installs = list_installs(
            database,
            params["name"],
            now=timestamps.now(),
            states=params["state"],
            limit=params["limit"],
            codes=params["codes"],
        )
        if not params["audit"]:
            return {"installs": installs}
        names = sorted({install["node"] for install in installs})
        audit = {name: list_audit(database, name, params["audit"]) for name in names}
        return {"installs": installs, "audit": audit}


if __name__ == "__main__":
    main()
