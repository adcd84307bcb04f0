# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What insert-ethers prints while it runs: one line for each event, or a table at a terminal.

Text that machines sent is printable ASCII already (``dhcp_request.printable``); errors are made
printable here.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple

from .dhcp_request import DhcpRequest, printable
from .model import Event, EventKind
from .pxe_architectures import FIRMWARE

MAX_NOTE_LENGTH = 1000
HEADINGS = ("node", "MAC", "address", "machine", "installation")
END_MESSAGES: Mapping[str, str] = {
    "count": "requested number reached",
    "all": "no more machines",
    "timeout": "timeout reached",
    "stopped": "stopped",
}
TEMPLATES = {
    EventKind.LISTENING: "reading DHCP requests from {note}",
    EventKind.ENROLLED: "{name} is {mac}, {address}{machine}",
    EventKind.KNOWN: "{mac} is already {name}{problem}",
    EventKind.REFUSED: "{mac} not added: {note}",
    EventKind.REMOVED: "removed {name}",
    EventKind.REPORTS_WRITTEN: "reports written: {note}",
    EventKind.WARNING: "warning: {note}",
    EventKind.WAITING: "{note}",
    EventKind.ORDER_STATE: "{name}: {installation}",
    EventKind.RETRYING: "retrying: {note}",
    EventKind.ENDED: "{note}",
}
# As the paper's insert-ethers, which marks a node that has requested its kickstart with "(*)".
WAITING_MARKS = {"": "( )", "ordered": "( ) ordered", "booted": "( ) booted"}


class Row(NamedTuple):
    """One node in the table; iterated as its cells."""

    name: str
    mac: str
    address: str
    machine: str
    installation: str = ""


class StatusTable:
    """The nodes that were added, and the last messages."""

    def __init__(self, title: str, max_messages: int = 4) -> None:
        self._title = title
        self._max_messages = max_messages
        self._rows: dict[str, Row] = {}
        self._messages: list[str] = []

    def add(self, event: Event) -> None:
        """Update the table."""
        if event.kind == EventKind.ENROLLED and event.node is not None:
            self._rows[event.name] = Row(
                name=event.name,
                mac=event.mac,
                address=event.node.ip,
                machine=machine_type(event.request) if event.request else "",
            )
        elif event.kind == EventKind.ORDER_STATE and event.name in self._rows:
            mark = installation_mark(event.text)
            self._rows[event.name] = self._rows[event.name]._replace(installation=mark)
        elif event.kind != EventKind.REPORTS_WRITTEN:  # of interest only when it fails
            self._messages = [*self._messages, event_line(event)][-self._max_messages :]

    def lines(self, width: int, height: int) -> list[str]:
        """Return the table as lines that fit a terminal; the latest nodes if they are too many."""
        max_rows = max(1, height - len(self._messages) - 4)
        rows = list(self._rows.values())[-max_rows:]
        hidden = len(self._rows) - len(rows)
        cells = [HEADINGS, *rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
        table = [
            "  ".join(cell.ljust(size) for cell, size in zip(row, widths)).rstrip() for row in cells
        ]
        summary = [f"… and {hidden} earlier nodes"] if hidden else []
        return [line[:width] for line in (self._title, *table, *summary, *self._messages)]


def event_line(event: Event) -> str:
    """Format an event as one line."""
    note = printable(" ".join(event.text.split()), MAX_NOTE_LENGTH)
    machine = machine_type(event.request) if event.request else ""
    return TEMPLATES[event.kind].format(
        mac=event.mac,
        name=event.name,
        note=END_MESSAGES.get(note, note),
        problem=f", but {note}" if note else "",
        address=(event.node.ip if event.node else "") or "no address",
        machine=f" ({machine})" if machine else "",
        installation=installation_mark(event.text),
    )


def machine_type(request: DhcpRequest) -> str:
    """Return the machine's architecture and firmware, ``x86_64 UEFI``, or its vendor class."""
    if request.architecture in FIRMWARE:
        return " ".join(FIRMWARE[request.architecture])
    return request.vendor[:24]


def installation_mark(state: str) -> str:
    """Return the state of an order with the mark of insert-ethers, ``(*)`` or ``( )``."""
    return WAITING_MARKS.get(state, f"(*) {printable(state)}")
