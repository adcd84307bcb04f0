# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a reinstallation, for the module, the action plugin and the programs.

Combines the database, the compiled profiles and the orders.
"""

from __future__ import annotations

import time
from typing import Any, Generator, Iterator, Mapping, Optional, Sequence

from ..acting_user import acting_user
from ..argument_specs import database_spec
from ..cluster.database import Database, connect
from ..cluster.nodes import list_nodes
from ..errors import DescriptionError, RocksError
from ..install import orders, timestamps
from ..install.eligibility import (
    MAINTENANCE,
    ORDER,
    REFUSED,
    UNCHANGED,
    UNDER_WAY,
    not_installable_reason,
)
from ..install.model import Pin
from ..install.power.boot_methods import boot_installer, choose_boot_methods
from ..install.power.boot_target import BootTarget, load_boot_targets
from ..install.rollout.deadlines import DEADLINES
from ..install.rollout.interrupt import describe_live_orders
from ..install.rollout.rollout import (
    NOT_BEGUN,
    SENT,
    Effects,
    RolloutOptions,
    Step,
    last_steps,
    roll_out,
)
from ..install.rollout.waves import WaveRules, plan_waves
from ..install.schedulers.base import SCHEDULERS, Impatient
from ..install.schedulers.choice import choose_scheduler, jobs_without_scheduler
from ..install.states import UP
from ..settings import load
from .compare_nodes import compare_nodes
from .install_targets import find_pins

SUCCESS_STEPS = (UP, UNCHANGED, SENT, ORDER, UNDER_WAY, MAINTENANCE)
UNCHANGED_STEPS = (UNCHANGED, UNDER_WAY, REFUSED, NOT_BEGUN, MAINTENANCE)
NOT_UP = "not up"
STATE_WORDS = {
    UP: "up",
    UNCHANGED: "unchanged",
    SENT: "sent",
    UNDER_WAY: "under way",
    ORDER: "would be ordered",
    MAINTENANCE: "in maintenance",
    REFUSED: "refused",
    NOT_BEGUN: "not begun",
}
"""The states in which a run can leave a node; any other one is NOT_UP."""
MAX_NAMES = 20  # names in the message of the result


def argument_spec() -> dict[str, Any]:
    """Return the options of the module and of the action plugin."""
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
        "scheduler": {"type": "str", "choices": list(SCHEDULERS)},
        "force_jobs": {"type": "bool", "default": False},
        **database_spec(),
    }


def default_options(**overrides: Any) -> dict[str, Any]:
    """Return the default options with some overrides, for programs that run without Ansible."""
    return {
        **{name: option.get("default") for name, option in argument_spec().items()},
        "deadlines": DEADLINES,
        **overrides,
    }


def reinstall(
    options: Mapping[str, Any],
    names: Sequence[str],
    dry_run: bool,
    environment: Optional[Mapping[str, str]] = None,
) -> Generator[Step, None, None]:
    """Reinstall nodes, and yield each Step when it happens.

    A dry run yields the verdict for each node instead, and changes nothing.
    """
    settings = load(environment)
    rules = WaveRules(
        canary=options["canary"],
        sizes=tuple(options["serial"]),
        max_failed=options["max_failed"],
        fail_rate=options["fail_rate"],
    )
    plan_waves([], rules)  # report invalid rules before anything is ordered
    scheduler = choose_scheduler(options["scheduler"], settings.scheduler)

    def find_jobs(nodes: Sequence[str]) -> Mapping[str, str]:
        if options["force_jobs"]:
            return {}
        return jobs_without_scheduler(nodes, scheduler, settings.scheduler)

    with connect(options["database"] or settings.database) as database:
        pins, refused = _resolve_requests(
            database, names, settings.distributions, options["distribution"]
        )
        targets = load_boot_targets(database, list(pins))
        refused.update(_invalid_boot_methods(targets))
        refused.update(find_jobs([node for node in pins if node not in refused]))
        pins = {node: pin for node, pin in pins.items() if node not in refused}
        comparisons = compare_nodes(database, pins, settings)
        yield from [Step(node, REFUSED, reason) for node, reason in refused.items()]
        if dry_run:
            for verdict in orders.preview(
                database, pins, comparisons, force=options["force"], rearm=options["rearm"]
            ):
                yield Step(verdict.node, verdict.action, verdict.reason)
            return
        drainer = SCHEDULERS[scheduler]()
        yield from roll_out(
            database,
            pins,
            targets,
            options=RolloutOptions(
                by=acting_user(),
                rules=rules,
                force=options["force"],
                rearm=options["rearm"],
                wipe=options["wipe"],
                wait=options["wait"],
                deadlines=options["deadlines"],
                comparisons=comparisons,
            ),
            effects=Effects(
                boot_installer=lambda target: boot_installer(target, power_only=options["power"]),
                now=timestamps.now,
                sleep=time.sleep,
                scheduler=Impatient(drainer) if options["force_jobs"] else drainer,
                find_jobs=find_jobs,
            ),
        )


def describe_interrupt(
    options: Mapping[str, Any], names: Sequence[str], environment: Optional[Mapping[str, str]]
) -> str:
    """Return which orders of these nodes an interrupted ``reinstall`` leaves, and what happens."""
    try:
        with connect(options["database"] or load(environment).database) as database:
            return describe_live_orders(orders.list_live(database, names), timestamps.now())
    except RocksError as error:
        return f"interrupted; the orders cannot be read: {error}"


def _invalid_boot_methods(targets: Mapping[str, BootTarget]) -> Iterator[tuple[str, str]]:
    """Yield each node whose attributes contain an unknown boot method, and the reason."""
    for node, target in targets.items():
        try:
            choose_boot_methods(target)
        except DescriptionError as error:
            yield node, error.advice


def _resolve_requests(
    database: Database, names: Sequence[str], distributions: str, distribution: Optional[str]
) -> tuple[dict[str, Pin], dict[str, str]]:
    """Return the pins of the nodes, and the reasons why other nodes cannot be installed."""
    refused = {
        candidate.name: reason
        for candidate in orders.load_candidates(database, names)
        if (reason := not_installable_reason(candidate))
    }
    nodes = [node for node in list_nodes(database, names) if node.name not in refused]
    if distribution:
        nodes = [node._replace(distribution=distribution) for node in nodes]
    pins, failures = find_pins(database, nodes, distributions)
    return pins, {**refused, **{node: str(error) for node, error in failures.items()}}


def result_of(steps: Sequence[Step]) -> dict[str, Any]:
    """Return the result of the module: a dictionary per node, and which nodes are not up."""
    last = last_steps(steps)
    nodes = {
        name: {
            "changed": step.state not in UNCHANGED_STEPS,
            "state": step.state,
            "message": step.message,
        }
        for name, step in sorted(last.items())
    }
    return {
        "nodes": nodes,
        "changed": any(node["changed"] for node in nodes.values()),
        "failed": any(step.state not in SUCCESS_STEPS for step in last.values()),
        "msg": f"{len(nodes)} node{'s' * (len(nodes) != 1)}: {_count_states(last)}",
    }


def _count_states(last: Mapping[str, Step]) -> str:
    """Return how many nodes ended in each state, with the names of those that failed."""
    names: dict[str, list[str]] = {words: [] for words in STATE_WORDS.values()}
    for name, step in sorted(last.items()):
        names.setdefault(STATE_WORDS.get(step.state, NOT_UP), []).append(name)
    failures = {
        STATE_WORDS[REFUSED],
        STATE_WORDS[NOT_BEGUN],
        STATE_WORDS[MAINTENANCE],
        NOT_UP,
    }
    counts = []
    for words, nodes in names.items():
        if nodes:
            more = f" and {len(nodes) - MAX_NAMES} more" if len(nodes) > MAX_NAMES else ""
            listed = f" ({', '.join(nodes[:MAX_NAMES])}{more})" if words in failures else ""
            counts.append(f"{len(nodes)} {words}{listed}")
    return ", ".join(counts) or "nothing to do"
