# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an administrator asks of insert-ethers, checked before anything is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Optional

from ..errors import DescriptionError, Refused
from ..files import read_text
from .dhcp_request import Sighting
from .event_loop import Until
from .model import REFUSED, Event, Place, Placement
from .placement_table import listed_places, listed_sightings, table_places

TABLE = "table"
JOURNAL = "journal"


@dataclass(frozen=True)
class Request:
    """One run.

    source    as ``sources.open_source`` takes it
    machines  known beforehand and entered at once; None: they are waited for
    remove    names of nodes that are forgotten; nothing else is done then
    """

    placement: Placement
    until: Until
    source: str = ""
    machines: Optional[tuple[Sighting, ...]] = None
    interface: str = ""
    replay: bool = False
    install: bool = True
    wipe: bool = False
    remove: tuple[str, ...] = ()

    def must_end(self, check_mode: bool) -> None:
        """Raise DescriptionError when nothing tells when it is over, for those who cannot be asked to stop."""
        waits = self.machines is None and not self.remove
        a_log = self.source == JOURNAL or is_path(self.source)
        if waits and not (self.until.count or self.until.seconds or (check_mode and a_log)):
            raise DescriptionError(
                "nothing tells when it is over", hint="give count, timeout or both"
            )


def is_path(source: str) -> bool:
    """Whether it is the path of a log, also one from where we stand: it has a slash, and is no address."""
    return "/" in source and "://" not in source


def request_from(options: Mapping[str, Any]) -> Request:
    """A Request from the module's options.  Raises DescriptionError, or NotFound for a table that is not there."""
    source, table = options["source"], options["table"]
    places: Mapping[str, Place] = {}
    if isinstance(source, list):
        places, source = listed_places(source), TABLE
        if table:
            raise DescriptionError(
                "both a list of machines and a table are given", hint="leave one of them out"
            )
    elif table:
        places = table_places(read_text(table), table)
    elif source == TABLE:
        raise DescriptionError(
            "source is a table, and none is given", hint="name its file: table=/root/rack-0.csv"
        )
    elif source is not None and not isinstance(source, str):
        raise DescriptionError(f"source is {source!r}", hint="a text or a list of machines")
    replace = options["replace"] or ""
    return Request(
        placement=Placement(
            membership=options["membership"],
            rack=options["rack"],
            rank=options["rank"],
            fill_gaps=options["fill_gaps"],
            network=options["network"] or "",
            arch=options["arch"],
            comment=options["comment"],
            replace=replace,
            places=places,
            firmware_only=options["firmware_only"],
        ),
        until=_until(options, replace),
        source=source or "",
        machines=tuple(listed_sightings(places)) if source == TABLE else None,
        interface=options["interface"] or "",
        replay=options["replay"],
        install=options["install"],
        wipe=options["wipe"],
        remove=tuple(options["remove"] or ()),
    )


def complete_list(request: Request, events: Iterator[Event]) -> Iterator[Event]:
    """The events as they are; raises Refused at their end when a machine that was listed is not entered."""
    refused = []
    for event in events:
        if event.kind == REFUSED:
            refused.append(f"{event.mac}: {event.text}")
        yield event
    if request.machines is not None and refused:
        told = "".join(f"\n  {one}" for one in refused)
        raise Refused(
            f"{len(refused)} of {len(request.machines)} listed machines are not entered:{told}"
        )


def _until(options: Mapping[str, Any], replace: str) -> Until:
    count, timeout = options["count"], options["timeout"]
    if (count is not None and count < 1) or (timeout is not None and timeout <= 0):
        what = f"count is {count}" if count is not None and count < 1 else f"timeout is {timeout:g}"
        raise DescriptionError(what, hint="give a number above 0, or leave it out")
    if replace and (count or 1) > 1:
        raise DescriptionError(
            f"{count} machines cannot all replace {replace}", hint="leave count out"
        )
    return Until(1 if replace else count or 0, timeout or 0.0, options["wait_for_kickstart"])
