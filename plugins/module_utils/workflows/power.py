# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Control the power of nodes, for the module and the action plugin.

Nothing is reinstalled: a node with a live order is refused, because it would boot the installer, or
lose the power while it is being installed.
"""

from __future__ import annotations

from typing import Any, Final, Generator, Mapping, NamedTuple, Optional, Sequence

from ..acting_user import acting_user
from ..argument_specs import database_spec
from ..cluster.database import Database, connect
from ..cluster.model import FRONTEND
from ..errors import DescriptionError
from ..install import orders, timestamps
from ..install.model import Audit, Candidate
from ..install.order_records import ADD_AUDIT, audit_row
from ..install.power.boot_target import BootTarget, load_boot_targets
from ..install.power.power_control import (
    ACTIONS,
    OFF,
    ON,
    UNKNOWN,
    Action,
    PowerResult,
    choose_methods,
    control_power,
    explain,
)
from ..install.rollout.concurrency import run_concurrently
from ..install.schedulers.base import SCHEDULERS
from ..install.schedulers.choice import NONE
from ..install.states import LIVE
from ..settings import load

REFUSED: Final = "refused"
FAILED: Final = "failed"
DONE: Final = "done"
PLANNED: Final = "would be done"
RESTARTING: Final[tuple[Action, ...]] = ("on", "off", "cycle")
KILLING: Final[tuple[Action, ...]] = ("off", "cycle")
MAX_NAMES = 20  # names in the message of the result


class PowerStep(NamedTuple):
    """What happened to a node."""

    node: str
    state: str
    """``on``, ``off`` or ``unknown`` for the status; otherwise ``done``, ``would be done``, the
    state ``on`` or ``off`` that the node had already, ``refused`` or ``failed``."""
    message: str = ""


def argument_spec() -> dict[str, Any]:
    """Return the options of the module and of the action plugin."""
    return {
        "nodes": {"type": "list", "elements": "str"},
        "state": {"type": "str", "choices": list(ACTIONS), "default": "status"},
        "power": {"type": "bool", "default": False},
        "force": {"type": "bool", "default": False},
        "force_jobs": {"type": "bool", "default": False},
        **database_spec(),
    }


def power(
    options: Mapping[str, Any],
    names: Sequence[str],
    dry_run: bool,
    environment: Optional[Mapping[str, str]] = None,
) -> Generator[PowerStep, None, None]:
    """Do ``state`` for each node, and yield each step when it happens.

    A dry run yields what would be done, and contacts a BMC or a node only for the status.
    """
    settings = load(environment)
    action: Action = options["state"]
    with connect(options["database"] or settings.database) as database:
        candidates = orders.load_candidates(database, names)
        refused: dict[str, str] = {}
        if action in RESTARTING:
            for node in candidates:
                reason = _refusal(node, action, options["force"])
                if reason:
                    refused[node.name] = reason
        allowed = [node.name for node in candidates if node.name not in refused]
        if action in KILLING and not options["force_jobs"]:
            refused.update(_nodes_with_jobs(allowed, settings.scheduler))
        yield from [PowerStep(name, REFUSED, reason) for name, reason in refused.items()]
        targets = load_boot_targets(database, [name for name in allowed if name not in refused])
        if dry_run and action != "status":
            for target in targets.values():
                yield _plan(target, action, options["power"])
            return
        for target, future in run_concurrently(
            lambda target: control_power(target, action, power_only=options["power"]),
            targets.values(),
        ):
            error = future.exception()
            if error is not None:
                yield PowerStep(target.node, FAILED, explain(error))
                continue
            result = future.result()
            if result.method:
                _record(database, target.node, action, result)
            yield _step(target.node, action, result)


def _refusal(node: Candidate, action: Action, force: bool) -> str:
    """Return why the power of this node is not switched; empty if it can be."""
    if node.appliance == FRONTEND:
        return "a frontend is not switched by itself"
    if node.frontend_conflict:
        return node.frontend_conflict
    if node.last and node.last.state in LIVE and not force:
        return (
            f"its install order is {node.last.state}: {action} would start or interrupt the"
            " installation; cancel the order (rocks_install, state=cancelled), or use force=true"
        )
    return ""


def _nodes_with_jobs(names: Sequence[str], scheduler: str) -> dict[str, str]:
    if scheduler in ("", NONE) or not names:
        return {}
    reason = "it runs a job; drain it first, or use force_jobs=true to kill the job"
    return dict.fromkeys(sorted(SCHEDULERS[scheduler]().busy(names)), reason)


def _plan(target: BootTarget, action: Action, power_only: bool) -> PowerStep:
    try:
        methods = choose_methods(target, action, power_only=power_only)
    except DescriptionError as error:
        return PowerStep(target.node, FAILED, error.advice)
    if not methods:
        return PowerStep(target.node, FAILED, f"no method for {action}")
    return PowerStep(target.node, PLANNED, f"{action} by {' or '.join(methods)}")


def _step(node: str, action: Action, result: PowerResult) -> PowerStep:
    if result.method:
        return PowerStep(node, DONE, f"{action} by {result.method}")
    return PowerStep(node, result.before, "" if action == "status" else "it is already")


def _record(database: Database, node: str, action: Action, result: PowerResult) -> None:
    audit = Audit(
        actor=acting_user(),
        action=f"power {action}",
        decision="done",
        node=node,
        detail=f"by {result.method}",
    )
    database.execute(ADD_AUDIT, audit_row(audit, timestamps.now()))


def format_power_step(step: PowerStep) -> str:
    """Return a step as one line."""
    return f"{step.node} {step.state}" + (f": {step.message}" if step.message else "")


def result_of(steps: Sequence[PowerStep]) -> dict[str, Any]:
    """Return the result of the module: a dictionary per node, and how many are in which state."""
    nodes = {
        step.node: {
            "changed": step.state in (DONE, PLANNED),
            "state": step.state,
            "message": step.message,
        }
        for step in sorted(steps)
    }
    by_state: dict[str, list[str]] = {}
    for step in sorted(steps):
        by_state.setdefault(step.state, []).append(step.node)
    counts = []
    for state in (ON, OFF, UNKNOWN, DONE, PLANNED, REFUSED, FAILED):
        listed = by_state.get(state, [])
        if listed:
            more = f" and {len(listed) - MAX_NAMES} more" if len(listed) > MAX_NAMES else ""
            names = f" ({', '.join(listed[:MAX_NAMES])}{more})"
            counts.append(f"{len(listed)} {state}{'' if state in (ON, DONE, PLANNED) else names}")
    return {
        "nodes": nodes,
        "changed": any(node["changed"] for node in nodes.values()),
        "failed": any(step.state in (REFUSED, FAILED) for step in steps),
        "msg": f"{len(nodes)} node{'s' * (len(nodes) != 1)}: {', '.join(counts) or 'none'}",
    }
