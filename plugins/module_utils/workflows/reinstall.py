# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One reinstallation from its options to its result, for the module, the action and Slurm's RebootProgram.

Joins the database, the compiled profiles and the orders; no room imports it.
"""

from __future__ import annotations

import getpass
import time
from typing import Any, Generator, Iterator, Mapping, Optional, Sequence

from ..argument_specs import database_spec
from ..cluster.database import Database, connect
from ..cluster.nodes import list_nodes as find_nodes
from ..errors import DescriptionError, RocksError
from ..install import orders, timestamps
from ..install.eligibility import ORDER, REFUSED, UNCHANGED, UNDER_WAY, not_installable_reason
from ..install.model import Pin
from ..install.power.boot_methods import boot_installer, choose_boot_methods
from ..install.power.boot_target import BootTarget, load_boot_targets
from ..install.rollout.rollout import DEADLINES, Effects, RolloutOptions, Step, last_steps, roll_out
from ..install.rollout.waves import WaveRules, plan_waves
from ..install.schedulers.base import SCHEDULERS
from ..install.states import UP
from ..settings import load
from .install_targets import LibraryCache, resolve_pins

SUCCESS_STEPS = (UP, UNCHANGED, "sent", ORDER, UNDER_WAY)
UNCHANGED_STEPS = (UNCHANGED, REFUSED, "not begun")


def argument_spec() -> dict[str, Any]:
    """The options of the module, and of the action of the same name."""
    return {
        "nodes": {"type": "list", "elements": "str"},
        "distribution": {"type": "str"},
        "force": {"type": "bool", "default": False},
        "wipe": {"type": "bool", "default": False},
        "rearm": {"type": "bool", "default": False},
        "canary": {"type": "int", "default": 1},
        "serial": {"type": "list", "elements": "str", "default": ["32"]},
        "max_failed": {"type": "int", "default": 3},
        "fail_rate": {"type": "float", "default": 0.1},
        "deadlines": {
            "type": "dict",
            "options": {
                state: {"type": "int", "default": seconds} for state, seconds in DEADLINES.items()
            },
            "apply_defaults": True,
        },
        "wait": {"type": "bool", "default": True},
        "power": {"type": "bool", "default": False},
        "scheduler": {"type": "str", "choices": list(SCHEDULERS), "default": "none"},
        **database_spec(),
    }


def default_options(**said: Any) -> dict[str, Any]:
    """The options when only these were said; for programs that ask no Ansible."""
    return {
        **{name: one.get("default") for name, one in argument_spec().items()},
        "deadlines": DEADLINES,
        **said,
    }


def reinstall(
    options: Mapping[str, Any],
    names: Sequence[str],
    check_mode: bool,
    environment: Optional[Mapping[str, str]] = None,
) -> Generator[Step, None, None]:
    """Every Step of one run, as it happens; in check mode what ordering each node would come to."""
    settings = load(environment)
    rules = WaveRules(
        options["canary"], tuple(options["serial"]), options["max_failed"], options["fail_rate"]
    )
    plan_waves([], rules)  # whatever is wrong with them is wrong before anything is looked at
    with connect(options["database"] or settings.database) as database:
        wanted, refused = _resolve_requests(
            database, names, settings.distributions, options["distribution"]
        )
        aims = load_boot_targets(database, list(wanted))
        for node, reason in _invalid_boot_methods(aims):
            refused[node] = reason
            del wanted[node]
        yield from [Step(node, REFUSED, reason) for node, reason in refused.items()]
        if check_mode:
            for said in orders.preview(
                database, wanted, force=options["force"], rearm=options["rearm"]
            ):
                yield Step(said.node, said.action, said.reason)
            return
        plan = RolloutOptions(
            by=getpass.getuser(),
            rules=rules,
            **{name: options[name] for name in ("force", "rearm", "wipe", "wait", "deadlines")},
        )
        tools = Effects(
            lambda target: boot_installer(target, power_only=options["power"]),
            timestamps.now,
            time.sleep,
            SCHEDULERS[options["scheduler"]](),
        )
        yield from roll_out(database, wanted, aims, plan, tools)


def _invalid_boot_methods(aims: Mapping[str, BootTarget]) -> Iterator[tuple[str, str]]:
    """Each node whose attributes name a way into the installer that does not exist, and the reason."""
    for node, aim in aims.items():
        try:
            choose_boot_methods(aim)
        except DescriptionError as error:
            yield node, error.advice


def _resolve_requests(
    database: Database, names: Sequence[str], distributions: str, distribution: Optional[str]
) -> tuple[dict[str, Pin], dict[str, str]]:
    """What each node would be installed from, and why the others cannot be."""
    refused = {
        one.name: not_installable_reason(one)
        for one in orders.load_candidates(database, names)
        if not_installable_reason(one)
    }
    found = [node for node in find_nodes(database, names) if node.name not in refused]
    if distribution:
        found = [node._replace(distribution=distribution) for node in found]
    kept = LibraryCache()
    try:
        return resolve_pins(database, found, distributions, kept), refused
    except RocksError:
        wanted: dict[str, Pin] = {}
        for node in found:  # one by one, so that a node without a profile stops no other
            try:
                wanted.update(resolve_pins(database, [node], distributions, kept))
            except RocksError as error:
                refused[node.name] = str(error).partition(f"{node.name}: ")[2] or str(error)
        return wanted, refused


def result_of(steps: Sequence[Step]) -> dict[str, Any]:
    """The module's result: a dictionary per node, and who did not come up."""
    last = last_steps(steps)
    nodes = {
        name: {
            "changed": step.state not in UNCHANGED_STEPS,
            "state": step.state,
            "message": step.message,
        }
        for name, step in sorted(last.items())
    }
    bad = [name for name, step in sorted(last.items()) if step.state not in SUCCESS_STEPS]
    ordered = sum(one["state"] == ORDER for one in nodes.values())  # which only check mode says
    told = f"{len(nodes)} node{'s' * (len(nodes) != 1)}, "
    told += f"{ordered} would be ordered, {len(bad)} refused" if ordered else f"{len(bad)} not up"
    told += f": {', '.join(bad[:20])}" if bad else ""
    return {
        "nodes": nodes,
        "changed": any(one["changed"] for one in nodes.values()),
        "failed": bool(bad),
        "msg": told,
    }
