# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run returns is every event of it, put together."""

from __future__ import annotations

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Node
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import Sighting
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_result import Summary
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    ENTERED,
    KNOWN,
    LISTENING,
    OVER,
    PUBLISHED,
    REFUSED,
    REMOVED,
    STATE,
    TROUBLE,
    Event,
)

MAC = "00:50:8b:e0:40:96"
NODE = Node(
    9,
    "compute-0-4",
    MAC,
    "Compute",
    "compute",
    "compute",
    "rocks",
    0,
    4,
    "10.255.255.254",
    "x86_64",
    "",
)


def summary_of(*events: Event) -> dict[str, object]:
    summary = Summary()
    for event in events:
        summary.add(event)
    return summary.result()


def test_a_run_is_summed_up() -> None:
    seen = Sighting(
        MAC, "eth1", vendor="PXEClient:Arch:00007:UNDI:003000", architecture=7, uuid="u"
    )
    assert summary_of(
        Event(LISTENING, text="the wire at eth1"),
        Event(TROUBLE, text="the database server does not answer"),
        Event(KNOWN, "00:50:8b:e0:40:93", "compute-0-3"),
        Event(ENTERED, MAC, "compute-0-4", node=NODE, sighting=seen),
        Event(PUBLISHED, text="hosts, kea"),
        Event(REFUSED, "00:50:8b:e0:40:97", text="stands in no line of the table"),
        Event(STATE, name="compute-0-4", text="ordered"),
        Event(STATE, name="compute-0-4", text="installing"),
        Event(OVER, text="count"),
    ) == {
        "changed": True,
        "nodes": [
            {
                "name": "compute-0-4",
                "mac": MAC,
                "ip": "10.255.255.254",
                "membership": "Compute",
                "appliance": "compute",
                "rack": 0,
                "rank": 4,
                "arch": "x86_64",
                "state": "installing",
                "vendor": "PXEClient:Arch:00007:UNDI:003000",
                "uuid": "u",
                "interface": "eth1",
                "relay": "",
                "switch": "",
                "port": "",
            }
        ],
        "known": [{"mac": "00:50:8b:e0:40:93", "name": "compute-0-3"}],
        "refused": [{"mac": "00:50:8b:e0:40:97", "reason": "stands in no line of the table"}],
        "removed": [],
        "reports": ["hosts", "kea"],
        "waited_for": ["the database server does not answer"],
        "source": "the wire at eth1",
        "ended": "count",
        "msg": "1 entered, 1 known already, 1 not entered; all that were wanted are there",
        "diff": {"before": "", "after": f"compute-0-4 {MAC} 10.255.255.254\n"},
    }


def test_a_quiet_hour_changes_nothing() -> None:
    result = summary_of(Event(LISTENING, text="the journal"), Event(OVER, text="timeout"))
    assert result["changed"] is False and result["msg"] == "nothing entered; the time is over"


def test_what_is_forgotten_stands_before() -> None:
    result = summary_of(Event(REMOVED, MAC, "compute-0-4", node=NODE))
    assert result["removed"] == ["compute-0-4"] and result["msg"] == "1 removed"
    assert result["diff"] == {"before": f"compute-0-4 {MAC} 10.255.255.254\n", "after": ""}
