# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of one run of insert-ethers, validated before anything is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Optional

from ..csv_tables import read_csv_text
from ..errors import DescriptionError, Refused
from .dhcp_request import DhcpRequest
from .event_loop import StopCondition
from .model import Event, EventKind, Location, Placement
from .placement_table import listed_requests, locations_from_list, locations_from_table

TABLE = "table"
JOURNAL = "journal"


@dataclass(frozen=True)
class InsertOptions:
    """The options of one run."""

    placement: Placement
    stop_condition: StopCondition
    source: str = ""
    """As ``sources.open_source`` accepts it."""
    machines: Optional[tuple[DhcpRequest, ...]] = None
    """Machines to enrol at once.  None: wait for requests."""
    interface: str = ""
    replay: bool = False
    install: bool = True
    wipe: bool = False
    remove: tuple[str, ...] = ()
    """Names of nodes to remove.  Unless it is empty, the run does nothing else."""

    def require_stop_condition(self, check_mode: bool) -> None:
        """Raise DescriptionError when the run would never end by itself.

        In check mode a log is read to its present end only.
        """
        waits = self.machines is None and not self.remove
        reads_log = self.source == JOURNAL or is_log_path(self.source)
        limited = self.stop_condition.count or self.stop_condition.seconds
        if waits and not limited and not (check_mode and reads_log):
            raise DescriptionError("no stop condition", hint="set count, timeout, or both")


def is_log_path(source: str) -> bool:
    """Whether a source is the path of a log, absolute or relative: a slash, but not a URL."""
    return "/" in source and "://" not in source


def options_from_params(params: Mapping[str, Any]) -> InsertOptions:
    """Convert the module's parameters.

    Raises DescriptionError, or NotFound when the table does not exist.
    """
    source = params["source"]
    locations = _locations(params)
    if isinstance(source, list):
        source = TABLE
    return InsertOptions(
        placement=Placement(
            membership=params["membership"],
            rack=params["rack"],
            rank=params["rank"],
            fill_gaps=params["fill_gaps"],
            network=params["network"] or "",
            arch=params["arch"],
            comment=params["comment"],
            replace=params["replace"] or "",
            locations=locations,
            firmware_only=params["firmware_only"],
        ),
        stop_condition=_stop_condition(params),
        source=source or "",
        machines=tuple(listed_requests(locations)) if source == TABLE else None,
        interface=params["interface"] or "",
        replay=params["replay"],
        install=params["install"],
        wipe=params["wipe"],
        remove=tuple(params["remove"] or ()),
    )


def require_complete_list(options: InsertOptions, events: Iterator[Event]) -> Iterator[Event]:
    """Pass the events on; raise Refused at their end when a listed machine was not enrolled."""
    refused = []
    for event in events:
        if event.kind == EventKind.REFUSED:
            refused.append(f"{event.mac}: {event.text}")
        yield event
    if options.machines is not None and refused:
        lines = "".join(f"\n  {line}" for line in refused)
        raise Refused(
            f"{len(refused)} of {len(options.machines)} listed machines were not added:{lines}"
        )


def _locations(params: Mapping[str, Any]) -> Mapping[str, Location]:
    source = params["source"]
    table = params["table"]
    if isinstance(source, list):
        if table:
            raise DescriptionError(
                "source is a list of machines, and table is set too", hint="remove one of them"
            )
        return locations_from_list(source)
    if table:
        return locations_from_table(read_csv_text(table), table)
    if source == TABLE:
        raise DescriptionError(
            "source is 'table', but table is not set", hint="set table=/root/rack-0.csv"
        )
    if source is not None and not isinstance(source, str):
        raise DescriptionError(f"source is {source!r}", hint="use a string or a list of machines")
    return {}


def _stop_condition(params: Mapping[str, Any]) -> StopCondition:
    count = params["count"]
    timeout = params["timeout"]
    replace = params["replace"]
    hint = "use a number above 0, or remove the option"
    if count is not None and count < 1:
        raise DescriptionError(f"count is {count}", hint=hint)
    if timeout is not None and timeout <= 0:
        raise DescriptionError(f"timeout is {timeout:g}", hint=hint)
    if replace and (count or 1) > 1:
        raise DescriptionError(
            f"count is {count}, but only one machine can replace {replace}", hint="remove count"
        )
    return StopCondition(
        count=1 if replace else count or 0,
        seconds=timeout or 0.0,
        kickstart_requested=params["wait_for_kickstart"],
    )
