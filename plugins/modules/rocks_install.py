#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Cancel install orders, or retry failed ones."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_install
short_description: Cancel install orders, or retry failed ones
version_added: 0.1.0
description:
  - Cancels the live install orders of nodes. If an installer is already running, its next report is
    rejected, and it can no longer fetch secrets or a kickstart; the machine's boot answer is the
    local disk.
  - Or orders again what each node's last order was for, if that order failed, expired or was
    cancelled. The generation and the profile stay the same, whatever has been published since. The
    machine is not rebooted; it installs when it boots from the network the next time.
  - Or permits that an installation deletes the data on the disks, after it has stopped because of
    that data, or before its machine starts.
  - To order what is published now, use M(npaci.rocks.rocks_reinstall).
options:
  name:
    description: The nodes.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(cancelled) cancels live orders; a node without one is left alone.
      - V(repeated) retries orders that ended badly; a node that is up, or has a live order, is left
        alone.
      - V(wipe_permitted) orders a node again whose installation stopped because of what is on its
        disks, and permits to delete that; C(message) of the result describes the disks. The live
        order of a machine that has not started its installer gets the permission, too. Any other
        node is refused. Afterwards, restart a machine that stands in its installer
        (M(npaci.rocks.rocks_power), O(npaci.rocks.rocks_power#module:force=true)).
    type: str
    choices: [cancelled, repeated, wipe_permitted]
    required: true
  reason:
    description: Why an order is cancelled. The node's history shows it.
    type: str
    default: ""
  rearm:
    description:
      - With O(state=repeated), also order nodes that are marked as suspect, or whose new disk lacks
        the key.
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
- name: Cancel the orders of a rack
  npaci.rocks.rocks_install:
    name: "{{ groups.rack_1 }}"
    state: cancelled
    reason: the cooling of rack 1 is being repaired

- name: Retry a failed node with the generation that the other nodes got
  npaci.rocks.rocks_install:
    name: [compute-0-3]
    state: repeated

- name: Install a rack of used machines whose installations have stopped, and delete their data
  npaci.rocks.rocks_install:
    name: "{{ groups.rack_1 }}"
    state: wipe_permitted

- name: Retry a node with a new disk, which has no key
  npaci.rocks.rocks_install:
    name: [compute-0-3]
    state: repeated
    rearm: true
"""

RETURN = r"""
nodes:
  description:
    - By node, the state of its last order (empty if it was never ordered), and whether this task
      changed it.
    - C(message) is the reason why the order ended, or why the node was left alone.
  returned: success
  type: dict
  sample: {"compute-0-3": {"changed": true, "state": "cancelled", "message": "cancelled by alice"}}
"""

from typing import Any, Mapping, NamedTuple, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.acting_user import acting_user
from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Refused
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.eligibility import REFUSED
from ansible_collections.npaci.rocks.plugins.module_utils.install.wipe_permission import permit_wipe
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

SPEC = {
    "name": {"type": "list", "elements": "str", "required": True},
    "state": {
        "type": "str",
        "choices": ["cancelled", "repeated", "wipe_permitted"],
        "required": True,
    },
    "reason": {"type": "str", "default": ""},
    "rearm": {"type": "bool", "default": False},
}


class LastOrder(NamedTuple):
    """The last order of a node; without one, empty."""

    state: str = ""
    reason: str = ""
    id: int = 0
    wipe: bool = False


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    names = module.params["name"]
    with (
        errors_as_failure(module),
        connect_as_admin(module.params["database"]) as database,
        database.transaction(dry_run=module.check_mode),
    ):
        before = last_orders(database, names)
        reasons = change_orders(database, module.params)
        after = last_orders(database, names)
    nodes = {
        name: {
            "changed": after[name] != before[name],
            "state": after[name].state,
            "message": reasons.get(name, after[name].reason),
        }
        for name in sorted(after)
    }
    diff = {"before": format_orders(before), "after": format_orders(after)}
    module.exit_json(changed=before != after, nodes=nodes, diff=diff)


def change_orders(database: Database, params: Mapping[str, Any]) -> dict[str, str]:
    """Cancel, repeat or permit the orders; return messages for nodes, such as why one is left."""
    names = params["name"]
    by = acting_user()
    now = timestamps.now()
    if params["state"] == "cancelled":
        live = orders.list_live(database, names)
        orders.cancel(database, live, by=by, now=now, reason=params["reason"])
        return {}
    if params["state"] == "wipe_permitted":
        return permit_wipe(database, names, by=by, now=now)
    verdicts = orders.retry(database, names, by=by, now=now, rearm=params["rearm"])
    refused = sorted(
        f"{verdict.node}: {verdict.reason}" for verdict in verdicts if verdict.action == REFUSED
    )
    if refused:
        raise Refused("\n".join(refused))
    return {verdict.node: verdict.reason for verdict in verdicts if verdict.reason}


def last_orders(database: Database, names: Sequence[str]) -> dict[str, LastOrder]:
    """Return the last order of each node."""
    return {
        node.name: LastOrder(node.last.state, node.last.reason, node.last.id, node.last.wipe)
        if node.last
        else LastOrder()
        for node in orders.load_candidates(database, names)
    }


def format_orders(nodes: Mapping[str, LastOrder]) -> str:
    """Return a line for each node."""
    return "".join(
        f"{name}: {order.state or 'never ordered'}{', may wipe disks' if order.wipe else ''}\n"
        for name, order in sorted(nodes.items())
    )


if __name__ == "__main__":
    main()
