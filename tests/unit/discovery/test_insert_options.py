# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is asked of insert-ethers is checked before anything is opened."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import Sighting
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.event_loop import Until
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_options import (
    Request,
    complete_list,
    request_from,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    OVER,
    REFUSED,
    Event,
    Place,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    NotFound,
    Refused,
    RocksError,
)

MAC, OTHER = "00:50:8b:e0:3a:a7", "00:50:8b:e0:44:5e"
DEFAULTS: dict[str, Any] = {
    "membership": "Compute",
    "rack": 0,
    "rank": None,
    "fill_gaps": False,
    "network": None,
    "arch": "x86_64",
    "comment": "",
    "replace": None,
    "remove": None,
    "source": None,
    "table": None,
    "interface": None,
    "replay": False,
    "firmware_only": False,
    "count": None,
    "timeout": None,
    "wait_for_kickstart": False,
    "install": True,
    "wipe": False,
    "database": None,
}


def ask(**options: Any) -> Request:
    return request_from({**DEFAULTS, **options})


def test_a_rack_is_asked_for() -> None:
    request = ask(rack=3, count=32, timeout=600.0, wait_for_kickstart=True)
    assert (request.placement.rack, request.until) == (3, Until(32, 600.0, True))
    assert request.machines is None and request.source == ""


def test_a_list_is_all_machines_there_are() -> None:
    request = ask(source=[MAC, {"mac": OTHER, "rack": 1}, {"port": "ge-9", "rack": 2}])
    assert request.machines == (Sighting(MAC), Sighting(OTHER))
    assert request.placement.places[OTHER] == Place(1, where="item 2")


def test_a_table_places_machines_and_waits_for_them(tmp_path: pathlib.Path) -> None:
    table = tmp_path / "rack.csv"
    table.write_text(f"mac,rack,rank\n{MAC},0,3\n")
    assert ask(table=str(table), count=1).machines is None
    assert ask(table=str(table), source="table").machines == (Sighting(MAC),)


def test_replacing_is_over_after_one_machine() -> None:
    assert ask(replace="compute-0-3").until.count == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"count": 0}, "count is 0", id="a count of nothing"),
        pytest.param({"timeout": -1.0}, "timeout is -1", id="a time before now"),
        pytest.param(
            {"replace": "compute-0-3", "count": 2},
            "cannot all replace compute-0-3",
            id="two for one",
        ),
        pytest.param(
            {"source": "table"}, "source is a table, and none is given", id="a table without a file"
        ),
        pytest.param(
            {"source": [MAC], "table": "/t.csv"},
            "both a list of machines and a table",
            id="list and table",
        ),
        pytest.param({"source": {"mac": MAC}}, "a text or a list", id="neither text nor list"),
        pytest.param({"source": [MAC, MAC]}, "stands already at item 1", id="a machine twice"),
        pytest.param({"source": ["compute-0-3"]}, "'compute-0-3' is no MAC", id="a name for a MAC"),
    ],
)
def test_what_cannot_be_meant_is_told(options: dict[str, Any], words: str) -> None:
    with pytest.raises(DescriptionError, match=words):
        ask(**options)


def test_a_table_that_is_not_there_is_told() -> None:
    with pytest.raises(NotFound, match="no such file"):
        ask(table="/no/such/table.csv")


@pytest.mark.parametrize(
    "options",
    [
        {"count": 1},
        {"timeout": 5.0},
        {"replace": "compute-0-3"},
        {"source": [MAC]},
        {"remove": ["compute-0-3"]},
    ],
)
def test_who_cannot_be_stopped_ends_by_itself(options: dict[str, Any]) -> None:
    ask(**options).must_end(check_mode=False)


def test_without_an_end_nobody_begins_where_there_is_no_terminal() -> None:
    for source in (None, "wire", "journal", "/var/log/messages"):
        with pytest.raises(
            DescriptionError, match="nothing tells when it is over; give count, timeout or both"
        ):
            ask(source=source).must_end(check_mode=False)


def test_a_log_has_an_end_in_check_mode() -> None:
    ask(source="journal").must_end(check_mode=True)
    ask(source="/var/log/messages").must_end(check_mode=True)
    with pytest.raises(RocksError):
        ask().must_end(check_mode=True)


def test_a_list_that_is_not_entered_whole_is_a_failure_with_every_reason() -> None:
    events = [Event(REFUSED, MAC, text="no place"), Event(OVER, text="all")]
    seen = []
    with pytest.raises(
        Refused, match=f"1 of 2 listed machines are not entered:\n  {MAC}: no place"
    ):
        for event in complete_list(ask(source=[MAC, OTHER]), iter(events)):
            seen.append(event)
    assert seen == events
    assert list(complete_list(ask(count=1), iter(events))) == events
