# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Collect the events of a run of insert-ethers into the module's return values."""

from __future__ import annotations

from typing import Any, Optional

from ..cluster.model import Node
from .dhcp_request import DhcpRequest
from .insert_display import END_MESSAGES
from .model import Event, EventKind


class RunResult:
    """The result of one run, event by event."""

    def __init__(self) -> None:
        self._nodes: dict[str, dict[str, Any]] = {}
        self._known: dict[str, dict[str, str]] = {}
        self._refused: dict[str, str] = {}
        self._removed: list[dict[str, Any]] = []
        self._reports: dict[str, None] = {}
        self._retried: list[str] = []
        self._warnings: list[str] = []
        self._source = ""
        self._end_reason = ""

    def add(self, event: Event) -> None:
        """Record an event."""
        if event.kind == EventKind.ENROLLED and event.node is not None:
            fields = {**_node_fields(event.node), **_request_fields(event.request)}
            self._nodes[event.name] = {**fields, "state": ""}
        elif event.kind == EventKind.REMOVED and event.node is not None:
            self._removed.append(_node_fields(event.node))
        elif event.kind == EventKind.ORDER_STATE and event.name in self._nodes:
            self._nodes[event.name]["state"] = event.text
        elif event.kind == EventKind.KNOWN:
            self._known[event.mac] = {
                "mac": event.mac,
                "name": event.name,
                "problem": event.text,
            }
        elif event.kind == EventKind.REFUSED:
            self._refused[event.mac] = event.text
        elif event.kind == EventKind.RETRYING:
            self._retried.append(event.text)
        elif event.kind == EventKind.WARNING:
            self._warnings.append(event.text)
        elif event.kind == EventKind.REPORTS_WRITTEN:
            self._reports.update(dict.fromkeys(filter(None, event.text.split(", "))))
        elif event.kind == EventKind.LISTENING:
            self._source = event.text
        elif event.kind == EventKind.ENDED:
            self._end_reason = event.text

    def to_data(self) -> dict[str, Any]:
        """Return the module's return values."""
        nodes = list(self._nodes.values())
        return {
            "changed": bool(nodes or self._removed),
            "nodes": nodes,
            "known": list(self._known.values()),
            "refused": [{"mac": mac, "reason": reason} for mac, reason in self._refused.items()],
            "removed": [node["name"] for node in self._removed],
            "reports": list(self._reports),
            "waited_for": self._retried,
            "warnings": self._warnings,
            "source": self._source,
            "ended": self._end_reason,
            "msg": self._message(),
            "diff": {"before": _diff_text(self._removed), "after": _diff_text(nodes)},
        }

    def _message(self) -> str:
        counts = (
            (len(self._nodes), "added"),
            (len(self._removed), "removed"),
            (len(self._known), "already known"),
            (len(self._refused), "not added"),
        )
        summary = ", ".join(f"{count} {what}" for count, what in counts if count)
        end = END_MESSAGES.get(self._end_reason, self._end_reason)
        return "; ".join(filter(None, (summary or "nothing added", end)))


def _node_fields(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "mac": node.mac,
        "ip": node.ip,
        "membership": node.membership,
        "appliance": node.appliance,
        "rack": node.rack,
        "rank": node.rank,
        "arch": node.arch,
    }


def _request_fields(request: Optional[DhcpRequest]) -> dict[str, Any]:
    return {
        "vendor": request.vendor if request else "",
        "uuid": request.uuid if request else "",
        "interface": request.interface if request else "",
        "relay": request.relay if request else "",
        "switch": request.switch if request else "",
        "port": request.port if request else "",
    }


def _diff_text(nodes: list[dict[str, Any]]) -> str:
    return "".join(f"{node['name']} {node['mac']} {node['ip']}\n" for node in nodes)
