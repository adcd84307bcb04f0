# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What comes in over HTTP and what goes out, as values; and how a request is turned away."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional

from ..cluster.model import Node
from ..errors import Refused
from ..install.model import Order

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
HTML = "text/html; charset=utf-8"


class Request(NamedTuple):
    """One request.  Who asks is the source of its connection and nothing that it says.

    address, port  the source; an IPv4 address, also when it came in IPv6 form
    macs           what the installer says about its interfaces: a detector of mistakes, never an identity
    agent          the client's name for itself, from which a boot loader is told
    body           at most MAX_BODY bytes
    """

    method: str
    path: str
    query: Mapping[str, str]
    address: str
    port: int
    macs: tuple[str, ...] = ()
    agent: str = ""
    body: bytes = b""


class Answer(NamedTuple):
    """One answer; ``detail`` is what the audit says about it, and ``node`` of whom, unless the handler told it."""

    status: int
    body: bytes
    type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()
    detail: str = ""
    node: str = ""


class Asker(NamedTuple):
    """The node whose address a request came from, as the database has it now.

    order       its latest order, whatever became of it
    attributes  those of the node itself, when they were asked for
    membership  the id of its membership
    revision    of the database: what was read under another one may be out of date
    came_by     the MAC of the interface that has the address; empty where its row has none (a bond, a VLAN)
    """

    node: Node
    membership: int
    revision: int
    order: Optional[Order]
    attributes: Mapping[str, str]
    came_by: str


class Denied(Refused):
    """A request that is turned away with this HTTP status."""

    def __init__(self, status: int, what: str, where: str = "", hint: str = "") -> None:
        super().__init__(what, where, hint)
        self.args = (status, what, where, hint)
        self.status = status
