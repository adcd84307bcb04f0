# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what an administrator writes as ``source`` to what ``watch`` reads."""

from __future__ import annotations

import dataclasses
import os
from typing import Iterable, Union

from ..cluster.database import Database
from ..cluster.networks import networks
from ..errors import DescriptionError, NotFound, Refused
from .dhcp_request import Sighting
from .insert_options import JOURNAL, Request, is_path
from .log_sources import POLLED, Journal, LogFile, Syslog
from .packet_socket import Wire, interface_in

PRIVATE = "private"
WIRE, UDP, UNIX = "wire", "udp://", "unix://"
FORMS = (
    "write wire, journal, the path of a log, udp://HOST:PORT, unix:///PATH, or a list of machines"
)
# Where Linux distributions let syslog write what a DHCP server says, in the order in which we look.
LOGS = ("/var/log/messages", "/var/log/syslog")
JOURNALS = ("/run/log/journal", "/var/log/journal")


class Listed:
    """Machines that are known beforehand, as if all had asked at once."""

    exhausted = True

    def __init__(self, sightings: Iterable[Sighting], name: str = "the list") -> None:
        self.name, self._left = name, list(sightings)

    def fileno(self) -> int:
        return POLLED

    def read(self) -> list[Sighting]:
        sightings, self._left = self._left, []
        return sightings

    def close(self) -> None:
        pass


Opened = Union[Wire, LogFile, Journal, Syslog, Listed]


def open_source(
    source: str, interface: str, *, replay: bool = False, follow: bool = True
) -> Opened:
    """The source that ``source`` names; empty: the wire where it may be listened to, otherwise the log.

    interface  the one to listen on, for the wire
    replay     a log or the journal from its beginning, not from now on
    follow     False: a log or the journal only as far as it goes now

    Raises DescriptionError, NotFound, Refused, or CommandError.
    """
    if source in ("", WIRE):
        try:
            return Wire(interface)
        except Refused:
            if source:
                raise
            return open_source(_log(), interface, replay=replay, follow=follow)
    if source == JOURNAL:
        return Journal(replay=replay, follow=follow)
    if source.startswith(UDP):
        return Syslog(source[len(UDP) :])
    if source.startswith(UNIX) and source[len(UNIX) :].startswith("/"):
        return Syslog(source[len(UNIX) :])
    if is_path(source):
        return LogFile(source, replay=replay, follow=follow)
    raise DescriptionError(f"{source!r} is no source of DHCP requests", hint=FORMS)


def on_interface(request: Request, database: Database) -> Request:
    """The request with the interface on which it looks for machines: the one on the cluster's network unless it is named.

    Raises NotFound when the wire is to be listened to and there is none; a log may be of another machine.
    """
    interface = request.interface
    if not interface and request.machines is None:
        try:
            interface = cluster_interface(database, request.placement.network)
        except NotFound:
            if request.source in ("", WIRE):
                raise
    placement = dataclasses.replace(request.placement, interface=interface)
    return dataclasses.replace(request, interface=interface, placement=placement)


def source_of(request: Request, *, follow: bool = True) -> Opened:
    """The source of a run.  Raises what ``open_source`` raises."""
    if request.machines is not None:
        return Listed(request.machines)
    return open_source(
        request.source, request.interface, replay=request.replay or not follow, follow=follow
    )


def cluster_interface(database: Database, network: str) -> str:
    """The interface of this machine on the network that nodes get their addresses from.  Raises NotFound."""
    known = {one.name: one for one in networks(database)}
    found = known.get(network or PRIVATE)
    if found is None:
        hint = f"networks: {', '.join(known) or 'none; describe one with rocks_network'}; or name the interface"
        raise NotFound(f"there is no network {network or PRIVATE!r} to listen on", hint=hint)
    return interface_in(found.subnet, found.netmask)


def _log() -> str:
    """The first log that this account may read."""
    if any(os.access(path, os.R_OK | os.X_OK) for path in JOURNALS):
        return JOURNAL
    for path in LOGS:
        if os.access(path, os.R_OK):
            return path
    raise Refused("neither the wire nor a log can be read", hint="run as root (become: true)")
