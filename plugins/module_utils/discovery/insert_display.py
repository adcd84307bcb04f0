# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person sees while insert-ethers watches: one line for each event, or a table that is drawn anew.

Everything that strangers wrote is printable ASCII already (``sighting.printable``); errors are made so here.
"""

from __future__ import annotations

from typing import NamedTuple

from .dhcp_request import Sighting, printable
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
from .pxe_architectures import FIRMWARE

LONGEST_NOTE = 1000
HEADINGS = ("node", "MAC", "address", "machine", "installation")
ENDINGS = {
    "count": "all that were wanted are there",
    "all": "there are no more",
    "timeout": "the time is over",
    "stopped": "stopped",
}
WORDS = {
    LISTENING: "listening to {note}",
    ENTERED: "{name} is {mac}, {address}{machine}",
    KNOWN: "{mac} is {name} already",
    REFUSED: "{mac} is not entered: {note}",
    REMOVED: "{name} is forgotten",
    PUBLISHED: "told: {note}",
    STATE: "{name}: {installation}",
    TROUBLE: "waiting: {note}",
    OVER: "{note}",
}
# A kickstart that was asked for shows as the paper's users know it: something between the parentheses.
ASKED_FOR = {"": "( )", "ordered": "( ) ordered", "booted": "( ) booted"}


class Row(NamedTuple):
    """One node in the table."""

    name: str
    mac: str
    address: str
    machine: str
    installation: str = ""


class Table:
    """The nodes that were entered, and the last remarks."""

    def __init__(self, title: str, remarks: int = 4) -> None:
        self._title, self._keep = title, remarks
        self._rows: dict[str, Row] = {}
        self._remarks: list[str] = []

    def add(self, event: Event) -> None:
        """Take in what happened."""
        if event.kind == ENTERED and event.node is not None:
            self._rows[event.name] = Row(
                event.name,
                event.mac,
                event.node.ip,
                machine(event.sighting) if event.sighting else "",
            )
        elif event.kind == STATE and event.name in self._rows:
            self._rows[event.name] = self._rows[event.name]._replace(
                installation=installation(event.text)
            )
        elif (
            event.kind != PUBLISHED
        ):  # what services were told is of interest only when they refuse
            self._remarks = [*self._remarks, line(event)][-self._keep :]

    def lines(self, width: int, height: int) -> list[str]:
        """The table as lines that fit; when there are too many nodes, the latest ones."""
        room = max(1, height - len(self._remarks) - 4)
        shown = list(self._rows.values())[-room:]
        hidden = len(self._rows) - len(shown)
        cells = [HEADINGS, *shown]
        widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
        table = [
            "  ".join(cell.ljust(size) for cell, size in zip(row, widths)).rstrip() for row in cells
        ]
        more = [f"… and {hidden} before these"] if hidden else []
        return [text[:width] for text in (self._title, *table, *more, *self._remarks)]


def line(event: Event) -> str:
    """The event in one line."""
    note = printable(" ".join(event.text.split()), LONGEST_NOTE)
    return WORDS[event.kind].format(
        mac=event.mac,
        name=event.name,
        note=ENDINGS.get(note, note),
        address=(event.node.ip if event.node else "") or "no address",
        machine=f" ({machine(event.sighting)})"
        if event.sighting and machine(event.sighting)
        else "",
        installation=installation(event.text) if event.kind == STATE else "",
    )


def machine(sighting: Sighting) -> str:
    """What kind of machine asked, as far as its request tells: ``x86_64 UEFI``."""
    if sighting.architecture in FIRMWARE:
        return " ".join(FIRMWARE[sighting.architecture])
    return sighting.vendor[:24]


def installation(state: str) -> str:
    """An order's state with the mark of insert-ethers: ``(*)`` once the kickstart was asked for."""
    return ASKED_FOR.get(state, f"(*) {printable(state)}")
