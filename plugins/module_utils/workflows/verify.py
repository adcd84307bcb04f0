# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Live nodes beside what they were installed with, for the module and the action; no room imports it."""

from __future__ import annotations

from typing import Any, Generator, Iterator, Mapping, Optional, Sequence

from ..argument_specs import database_spec
from ..cluster.database import connect
from ..errors import CommandError
from ..install import orders, timestamps
from ..install.drift import (
    DRIFTED,
    SAME,
    UNKNOWN,
    UNREACHABLE,
    Finding,
    compare,
    not_comparable_reason,
    store_check,
)
from ..install.model import Order
from ..install.power.boot_target import BootTarget, load_boot_targets
from ..install.power.ssh_query import query_node
from ..install.rollout.concurrency import run_concurrently
from ..settings import load

MAX_NAMED = 20  # nodes in the one line of the result


def argument_spec() -> dict[str, Any]:
    """The options of the module, and of the action of the same name."""
    return {
        "nodes": {"type": "list", "elements": "str"},
        "files": {"type": "bool", "default": False},
        **database_spec(),
    }


def verify(
    options: Mapping[str, Any],
    names: Sequence[str],
    check_mode: bool,
    environment: Optional[Mapping[str, str]] = None,
) -> Generator[Finding, None, None]:
    """A Finding for each node, as the nodes answer; what was found is kept, but in check mode."""
    with connect(options["database"] or load(environment).database) as database:
        last = {one.name: one.last for one in orders.load_candidates(database, names)}
        yield from [
            Finding(name, UNKNOWN, not_comparable_reason(name, order))
            for name, order in last.items()
            if not_comparable_reason(name, order)
        ]
        up = {
            name: order
            for name, order in last.items()
            if order is not None and not not_comparable_reason(name, order)
        }
        for order, finding in _query_nodes(
            load_boot_targets(database, list(up)), up, options["files"]
        ):
            if finding.manifest and not check_mode:
                store_check(database, order, finding.manifest, now=timestamps.now())
            yield finding


def _query_nodes(
    reached: Mapping[str, BootTarget], up: Mapping[str, Order], files: bool
) -> Iterator[tuple[Order, Finding]]:
    """Many nodes at once."""
    for order, done in run_concurrently(
        lambda order: query_node(reached[order.node], files=files), up.values()
    ):
        try:
            yield order, compare(order, done.result())
        except CommandError as error:
            yield order, Finding(order.node, UNREACHABLE, error.what)


def result_of(findings: Sequence[Finding]) -> dict[str, Any]:
    """The module's result: a dictionary per node, and who is not what it was."""
    nodes = {
        one.node: {
            name: list(value) if isinstance(value, (list, tuple)) else value
            for name, value in one._asdict().items()
        }
        for one in sorted(findings)
    }
    bad = [name for name, one in nodes.items() if one["state"] in (DRIFTED, UNREACHABLE)]
    same = sum(one["state"] == SAME for one in nodes.values())
    told = f"{same} of {len(nodes)} as installed" + (
        f"; not: {', '.join(bad[:MAX_NAMED])}" if bad else ""
    )
    return {"nodes": nodes, "changed": False, "failed": bool(bad), "msg": told}


def format_finding(finding: Finding) -> list[str]:
    """What a person sees of a node."""
    told = [f"{finding.node} {finding.state}" + (f": {finding.message}" if finding.message else "")]
    for mark, some in (
        ("+", finding.added),
        ("-", finding.removed),
        ("!", finding.changed),
        ("#", finding.files),
    ):
        told += [f"{finding.node}   {mark} {line}" for line in some]
    return told
