# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slurm's partitions: the compute nodes that a site's SQL selects, or all of them.

The option ``partitions`` has a name for each partition.  Its value is a query whose first column
contains node names, or a mapping with that query as ``nodes`` and with parameters of
slurm.conf(5), section PARTITION CONFIGURATION.  Without ``nodes``, a partition has all nodes.
"""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple

from ...errors import DescriptionError
from ..model import Options, Snapshot
from ..validators import check_word, fold_names

QUERY = "nodes"
WHERE = "reports: slurm: partitions"
DEFAULT = "Default"
# What the report writes itself.
_RESERVED = {"partitionname", "nodes"}
_PARAMETER = re.compile(r"[A-Za-z]{2,40}")
_VALUE = re.compile(r"[A-Za-z0-9_.,:;=/@%+*()\[\]-]{1,500}")


class Partition(NamedTuple):
    """A line of slurm.conf."""

    name: str
    nodes: str
    """Slurm's host list; empty if no node is selected."""
    parameters: Mapping[str, str]


def partition_queries(options: Options) -> list[str]:
    """Return the queries in the option ``partitions``.  Raises DescriptionError."""
    return [query for query, _parameters in _descriptions(options).values() if query]


def partitions(snapshot: Snapshot, options: Options) -> list[Partition]:
    """Return the partitions, exactly one of which is the default.

    Without the option, one has all nodes.  Raises DescriptionError for faulty options.
    """
    compute = [node.name for node in snapshot.compute_nodes()]
    descriptions = _descriptions(options)
    if not descriptions:
        name = check_word(options["partition"], "partition", WHERE)
        descriptions = {name: ("", {DEFAULT: "YES", "State": "UP"})}
    result = [
        Partition(name, fold_names(_selected(snapshot, query, compute)), parameters)
        for name, (query, parameters) in descriptions.items()
    ]
    defaults = [row.name for row in result if row.parameters.get(DEFAULT, "").upper() == "YES"]
    if len(defaults) > 1:
        raise DescriptionError(
            f"{' and '.join(defaults)} are both the default", WHERE, "leave one Default: YES"
        )
    if not defaults:
        result[0] = result[0]._replace(parameters={**result[0].parameters, DEFAULT: "YES"})
    return result


def foreign_nodes(snapshot: Snapshot, options: Options) -> list[DescriptionError]:
    """Return an error for each node in a partition's query that does not run jobs."""
    return [
        DescriptionError(
            f"partition {name} selects a node that does not run jobs",
            node,
            "select nodes of memberships with compute: yes",
        )
        for name, (query, _parameters) in _descriptions(options).items()
        if query
        for node in snapshot.selections.get(query, ())
        if node not in snapshot.compute
    ]


def _selected(snapshot: Snapshot, query: str, compute: list[str]) -> list[str]:
    if not query:
        return compute
    selected = set(snapshot.selections.get(query, ()))
    return [name for name in compute if name in selected]


def _descriptions(options: Options) -> dict[str, tuple[str, Mapping[str, str]]]:
    """Return query and parameters of each partition."""
    result: dict[str, tuple[str, Mapping[str, str]]] = {}
    for name, value in options["partitions"].items():
        where = f"{WHERE}: {name}"
        check_word(str(name), "partition", WHERE)
        description = {QUERY: value} if isinstance(value, str) else value or {}
        if not isinstance(description, Mapping):
            raise DescriptionError(
                f"{value!r} is neither SQL nor a mapping",
                where,
                "write a query, or `nodes` with a query and parameters of slurm.conf",
            )
        query = description.get(QUERY, "")
        if not isinstance(query, str):
            raise DescriptionError(f"nodes: {query!r} is not SQL", where)
        parameters = {
            key: _check_parameter(key, item, where)
            for key, item in description.items()
            if key != QUERY
        }
        result[str(name)] = (query.strip(), parameters)
    return result


def _check_parameter(key: Any, value: Any, where: str) -> str:
    """Return a value as slurm.conf has it."""
    if not isinstance(key, str) or not _PARAMETER.fullmatch(key) or key.lower() in _RESERVED:
        raise DescriptionError(
            f"{key!r} is not a parameter of a partition", where, "see slurm.conf(5)"
        )
    text = {True: "YES", False: "NO"}[value] if isinstance(value, bool) else str(value)
    if not _VALUE.fullmatch(text):
        raise DescriptionError(f"{key}: {value!r} is not one word", where, "see slurm.conf(5)")
    return text
