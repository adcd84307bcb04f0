# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What discovery is about, as values: where new machines go, and what happened to those that were seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, NamedTuple, Optional

from ..cluster.model import Node
from .dhcp_request import Sighting


class Place(NamedTuple):
    """Where one machine stands, as a list or a table says; what is None or empty follows from the Placement.

    where  the line or item of the input that says so; only named in errors
    """

    rack: Optional[int] = None
    rank: Optional[int] = None
    name: str = ""
    ip: str = ""
    membership: str = ""
    where: str = ""


@dataclass(frozen=True)
class Placement:
    """What the machines become that nobody knows yet.

    rank           the first rank to give; taken ones are passed over.  None: after the highest of the rack
    fill_gaps      give the lowest free rank instead
    network        that addresses are taken from; empty: the membership's own
    arch           of machines whose firmware does not tell
    replace        the node whose name, place and address one new machine takes over
    places         a MAC, a switch port or "SWITCH PORT" -> where that machine stands.  Unless it is empty, other
                   machines are not entered
    interface      of the frontend on which the cluster's network is; who asks on another one is not entered
    firmware_only  enter only what asks as booting firmware does, not BMCs, switches and laptops
    """

    membership: str = "Compute"
    rack: int = 0
    rank: Optional[int] = None
    fill_gaps: bool = False
    network: str = ""
    arch: str = "x86_64"
    comment: str = ""
    replace: str = ""
    places: Mapping[str, Place] = field(default_factory=dict)
    interface: str = ""
    firmware_only: bool = False


class Refusal(NamedTuple):
    """A machine that was seen and is not entered, and why."""

    sighting: Sighting
    why: str


class Batch(NamedTuple):
    """What became of some sightings: entered now, known before (MAC and the name that has it), or refused."""

    entered: tuple[tuple[Sighting, Node], ...] = ()
    known: tuple[tuple[Sighting, str], ...] = ()
    refused: tuple[Refusal, ...] = ()


# The kinds of events.
LISTENING, ENTERED, KNOWN, REFUSED, REMOVED = "listening", "entered", "known", "refused", "removed"
PUBLISHED, STATE, TROUBLE, OVER = "published", "state", "trouble", "over"


class Event(NamedTuple):
    """Something that a person who watches wants to see.

    kind   one of the above; a TROUBLE is waited out
    name   of the node
    text   of a STATE the order's state, of LISTENING the source, of PUBLISHED the reports; otherwise the reason
    """

    kind: str
    mac: str = ""
    name: str = ""
    text: str = ""
    node: Optional[Node] = None
    sighting: Optional[Sighting] = None
