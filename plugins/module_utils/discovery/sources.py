# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Open the source of DHCP requests that the option ``source`` names."""

from __future__ import annotations

import dataclasses
import os
from typing import Iterable, Union

from ..cluster.database import Database
from ..cluster.networking.networks import list_networks
from ..errors import DescriptionError, NotFound, Refused
from .dhcp_request import DhcpRequest
from .insert_options import JOURNAL, InsertOptions, is_log_path
from .log_sources import NO_DESCRIPTOR, Journal, LogFile, Syslog
from .packet_socket import PacketSocket, interface_in

DEFAULT_NETWORK = "private"
WIRE = "wire"
UDP_PREFIX = "udp://"
UNIX_PREFIX = "unix://"
SOURCE_HINT = (
    "use wire, journal, the path of a log, udp://HOST:PORT, unix:///PATH, or a list of machines"
)
# The system logs of Linux distributions, in the order in which they are tried.
LOG_PATHS = ("/var/log/messages", "/var/log/syslog")
JOURNAL_FOLDERS = ("/run/log/journal", "/var/log/journal")


class MachineList:
    """Listed machines, as if all of them had sent a request; a Source of event_loop."""

    exhausted = True

    def __init__(self, requests: Iterable[DhcpRequest], name: str = "the list") -> None:
        self.name = name
        self._remaining = list(requests)

    def fileno(self) -> int:
        """Return NO_DESCRIPTOR."""
        return NO_DESCRIPTOR

    def read(self) -> list[DhcpRequest]:
        """Return all requests once."""
        requests = self._remaining
        self._remaining = []
        return requests

    def close(self) -> None:
        """Do nothing."""


OpenSource = Union[PacketSocket, LogFile, Journal, Syslog, MachineList]


def open_source(
    source: str, interface: str, *, replay: bool = False, follow: bool = True
) -> OpenSource:
    """Open a source by its name.  Empty: the interface, or a log without the permission for that.

    interface  the interface for ``wire``
    replay     read a log or the journal from its start, and not only what is written later
    follow     False: read a log or the journal to its present end

    Raises DescriptionError, NotFound, Refused, or CommandError.
    """
    if source in ("", WIRE):
        try:
            return PacketSocket(interface)
        except Refused:
            if source:
                raise
            return open_source(_readable_log(), interface, replay=replay, follow=follow)
    if source == JOURNAL:
        return Journal(replay=replay, follow=follow)
    if source.startswith(UDP_PREFIX):
        return Syslog(source[len(UDP_PREFIX) :])
    if source.startswith(UNIX_PREFIX) and source[len(UNIX_PREFIX) :].startswith("/"):
        return Syslog(source[len(UNIX_PREFIX) :])
    if is_log_path(source):
        return LogFile(source, replay=replay, follow=follow)
    raise DescriptionError(f"{source!r} is not a valid source", hint=SOURCE_HINT)


def with_interface(options: InsertOptions, database: Database) -> InsertOptions:
    """Complete the options with the interface on the cluster network, unless they name one.

    Raises NotFound when the source is the interface and there is none.  A log may come from another
    machine, so it needs no interface here.
    """
    interface = options.interface
    if not interface and options.machines is None:
        try:
            interface = cluster_interface(database, options.placement.network)
        except NotFound:
            if options.source in ("", WIRE):
                raise
    placement = dataclasses.replace(options.placement, interface=interface)
    return dataclasses.replace(options, interface=interface, placement=placement)


def source_for(options: InsertOptions, *, follow: bool = True) -> OpenSource:
    """Open the source of a run.  Raises what ``open_source`` raises."""
    if options.machines is not None:
        return MachineList(options.machines)
    replay = options.replay or not follow
    return open_source(options.source, options.interface, replay=replay, follow=follow)


def cluster_interface(database: Database, network: str) -> str:
    """Return this machine's interface on the network that addresses are allocated from.

    network  its name; empty: DEFAULT_NETWORK

    Raises NotFound.
    """
    name = network or DEFAULT_NETWORK
    by_name = {row.name: row for row in list_networks(database)}
    if name not in by_name:
        defined = ", ".join(by_name) or "none (define one with rocks_network)"
        raise NotFound(
            f"unknown network {name!r}", hint=f"networks: {defined}; or set interface=NAME"
        )
    return interface_in(by_name[name].subnet, by_name[name].netmask)


def _readable_log() -> str:
    """Return the first log that this account may read, as a source."""
    if any(os.access(path, os.R_OK | os.X_OK) for path in JOURNAL_FOLDERS):
        return JOURNAL
    for path in LOG_PATHS:
        if os.access(path, os.R_OK):
            return path
    raise Refused(
        "no permission to listen on the network or to read a log",
        hint="run as root (become: true)",
    )
