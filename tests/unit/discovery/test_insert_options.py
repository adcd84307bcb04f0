# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options are validated before anything is opened."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.event_loop import StopCondition
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_options import (
    InsertOptions,
    options_from_params,
    require_complete_list,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    Event,
    EventKind,
    Location,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    NotFound,
    Refused,
    RocksError,
)

MAC = "00:50:8b:e0:3a:a7"
OTHER_MAC = "00:50:8b:e0:44:5e"
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


def options(**params: Any) -> InsertOptions:
    return options_from_params({**DEFAULTS, **params})


def test_a_rack_is_enrolled_until_the_stop_condition() -> None:
    run = options(rack=3, count=32, timeout=600.0, wait_for_kickstart=True)
    assert (run.placement.rack, run.stop_condition) == (
        3,
        StopCondition(count=32, seconds=600.0, kickstart_requested=True),
    )
    assert run.machines is None and run.source == ""


def test_a_list_is_the_whole_input() -> None:
    run = options(source=[MAC, {"mac": OTHER_MAC, "rack": 1}, {"port": "ge-9", "rack": 2}])
    assert run.machines == (DhcpRequest(MAC), DhcpRequest(OTHER_MAC))
    assert run.placement.locations[OTHER_MAC] == Location(rack=1, where="item 2")


def test_a_table_gives_locations_and_is_the_input_only_as_source(tmp_path: pathlib.Path) -> None:
    table = tmp_path / "rack.csv"
    table.write_text(f"mac,rack,rank\n{MAC},0,3\n")
    assert options(table=str(table), count=1).machines is None
    assert options(table=str(table), source="table").machines == (DhcpRequest(MAC),)


def test_a_replacement_ends_after_one_machine() -> None:
    assert options(replace="compute-0-3").stop_condition.count == 1


@pytest.mark.parametrize(
    ("params", "words"),
    [
        pytest.param({"count": 0}, "count is 0", id="count 0"),
        pytest.param({"timeout": -1.0}, "timeout is -1", id="negative timeout"),
        pytest.param(
            {"replace": "compute-0-3", "count": 2},
            "compute-0-3",
            id="two replacements",
        ),
        pytest.param({"source": "table"}, "table is not set", id="table without a file"),
        pytest.param(
            {"source": [MAC], "table": "/t.csv"},
            "table is set too",
            id="list and table",
        ),
        pytest.param({"source": {"mac": MAC}}, "a string or a list", id="neither string nor list"),
        pytest.param({"source": [MAC, MAC]}, f"^item 2: {MAC} .* item 1", id="duplicate machine"),
        pytest.param(
            {"source": ["compute-0-3"]}, "^item 1: 'compute-0-3'", id="name instead of MAC"
        ),
    ],
)
def test_contradictory_options_are_an_error(params: dict[str, Any], words: str) -> None:
    with pytest.raises(DescriptionError, match=words):
        options(**params)


def test_a_missing_table_is_an_error() -> None:
    with pytest.raises(NotFound, match=r"/no/such/table\.csv"):
        options(table="/no/such/table.csv")


@pytest.mark.parametrize(
    "params",
    [
        {"count": 1},
        {"timeout": 5.0},
        {"replace": "compute-0-3"},
        {"source": [MAC]},
        {"remove": ["compute-0-3"]},
    ],
)
def test_options_with_a_stop_condition_are_accepted(params: dict[str, Any]) -> None:
    options(**params).require_stop_condition(check_mode=False)


def test_options_without_a_stop_condition_are_an_error() -> None:
    for source in (None, "wire", "journal", "/var/log/messages"):
        with pytest.raises(DescriptionError, match="count, timeout"):
            options(source=source).require_stop_condition(check_mode=False)


def test_in_check_mode_a_log_needs_no_stop_condition() -> None:
    options(source="journal").require_stop_condition(check_mode=True)
    options(source="/var/log/messages").require_stop_condition(check_mode=True)
    with pytest.raises(RocksError):
        options().require_stop_condition(check_mode=True)


def test_a_list_with_refused_machines_is_an_error_with_every_reason() -> None:
    events = [
        Event(EventKind.REFUSED, mac=MAC, text="no location"),
        Event(EventKind.ENDED, text="all"),
    ]
    passed = []
    with pytest.raises(Refused, match=rf"^1 of 2 .*\n  {MAC}: no location"):
        for event in require_complete_list(options(source=[MAC, OTHER_MAC]), iter(events)):
            passed.append(event)
    assert passed == events
    assert list(require_complete_list(options(count=1), iter(events))) == events
