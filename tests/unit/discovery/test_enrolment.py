# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Preliminary check, dry runs, undo of an enrolment, removal."""

from __future__ import annotations

from typing import Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster import nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Node
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.enrolment import (
    Enroller,
    check_placement,
    remove_nodes,
    undo_enrolment,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    EventKind,
    Location,
    Placement,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    NotFound,
    Refused,
    Unavailable,
)

NEW = [f"00:50:8b:00:00:{number:02x}" for number in range(1, 9)]


def names(database: Database) -> list[str]:
    return [node.name for node in nodes.list_nodes(database)]


def requests(*macs: str) -> list[DhcpRequest]:
    return [DhcpRequest(mac) for mac in macs]


def no_generation(_enrolled: Sequence[Node]) -> None:
    raise NotFound("distribution 'rocks' has no generation for x86_64")


def test_a_placement_that_cannot_be_ordered_is_reported_before_a_machine_is_switched_on(
    table_ii: Database,
) -> None:
    before = names(table_ii)
    for placement in (Placement(), Placement(replace="compute-0-3")):
        with pytest.raises(NotFound):
            check_placement(table_ii, placement, no_generation)
    # The machines of a table are checked when they are enrolled.
    table = Placement(locations={NEW[0]: Location(rack=0, rank=9)})
    check_placement(table_ii, table, no_generation)
    assert names(table_ii) == before


def test_a_dry_run_continues_from_its_earlier_batches(table_ii: Database) -> None:
    before = names(table_ii)
    enroller = Enroller(table_ii, Placement(), dry_run=True)
    first = enroller.enrol(requests(NEW[0]), 3)
    second = enroller.enrol(requests(NEW[1], NEW[0], NEW[2], NEW[3]), 2)
    assert [node.name for _request, node in first.enrolled] == ["compute-0-4"]
    assert [(node.name, node.mac) for _request, node in second.enrolled] == [
        ("compute-0-5", NEW[1]),
        ("compute-0-6", NEW[2]),
    ]
    assert names(table_ii) == before


def test_nodes_that_prevent_the_reports_are_removed(table_ii: Database) -> None:
    before = names(table_ii)
    Enroller(table_ii, Placement()).enrol(requests(NEW[0]), None)

    def failing_reports() -> set[str]:
        return {"slurm", "kea"} if "compute-0-4" in names(table_ii) else {"slurm"}

    assert undo_enrolment(table_ii, ["compute-0-4"], failing_reports)
    assert names(table_ii) == before


def test_new_frontends_that_prevent_the_reports_are_removed(table_ii: Database) -> None:
    before = names(table_ii)
    Enroller(table_ii, Placement(membership="Frontend")).enrol(requests(NEW[0]), None)

    def failing_reports() -> set[str]:
        return {"kea"} if "frontend-1" in names(table_ii) else set()

    assert undo_enrolment(table_ii, ["frontend-1"], failing_reports)
    assert names(table_ii) == before


@pytest.mark.parametrize("failing", [set(), {"slurm"}])
def test_nodes_that_do_not_prevent_the_reports_stay(table_ii: Database, failing: set[str]) -> None:
    Enroller(table_ii, Placement()).enrol(requests(NEW[0]), None)
    before = names(table_ii)
    assert not undo_enrolment(table_ii, ["compute-0-4"], lambda: failing)
    assert names(table_ii) == before


def test_nodes_stay_when_the_reports_cannot_be_checked(table_ii: Database) -> None:
    Enroller(table_ii, Placement()).enrol(requests(NEW[0]), None)
    before = names(table_ii)
    checked = []

    def failing_reports() -> set[str]:
        checked.append(names(table_ii))
        if len(checked) > 1:
            raise Unavailable("the database server does not answer")
        return {"kea"}

    with pytest.raises(Unavailable):
        undo_enrolment(table_ii, ["compute-0-4"], failing_reports)
    assert names(table_ii) == before and len(checked[1]) == len(before) - 1


def test_a_removed_node_is_reported_and_gone(table_ii: Database) -> None:
    preview = list(remove_nodes(table_ii, ["compute-0-3"], dry_run=True))
    assert "compute-0-3" in names(table_ii)
    (event,) = remove_nodes(table_ii, ["compute-0-3"])
    assert (event.kind, event.name) == (EventKind.REMOVED, "compute-0-3")
    assert event.mac == "00:50:8b:e0:40:93" and [event] == preview
    assert "compute-0-3" not in names(table_ii)


def test_an_unknown_name_prevents_the_removal_of_the_others(table_ii: Database) -> None:
    before = names(table_ii)
    with pytest.raises(NotFound, match="compute-0-9"):
        list(remove_nodes(table_ii, ["compute-0-3", "compute-0-9"]))
    assert names(table_ii) == before


def test_the_frontend_is_neither_removed_nor_replaced(table_ii: Database) -> None:
    before = names(table_ii)
    with pytest.raises(Refused, match="frontend-0"):
        list(remove_nodes(table_ii, ["compute-0-3", "frontend-0"]))
    with pytest.raises(Refused, match="frontend-0"):
        check_placement(table_ii, Placement(replace="frontend-0"))
    enroller = Enroller(table_ii, Placement(replace="frontend-0"))
    result = enroller.enrol(requests("02:00:00:00:00:01"), None)
    assert not result.enrolled and "allow_frontend" in result.refused[0].reason
    assert names(table_ii) == before
