# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check running nodes for drift, for the module and the action plugin."""

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
from .node_states import find_differences

MAX_NAMES = 20  # names in the message of the result


def argument_spec() -> dict[str, Any]:
    """Return the options of the module and of the action plugin."""
    return {
        "nodes": {"type": "list", "elements": "str"},
        "files": {"type": "bool", "default": False},
        **database_spec(),
    }


def verify(
    options: Mapping[str, Any],
    names: Sequence[str],
    dry_run: bool,
    environment: Optional[Mapping[str, str]] = None,
) -> Generator[Finding, None, None]:
    """Yield a Finding for each node, as the nodes answer.

    The findings are stored in the database, except in a dry run.
    """
    settings = load(environment)
    with connect(options["database"] or settings.database) as database:
        comparable: dict[str, Order] = {}
        for candidate in orders.load_candidates(database, names):
            reason = not_comparable_reason(candidate.last)
            if reason or candidate.last is None:
                yield Finding(candidate.name, UNKNOWN, reason)
            else:
                comparable[candidate.name] = candidate.last
        behind = find_differences(database, settings, list(comparable))
        targets = load_boot_targets(database, list(comparable))
        for order, finding in _query_nodes(targets, comparable, options["files"]):
            if finding.manifest and not dry_run:
                store_check(database, order, finding.manifest, now=timestamps.now())
            yield finding._replace(behind=behind.get(finding.node, ()))


def _query_nodes(
    targets: Mapping[str, BootTarget], comparable: Mapping[str, Order], files: bool
) -> Iterator[tuple[Order, Finding]]:
    """Query and compare many nodes concurrently."""
    for order, future in run_concurrently(
        lambda order: query_node(targets[order.node], files=files), comparable.values()
    ):
        try:
            yield order, compare(order, future.result())
        except CommandError as error:
            yield order, Finding(order.node, UNREACHABLE, error.what)


def result_of(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the result of the module: a dictionary per node, and which nodes differ."""
    nodes = {finding.node: _as_dict(finding) for finding in sorted(findings)}
    failed = [name for name, node in nodes.items() if node["state"] in (DRIFTED, UNREACHABLE)]
    same = sum(node["state"] == SAME for node in nodes.values())
    message = f"{same} of {len(nodes)} as installed"
    behind = [name for name, node in nodes.items() if node["behind"]]
    if behind:
        message += f"; {len(behind)} behind: {', '.join(behind[:MAX_NAMES])}"
    if failed:
        message += f"; not: {', '.join(failed[:MAX_NAMES])}"
    return {"nodes": nodes, "changed": False, "failed": bool(failed), "msg": message}


def _as_dict(finding: Finding) -> dict[str, Any]:
    return {
        **finding._asdict(),
        "added": list(finding.added),
        "removed": list(finding.removed),
        "changed": list(finding.changed),
        "files": list(finding.files),
        "behind": list(finding.behind),
        "found": finding.manifest,  # the former name of manifest
    }


def format_finding(finding: Finding) -> list[str]:
    """Return the lines that a terminal shows for a node."""
    message = f": {finding.message}" if finding.message else ""
    lines = [f"{finding.node} {finding.state}{message}"]
    for mark, items in (
        ("+", finding.added),
        ("-", finding.removed),
        ("!", finding.changed),
        ("#", finding.files),
        (">", finding.behind),
    ):
        lines += [f"{finding.node}   {mark} {item}" for item in items]
    return lines
