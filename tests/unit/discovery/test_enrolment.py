# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run does to the database besides entering: checks, rehearsals, taking back out, forgetting."""

from __future__ import annotations

from typing import Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster import nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Node
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import Sighting
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.enrolment import (
    Desk,
    check,
    forget,
    withdraw,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    REMOVED,
    Place,
    Placement,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    NotFound,
    Refused,
    Unavailable,
)

NEW = [f"00:50:8b:00:00:{number:02x}" for number in range(1, 9)]


def names(database: Database) -> list[str]:
    return [node.name for node in nodes.nodes(database)]


def seen(*macs: str) -> list[Sighting]:
    return [Sighting(mac) for mac in macs]


def no_generation(_entered: Sequence[Node]) -> None:
    raise NotFound("distribution 'rocks' has no generation for x86_64")


def test_what_cannot_be_ordered_is_told_before_a_machine_is_switched_on(table_ii: Database) -> None:
    before = names(table_ii)
    for placement in (Placement(), Placement(replace="compute-0-3")):
        with pytest.raises(NotFound, match="no generation"):
            check(table_ii, placement, no_generation)
    check(
        table_ii, Placement(places={NEW[0]: Place(0, 9)}), no_generation
    )  # each is judged when it is there
    assert names(table_ii) == before


def test_a_rehearsal_knows_what_it_said_before(table_ii: Database) -> None:
    before = names(table_ii)
    desk = Desk(table_ii, Placement(), keep=False)
    first, second = desk.enter(seen(NEW[0]), 3), desk.enter(seen(NEW[1], NEW[0], NEW[2], NEW[3]), 2)
    assert [node.name for _sighting, node in first.entered] == ["compute-0-4"]
    assert [(node.name, node.mac) for _sighting, node in second.entered] == [
        ("compute-0-5", NEW[1]),
        ("compute-0-6", NEW[2]),
    ]
    assert names(table_ii) == before


def test_nodes_at_fault_are_taken_back_out(table_ii: Database) -> None:
    before = names(table_ii)
    Desk(table_ii, Placement()).enter(seen(NEW[0]), None)
    assert withdraw(
        table_ii, ["compute-0-4"], lambda: "bad name" if "compute-0-4" in names(table_ii) else ""
    )
    assert names(table_ii) == before


def test_frontends_that_were_just_entered_are_taken_back_out_too(table_ii: Database) -> None:
    before = names(table_ii)
    Desk(table_ii, Placement(membership="Frontend")).enter(seen(NEW[0]), None)
    assert withdraw(
        table_ii, ["frontend-1"], lambda: "bad name" if "frontend-1" in names(table_ii) else ""
    )
    assert names(table_ii) == before


@pytest.mark.parametrize("why", ["", "the site's template is broken"])
def test_nodes_that_are_not_at_fault_stay(table_ii: Database, why: str) -> None:
    Desk(table_ii, Placement()).enter(seen(NEW[0]), None)
    before = names(table_ii)
    assert not withdraw(table_ii, ["compute-0-4"], lambda: why)
    assert names(table_ii) == before


def test_nobody_is_taken_out_by_a_judge_who_cannot_judge(table_ii: Database) -> None:
    Desk(table_ii, Placement()).enter(seen(NEW[0]), None)
    before, asked = names(table_ii), []

    def judge() -> str:
        asked.append(names(table_ii))
        if len(asked) > 1:
            raise Unavailable("the database server does not answer")
        return "bad"

    with pytest.raises(Unavailable):
        withdraw(table_ii, ["compute-0-4"], judge)
    assert names(table_ii) == before and len(asked[1]) == len(before) - 1


def test_what_is_forgotten_is_told_and_gone(table_ii: Database) -> None:
    rehearsed = list(forget(table_ii, ["compute-0-3"], keep=False))
    assert "compute-0-3" in names(table_ii)
    (event,) = forget(table_ii, ["compute-0-3"])
    assert (event.kind, event.mac, event.name) == (
        REMOVED,
        "00:50:8b:e0:40:93",
        "compute-0-3",
    ) and [event] == rehearsed
    assert "compute-0-3" not in names(table_ii)


def test_of_names_with_an_unknown_one_none_is_forgotten(table_ii: Database) -> None:
    before = names(table_ii)
    with pytest.raises(NotFound, match="compute-0-9"):
        list(forget(table_ii, ["compute-0-3", "compute-0-9"]))
    assert names(table_ii) == before


def test_the_frontend_is_neither_forgotten_nor_replaced(table_ii: Database) -> None:
    before = names(table_ii)
    with pytest.raises(Refused, match="frontend-0 is the frontend"):
        list(forget(table_ii, ["compute-0-3", "frontend-0"]))
    with pytest.raises(Refused, match="another machine would take its place"):
        check(table_ii, Placement(replace="frontend-0"))
    batch = Desk(table_ii, Placement(replace="frontend-0")).enter(seen("02:00:00:00:00:01"), None)
    assert not batch.entered and "allow_frontend" in batch.refused[0].why
    assert names(table_ii) == before
