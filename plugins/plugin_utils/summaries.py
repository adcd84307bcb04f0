# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines that summarize a module's result for a person, one function per module."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, Optional, Sequence

Result = Mapping[str, Any]

DIGITS = 12
"""Hexadecimal digits of a hash that are enough for a person."""


def summarize(module: str, result: Result) -> Optional[list[str]]:
    """Return the lines for a result, or None where the module has no summary.

    module   name of the module, with or without its collection
    """
    name = module.rpartition(".")[2]
    if name in SUMMARIES:
        return SUMMARIES[name](result)
    return None


def table(rows: Iterable[Sequence[object]]) -> list[str]:
    """Align the columns of rows of equal length; None is an empty cell."""
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells
    ]


def _state(result: Result) -> str:
    return "changed" if result.get("changed") else "unchanged"


def _database(result: Result) -> list[str]:
    return [f"{result['database']}: schema {result['schema']}, {_state(result)}"]


def _network(result: Result) -> list[str]:
    network = result["network"]
    if not network:
        return [f"removed: {_state(result)}"]
    return [f"{network['name']}: {network['subnet']}/{network['netmask']}, {_state(result)}"]


def _nodes(result: Result) -> list[str]:
    verbs = {
        name: verb for verb in ("added", "updated", "removed") for name in result.get(verb, ())
    }
    rows = [
        (node["name"], node["ip"], node["mac"], verbs.get(node["name"], "unchanged"))
        for node in result["nodes"]
    ]
    return table(rows) + [f"{name}  removed" for name in result.get("removed", ())]


def _node_info(result: Result) -> list[str]:
    keys = ("name", "membership", "rack", "rank", "ip", "mac")
    return table([keys, *([node.get(key) for key in keys] for node in result["nodes"])])


def _attribute(result: Result) -> list[str]:
    value = "not set" if result["value"] is None else repr(result["value"])
    return [f"{result['name']} ({result['scope']}): {value}, {_state(result)}"]


def _sql(result: Result) -> list[str]:
    columns = result["columns"]
    if "rows" in result:
        return table([columns, *result["rows"]])
    if "records" in result:
        return table([columns, *([row[name] for name in columns] for row in result["records"])])
    return [str(value) for value in result.get("first_column", ())]


def _insert_ethers(result: Result) -> list[str]:
    refused = [f"{machine['mac']} refused: {machine['reason']}" for machine in result["refused"]]
    return [*refused, f"{len(result['nodes'])} nodes added, {len(refused)} refused"]


def _distribution(result: Result) -> list[str]:
    packages = sum(result["packages"].values())
    lines = [f"generation {result['generation'][:DIGITS]}: {packages} packages, {_state(result)}"]
    changes = {verb: result[verb] for verb in ("added", "removed", "upgraded", "downgraded")}
    counts = [f"{len(names)} {verb}" for verb, names in changes.items() if names]
    if counts:
        lines.append(", ".join(counts))
    for verb in ("upgraded", "downgraded"):
        lines += [
            f"{change['name']} {change['before']} -> {change['after']} {verb}"
            for change in changes[verb]
        ]
    return [*lines, *result.get("remarks", ())]


def _installs(result: Result) -> list[str]:
    lines = []
    for order in result["installs"]:
        generation = order["generation"][:DIGITS]
        lines.append(
            f"{order['node']}: {order['state']}, generation {generation}, ordered by {order['by']}"
        )
        if order["reason"]:
            lines.append(f"  {order['reason']}")
        phases = [f"{phase} {seconds:.0f} s" for phase, seconds in order["seconds"].items()]
        if phases:
            lines.append(f"  {', '.join(phases)}")
    return lines


def _profile(result: Result) -> list[str]:
    lines = [
        f"{reason['text']}: {reason['where']},"
        f" included by {' -> '.join(step['node'] for step in reason['path'])}"
        for reason in result.get("reasons", ())
    ]
    return lines or [f"{len(result['nodes'])} node files: {', '.join(result['nodes'])}"]


def _reports(result: Result) -> list[str]:
    return table(
        (report["name"], ", ".join(report["files"]), _state(report)) for report in result["reports"]
    )


def _graph(result: Result) -> list[str]:
    missing = [f"{name}: no such node file" for name in result["absent"]]
    return [f"{len(result['nodes'])} node files, {result['edges']} edges", *missing]


def _kickstart(result: Result) -> list[str]:
    warnings = [f"# {warning}" for warning in result["warnings"]]
    if result.get("dest"):
        lines = str(result["kickstart"]).count("\n")
        return [*warnings, f"{result['dest']}: {lines} lines, {_state(result)}"]
    return [*warnings, *str(result["kickstart"]).splitlines()]


def _row(key: str) -> Callable[[Result], list[str]]:
    """Return a summary of a module that manages one row of the database, returned under ``key``."""

    def summary(result: Result) -> list[str]:
        row = result[key]
        if not row:
            return [f"removed: {_state(result)}"]
        values = ", ".join(
            f"{name}={value}" for name, value in row.items() if value not in ("", None)
        )
        return [f"{values}: {_state(result)}"]

    return summary


def _orders(result: Result) -> list[str]:
    return table(
        (name, order["state"], order["message"]) for name, order in result["nodes"].items()
    )


def _message(result: Result) -> list[str]:
    return str(result.get("msg", _state(result))).splitlines()


SUMMARIES: Mapping[str, Callable[[Result], list[str]]] = {
    "rocks_database": _database,
    "rocks_network": _network,
    "rocks_node": _nodes,
    "rocks_node_info": _node_info,
    "rocks_attribute": _attribute,
    "rocks_sql_info": _sql,
    "rocks_insert_ethers": _insert_ethers,
    "rocks_dist": _distribution,
    "rocks_install_info": _installs,
    "rocks_profile_info": _profile,
    "rocks_report": _reports,
    "rocks_graph": _graph,
    "rocks_kickstart": _kickstart,
    "rocks_appliance": _row("appliance"),
    "rocks_membership": _row("membership"),
    "rocks_interface": _row("interface"),
    "rocks_install": _orders,
    "rocks_reinstall": _message,
    "rocks_verify": _message,
    "rocks_package_info": _message,
    "rocks_power": _message,
    "rocks_maintenance": _message,
}
