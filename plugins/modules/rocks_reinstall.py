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
  wait:
    description: Wait until the nodes are up. Without it they are ordered and sent.
    type: bool
    default: true
  power:
    description: Use power control alone, for nodes that do not answer.
    type: bool
    default: false
  scheduler:
    description: Who gives the nodes to jobs. It drains them before, and gets them back when they are up.
    type: str
    choices: [none, slurm, pbs]
    default: none
extends_documentation_fragment:
  - npaci.rocks.database
  - npaci.rocks.attributes
"""

EXAMPLES = r"""
# ansible compute -m rocks_reinstall
# ansible rack_1 -m rocks_reinstall -a 'scheduler=slurm serial=10%'
# ROCKS_QUERY='select name from nodes where rack=1' ansible query -m rocks_reinstall --check

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

import getpass
import time
from typing import Any, Iterator, Mapping, Optional, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.arguments import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import nodes as find_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.install import clock, orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.drive import Plan, Step, Tools, drive, summary
from ansible_collections.npaci.rocks.plugins.module_utils.install.eligible import (
    ORDER,
    REFUSED,
    UNCHANGED,
    UNDER_WAY,
    never_installed,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Pin
from ansible_collections.npaci.rocks.plugins.module_utils.install.schedulers import SCHEDULERS
from ansible_collections.npaci.rocks.plugins.module_utils.install.send import send
from ansible_collections.npaci.rocks.plugins.module_utils.install.states import UP
from ansible_collections.npaci.rocks.plugins.module_utils.install.target import targets
from ansible_collections.npaci.rocks.plugins.module_utils.install.waves import Rules
from ansible_collections.npaci.rocks.plugins.module_utils.pins import Kept, pins
from ansible_collections.npaci.rocks.plugins.module_utils.settings import load

GOOD = (UP, UNCHANGED, "sent", ORDER, UNDER_WAY)
STILL = (UNCHANGED, REFUSED, "not begun")


def argument_spec() -> dict[str, Any]:
    """The options of the module, and of the action of the same name."""
    return {
        "nodes": {"type": "list", "elements": "str"},
        "force": {"type": "bool", "default": False},
        "wipe": {"type": "bool", "default": False},
        "rearm": {"type": "bool", "default": False},
        "canary": {"type": "int", "default": 1},
        "serial": {"type": "list", "elements": "str", "default": ["32"]},
        "max_failed": {"type": "int", "default": 3},
        "fail_rate": {"type": "float", "default": 0.1},
        "wait": {"type": "bool", "default": True},
        "power": {"type": "bool", "default": False},
        "scheduler": {"type": "str", "choices": ["none", "slurm", "pbs"], "default": "none"},
        **database_spec(),
    }


def reinstall(
    options: Mapping[str, Any], names: Sequence[str], check_mode: bool, environment: Optional[Mapping[str, str]] = None
) -> Iterator[Step]:
    """Every Step of one run, as it happens; in check mode what ordering each node would come to."""
    settings = load(environment)
    with connect(options["database"] or settings.database) as database:
        wanted, refused = _wanted(database, names, settings.distributions)
        yield from [Step(node, REFUSED, reason) for node, reason in refused.items()]
        if check_mode:
            for said in orders.preview(database, wanted, force=options["force"], rearm=options["rearm"]):
                yield Step(said.node, said.action, said.reason)
            return
        plan = Plan(
            by=getpass.getuser(),
            rules=Rules(options["canary"], tuple(options["serial"]), options["max_failed"], options["fail_rate"]),
            **{name: options[name] for name in ("force", "rearm", "wipe", "wait", "power")},
        )
        tools = Tools(
            lambda target: send(target, power=options["power"]),
            clock.now,
            time.sleep,
            SCHEDULERS[options["scheduler"]](),
        )
        yield from drive(database, wanted, targets(database, list(wanted)), plan, tools)


def _wanted(database: Database, names: Sequence[str], distributions: str) -> tuple[dict[str, Pin], dict[str, str]]:
    """What each node would be installed from, and why the others cannot be."""
    refused = {one.name: never_installed(one) for one in orders.candidates(database, names) if never_installed(one)}
    found = [node for node in find_nodes(database, names) if node.name not in refused]
    kept = Kept()
    try:
        return pins(database, found, distributions, kept), refused
    except RocksError:
        wanted: dict[str, Pin] = {}
        for node in found:  # one by one, so that a node without a profile stops no other
            try:
                wanted.update(pins(database, [node], distributions, kept))
            except RocksError as error:
                refused[node.name] = str(error).partition(f"{node.name}: ")[2] or str(error)
        return wanted, refused


def result_of(steps: Sequence[Step]) -> dict[str, Any]:
    """The module's result: a dictionary per node, and who did not come up."""
    last = summary(steps)
    nodes = {
        name: {"changed": step.step not in STILL, "state": step.step, "message": step.message}
        for name, step in sorted(last.items())
    }
    bad = [name for name, step in sorted(last.items()) if step.step not in GOOD]
    told = f"{len(nodes)} nodes, {len(bad)} not up" + (f": {', '.join(bad[:20])}" if bad else "")
    return {"nodes": nodes, "changed": any(one["changed"] for one in nodes.values()), "failed": bool(bad), "msg": told}


def main() -> None:
    """Run to the end, without a word until then."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    if not module.params["nodes"]:
        module.fail_json(msg="nodes is needed: name the nodes, or run the action with a pattern of hosts")
    try:
        result = result_of(list(reinstall(module.params, module.params["nodes"], module.check_mode)))
    except RocksError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result) if not result["failed"] else module.fail_json(**result)


if __name__ == "__main__":
    main()
