# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run of insert-ethers returns: every event of it, put together."""

from __future__ import annotations

from typing import Any

from ..cluster.model import Node
from .dhcp_request import Sighting
from .insert_display import ENDINGS
from .model import (
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


class Summary:
    """Takes events in and says what they come to."""

    def __init__(self) -> None:
        self._nodes: dict[str, dict[str, Any]] = {}
        self._known: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._removed: list[dict[str, Any]] = []
        self._reports: dict[str, None] = {}
        self._troubles: list[str] = []
        self._source = self._ended = ""

    def add(self, event: Event) -> None:
        """Take in what happened."""
        if event.kind == ENTERED and event.node is not None:
            self._nodes[event.name] = {
                **_of_node(event.node),
                **_of_sighting(event.sighting),
                "state": "",
            }
        elif event.kind == REMOVED and event.node is not None:
            self._removed.append(_of_node(event.node))
        elif event.kind == STATE and event.name in self._nodes:
            self._nodes[event.name]["state"] = event.text
        elif event.kind == KNOWN:
            self._known[event.mac] = event.name
        elif event.kind == REFUSED:
            self._refused[event.mac] = event.text
        elif event.kind == TROUBLE:
            self._troubles.append(event.text)
        elif event.kind == PUBLISHED:
            self._reports.update(dict.fromkeys(filter(None, event.text.split(", "))))
        elif event.kind == LISTENING:
            self._source = event.text
        elif event.kind == OVER:
            self._ended = event.text

    def result(self) -> dict[str, Any]:
        """The module's return values."""
        nodes = list(self._nodes.values())
        return {
            "changed": bool(nodes or self._removed),
            "nodes": nodes,
            "known": [{"mac": mac, "name": name} for mac, name in self._known.items()],
            "refused": [{"mac": mac, "reason": reason} for mac, reason in self._refused.items()],
            "removed": [node["name"] for node in self._removed],
            "reports": list(self._reports),
            "waited_for": self._troubles,
            "source": self._source,
            "ended": self._ended,
            "msg": self._message(),
            "diff": {"before": _table(self._removed), "after": _table(nodes)},
        }

    def _message(self) -> str:
        counts = (
            ("entered", self._nodes),
            ("removed", self._removed),
            ("known already", self._known),
            ("not entered", self._refused),
        )
        told = (
            ", ".join(f"{len(some)} {what}" for what, some in counts if some) or "nothing entered"
        )
        return "; ".join(filter(None, (told, ENDINGS.get(self._ended, self._ended))))


def _of_node(node: Node) -> dict[str, Any]:
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


def _of_sighting(sighting: Any) -> dict[str, Any]:
    seen = sighting if isinstance(sighting, Sighting) else Sighting("")
    return {
        "vendor": seen.vendor,
        "uuid": seen.uuid,
        "interface": seen.interface,
        "relay": seen.relay,
        "switch": seen.switch,
        "port": seen.port,
    }


def _table(nodes: list[dict[str, Any]]) -> str:
    return "".join(f"{node['name']} {node['mac']} {node['ip']}\n" for node in nodes)
