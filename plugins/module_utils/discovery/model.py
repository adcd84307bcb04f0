# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The values of discovery: how new machines become nodes, and what happened to each DHCP request.

To enrol a machine is to add it to the database as a node, with an install order.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Literal, Mapping, NamedTuple, Optional

from ..cluster.model import Node
from ..errors import RocksError
from .dhcp_request import DhcpRequest


@dataclass(frozen=True)
class Location:
    """The location of a machine, from a list or a table.  Placement completes empty fields."""

    rack: Optional[int] = None
    rank: Optional[int] = None
    name: str = ""
    ip: str = ""
    membership: str = ""
    where: str = ""
    """The line or list item of the input, for errors."""


@dataclass(frozen=True)
class Placement:
    """How unknown machines become nodes."""

    membership: str = "Compute"
    rack: int = 0
    rank: Optional[int] = None
    """The first rank to assign; ranks in use are skipped.  None: after the highest of the rack."""
    fill_gaps: bool = False
    """Assign the lowest free rank instead."""
    network: str = ""
    """The network that addresses are allocated from.  Empty: the network of the membership."""
    arch: str = "x86_64"
    """The architecture of machines whose requests do not contain it."""
    comment: str = ""
    replace: str = ""
    """A node whose name, location and address one new machine takes over."""
    locations: Mapping[str, Location] = field(default_factory=dict)
    """Locations by MAC, by switch port, or by "SWITCH PORT".  Unless it is empty, only these
    machines are enrolled."""
    interface: str = ""
    """The frontend's interface on the cluster network.  Requests on other interfaces are
    refused."""
    firmware_only: bool = False
    """Enrol only machines that boot from the network, and no BMCs, switches or laptops."""


class Enrolment(NamedTuple):
    """A machine that was enrolled, and its new node."""

    request: DhcpRequest
    node: Node


class KnownMachine(NamedTuple):
    """A machine whose MAC was in the database already, and the name of its node."""

    request: DhcpRequest
    name: str
    problem: str = ""
    """Why this interface cannot boot, and the remedy; empty when it can."""


class Refusal(NamedTuple):
    """A machine that was not enrolled, and the reason."""

    request: DhcpRequest
    reason: str


class BatchResult(NamedTuple):
    """What happened to the machines of some requests."""

    enrolled: tuple[Enrolment, ...] = ()
    known: tuple[KnownMachine, ...] = ()
    refused: tuple[Refusal, ...] = ()


class ReportResult(NamedTuple):
    """What happened to the reports; each is written independently of the others."""

    changed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """The rows and values that were left out, each with the reason."""
    error: Optional[RocksError] = None
    """Why some of them were not written."""


class EventKind(enum.Enum):
    """What an Event reports."""

    LISTENING = "listening"
    ENROLLED = "enrolled"
    KNOWN = "known"
    REFUSED = "refused"
    REMOVED = "removed"
    REPORTS_WRITTEN = "reports written"
    WARNING = "warning"
    WAITING = "waiting"
    ORDER_STATE = "order state"
    RETRYING = "retrying"
    ENDED = "ended"


EndReason = Literal["count", "all", "timeout", "stopped"]


@dataclass(frozen=True)
class Event:
    """One step of a run, for the display and for the result."""

    kind: EventKind
    mac: str = ""
    name: str = ""
    """The name of the node."""
    text: str = ""
    """LISTENING: the source.  ORDER_STATE: the state.  REPORTS_WRITTEN: the reports, separated by
    ", ".  ENDED: an EndReason.  KNOWN: why the interface cannot boot.  Otherwise: the reason."""
    node: Optional[Node] = None
    request: Optional[DhcpRequest] = None
