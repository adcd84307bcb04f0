#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes install orders back, or repeats those that ended badly."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_install
short_description: Takes install orders back, or repeats those that ended badly
version_added: 0.1.0
description:
  - Cancels the live install orders of nodes. A machine whose installer already runs is told so at its next report, and
    gets neither secrets nor a kickstart any more; its boot answer is the local disk.
  - Or repeats what each node's last order was for, with the same generation and the same profile whatever was published
    since, when that order failed, expired or was cancelled. The machine is not sent anywhere; it installs when it starts
    from the network next.
  - Orders for what is published now are made by M(npaci.rocks.rocks_reinstall).
options:
  name:
    description: The nodes.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(cancelled) takes live orders back; a node without one is left alone.
      - V(repeated) orders again what ended badly; a node that is up, or whose order is live, is left alone.
    type: str
    choices: [cancelled, repeated]
    required: true
  reason:
    description: Why an order is taken back. It stands in the node's history.
    type: str
    default: ""
  rearm:
    description: With O(state=repeated), vouch for a node that was parked as suspect, or whose disk, with the key on it, is new.
    type: bool
    default: false
seealso:
  - module: npaci.rocks.rocks_install_info
  - module: npaci.rocks.rocks_reinstall
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Not this rack after all
  npaci.rocks.rocks_install:
    name: "{{ groups.rack_1 }}"
    state: cancelled
    reason: the cooling of rack 1 is being repaired

- name: The switch works again, so what failed goes on with what the others got
  npaci.rocks.rocks_install:
    name: [compute-0-3]
    state: repeated

- name: A new disk, so there is no key on it
  npaci.rocks.rocks_install:
    name: [compute-0-3]
    state: repeated
    rearm: true
"""

RETURN = r"""
nodes:
  description:
    - Node to the state of its last order, empty when it was never ordered, and whether that was changed just now.
    - C(message) says why it ended, or why it was left alone.
  returned: success
  type: dict
  sample: {"compute-0-3": {"changed": true, "state": "cancelled", "message": "cancelled by alice"}}
"""

import getpass

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Refused, RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.eligibility import REFUSED

SPEC = {
    "name": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": ["cancelled", "repeated"], "required": True},
    "reason": {"type": "str", "default": ""},
    "rearm": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    try:
        with (
            connect_as_admin(module.params["database"]) as database,
            database.transaction(dry_run=module.check_mode),
        ):
            before, said, after = change(database, module.params)
    except RocksError as error:
        module.fail_json(msg=str(error))
    nodes = {
        name: {
            "changed": after[name] != before[name],
            "state": after[name][0],
            "message": said.get(name, after[name][1]),
        }
        for name in sorted(after)
    }
    module.exit_json(
        changed=before != after, nodes=nodes, diff={"before": lines(before), "after": lines(after)}
    )


def change(database, params):
    """The nodes' last orders before and after, as state, reason and number, and what was said to those left alone."""
    names, by, now, said = params["name"], getpass.getuser(), timestamps.now(), {}
    before = last(database, names)
    if params["state"] == "cancelled":
        orders.cancel(
            database, orders.list_live(database, names), by=by, now=now, reason=params["reason"]
        )
    else:
        verdicts = orders.retry(database, names, by=by, now=now, rearm=params["rearm"])
        refused = sorted(f"{one.node}: {one.reason}" for one in verdicts if one.action == REFUSED)
        if refused:
            raise Refused("\n".join(refused))
        said = {one.node: one.reason for one in verdicts if one.reason}
    return before, said, last(database, names)


def last(database, names):
    """Node -> state, reason and number of its last order."""
    found = {one.name: one.last for one in orders.load_candidates(database, names)}
    return {
        name: (order.state, order.reason, order.id) if order else ("", "", 0)
        for name, order in found.items()
    }


def lines(nodes):
    """A line for each node."""
    return "".join(f"{name}: {nodes[name][0] or 'never ordered'}\n" for name in sorted(nodes))


if __name__ == "__main__":
    main()
