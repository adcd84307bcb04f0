# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take nodes out of service for a repair, and return them.

A node in maintenance gets no install order and no jobs; its name, address and lease stay.  The
attribute ``maintenance`` of the node contains since when, by whom and why.
"""

from __future__ import annotations

from typing import Any, Callable, Final, Generator, Mapping, NamedTuple, Optional, Sequence

from ..acting_user import acting_user
from ..argument_specs import database_spec
from ..cluster.database import Database, connect
from ..cluster.model import MAINTENANCE as MAINTENANCE_ATTRIBUTE
from ..cluster.values.attributes import remove_attribute, set_attribute
from ..cluster.values.scoped_values import Scope
from ..errors import DescriptionError
from ..install import orders, timestamps
from ..install.eligibility import MAINTENANCE, REFUSED, not_installable_reason
from ..install.model import Audit, Candidate
from ..install.order_records import add_audit
from ..install.schedulers.base import NoScheduler, Scheduler
from ..install.schedulers.choice import NONE, SITE_SCHEDULERS
from ..install.schedulers.openpbs import OpenPBS
from ..install.schedulers.slurm import Slurm
from ..install.states import LIVE
from ..settings import load

IN_SERVICE: Final = "in service"
PREFIX = "rocks_maintenance"
"""The start of the reason in the scheduler; a reinstallation does not resume such a node."""
FACTORIES: Mapping[str, Callable[[], Scheduler]] = {
    NONE: NoScheduler,
    "slurm": lambda: Slurm(prefix=PREFIX),
    "pbs": lambda: OpenPBS(prefix=PREFIX),
}


class MaintenanceStep(NamedTuple):
    """The state of a node: ``maintenance``, ``in service`` or ``refused``."""

    node: str
    state: str
    message: str = ""
    changed: bool = False


def argument_spec() -> dict[str, Any]:
    """Return the options of the module and of the action plugin."""
    return {
        "nodes": {"type": "list", "elements": "str"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "reason": {"type": "str", "default": ""},
        "scheduler": {"type": "str", "choices": list(SITE_SCHEDULERS)},
        **database_spec(),
    }


def maintain(
    options: Mapping[str, Any],
    names: Sequence[str],
    dry_run: bool,
    environment: Optional[Mapping[str, str]] = None,
) -> Generator[MaintenanceStep, None, None]:
    """Begin or end the maintenance of nodes, and yield a step for each.

    Running jobs continue.  Raises DescriptionError without a reason, and Unavailable if the
    scheduler does not answer; then nothing is changed.
    """
    settings = load(environment)
    begins = options["state"] == "present"
    reason = " ".join(options["reason"].split())
    if begins and not reason:
        raise DescriptionError("reason is missing", hint='use reason="fan 3 is broken"')
    scheduler = FACTORIES[options["scheduler"] or settings.scheduler or NONE]()
    with connect(options["database"] or settings.database) as database:
        with database.transaction(dry_run=dry_run):
            change = _begin if begins else _end
            steps = [
                change(database, node, reason) for node in orders.load_candidates(database, names)
            ]
            affected = [step.node for step in steps if step.state != REFUSED]
            if begins and not dry_run:
                scheduler.drain(affected, reason)
        if begins:
            busy = scheduler.busy(affected)
            steps = [
                step._replace(message=f"{step.message}; a job still runs")
                if step.node in busy
                else step
                for step in steps
            ]
        elif not dry_run:
            scheduler.resume(affected)
    yield from steps


def _begin(database: Database, node: Candidate, reason: str) -> MaintenanceStep:
    refusal = not_installable_reason(node)
    if not refusal and node.last and node.last.state in LIVE:
        refusal = (
            f"its install order is {node.last.state}; wait for it, or cancel it: rocks_install"
        )
    if refusal:
        return MaintenanceStep(node.name, REFUSED, refusal)
    if node.maintenance.partition(": ")[2] == reason:
        return MaintenanceStep(node.name, MAINTENANCE, node.maintenance)
    by = acting_user()
    text = f"in maintenance since {timestamps.now()[:10]} by {by}: {reason}"
    set_attribute(database, MAINTENANCE_ATTRIBUTE, text, Scope(node=node.name))
    _record(database, node, f"begins: {reason}")
    return MaintenanceStep(node.name, MAINTENANCE, text, changed=True)


def _end(database: Database, node: Candidate, _reason: str) -> MaintenanceStep:
    if not node.maintenance:
        return MaintenanceStep(node.name, IN_SERVICE)
    remove_attribute(database, MAINTENANCE_ATTRIBUTE, Scope(node=node.name))
    _record(database, node, "ends")
    return MaintenanceStep(node.name, IN_SERVICE, f"was {node.maintenance}", changed=True)


def _record(database: Database, node: Candidate, detail: str) -> None:
    audit = Audit(
        actor=acting_user(),
        action=MAINTENANCE,
        decision="done",
        node=node.name,
        detail=detail,
    )
    add_audit(database, audit, timestamps.now())


def format_maintenance_step(step: MaintenanceStep) -> str:
    """Return a step as one line."""
    return f"{step.node} {step.state}" + (f": {step.message}" if step.message else "")


def result_of(steps: Sequence[MaintenanceStep]) -> dict[str, Any]:
    """Return the result of the module: a dictionary per node, and how many are in which state."""
    nodes = {
        step.node: {"changed": step.changed, "state": step.state, "message": step.message}
        for step in sorted(steps)
    }
    words = {MAINTENANCE: "in maintenance", IN_SERVICE: IN_SERVICE, REFUSED: REFUSED}
    counts = [
        f"{number} {text}"
        for state, text in words.items()
        if (number := sum(step.state == state for step in steps))
    ]
    return {
        "nodes": nodes,
        "changed": any(step.changed for step in steps),
        "failed": any(step.state == REFUSED for step in steps),
        "msg": f"{len(nodes)} node{'s' * (len(nodes) != 1)}: {', '.join(counts) or 'none'}",
    }
