# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The result contains what all events of a run reported."""

from __future__ import annotations

from typing import Any

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Node
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_result import RunResult
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import Event, EventKind

MAC = "00:50:8b:e0:40:96"
NODE = Node(
    id=9,
    name="compute-0-4",
    mac=MAC,
    membership="Compute",
    appliance="compute",
    root="compute",
    distribution="rocks",
    rack=0,
    rank=4,
    ip="10.255.255.254",
    arch="x86_64",
    comment="",
)


def result_of(*events: Event) -> dict[str, Any]:
    result = RunResult()
    for event in events:
        result.add(event)
    return result.to_data()


def test_the_result_contains_every_event() -> None:
    request = DhcpRequest(
        MAC,
        interface="eth1",
        vendor="PXEClient:Arch:00007:UNDI:003000",
        architecture=7,
        uuid="u",
    )
    result = result_of(
        Event(EventKind.LISTENING, text="interface eth1"),
        Event(EventKind.WARNING, text="left out: node 7"),
        Event(EventKind.RETRYING, text="the database server does not answer"),
        Event(EventKind.KNOWN, mac="00:50:8b:e0:40:93", name="compute-0-3"),
        Event(EventKind.ENROLLED, mac=MAC, name="compute-0-4", node=NODE, request=request),
        Event(EventKind.REPORTS_WRITTEN, text="hosts, kea"),
        Event(EventKind.REFUSED, mac="00:50:8b:e0:40:97", text="not in the table"),
        Event(EventKind.ORDER_STATE, name="compute-0-4", text="ordered"),
        Event(EventKind.ORDER_STATE, name="compute-0-4", text="installing"),
        Event(EventKind.ENDED, text="count"),
    )
    message = result.pop("msg")
    assert message.startswith("1 added, 1 already known, 1 not added; ")
    assert result == {
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
        "known": [{"mac": "00:50:8b:e0:40:93", "name": "compute-0-3", "problem": ""}],
        "refused": [{"mac": "00:50:8b:e0:40:97", "reason": "not in the table"}],
        "removed": [],
        "reports": ["hosts", "kea"],
        "waited_for": ["the database server does not answer"],
        "warnings": ["left out: node 7"],
        "source": "interface eth1",
        "ended": "count",
        "diff": {"before": "", "after": f"compute-0-4 {MAC} 10.255.255.254\n"},
    }


def test_a_run_without_machines_changes_nothing() -> None:
    result = result_of(
        Event(EventKind.LISTENING, text="the systemd journal"),
        Event(EventKind.ENDED, text="timeout"),
    )
    assert result["changed"] is False and result["msg"].startswith("nothing added; ")


def test_a_removed_node_is_in_the_diff() -> None:
    result = result_of(Event(EventKind.REMOVED, mac=MAC, name="compute-0-4", node=NODE))
    assert result["removed"] == ["compute-0-4"] and result["msg"] == "1 removed"
    assert result["diff"] == {"before": f"compute-0-4 {MAC} 10.255.255.254\n", "after": ""}
