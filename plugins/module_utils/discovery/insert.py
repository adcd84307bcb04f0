# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Enter the machines that nobody knows yet into the database (paper, 6.4: insert-ethers).

One transaction for all that were seen together.  When one of them cannot be entered, it is refused with its reason and
the others are entered all the same.
"""

from __future__ import annotations

from typing import Callable, Iterable, NamedTuple, Optional, Sequence, Union

from ..cluster import nodes as rows
from ..cluster.addressing import network_of
from ..cluster.database import Database
from ..cluster.model import NewNode, Node
from ..cluster.networks import networks
from ..errors import Refused, RocksError, Unavailable
from .dhcp_request import Sighting, folded
from .model import Batch, Place, Placement, Refusal
from .placement_table import place_of

AT_ONCE = 500  # parameters in one statement
KNOWN = (
    "select mac, name from nodes where mac in ({marks}) union all select interfaces.mac, nodes.name"
    " from interfaces join nodes on nodes.id = interfaces.node where interfaces.mac in ({marks})"
)
RANKS = (
    "select nodes.`rank` from nodes join memberships on memberships.id = nodes.membership"
    " where memberships.name = ? and nodes.rack = ?"
)

Complete = Callable[[Sequence[Node]], None]


def nothing_more(_entered: Sequence[Node]) -> None:
    """What is done with the entered nodes before the transaction ends, when there is nothing to do."""


def insert(
    database: Database,
    sightings: Iterable[Sighting],
    placement: Placement,
    *,
    most: Optional[int] = None,
    complete: Complete = nothing_more,
    keep: bool = True,
) -> Batch:
    """Give a name, a place, an address and a row to each machine that has none, in the order in which they asked.

    most      enter no more than these; what is left over is in no part of the Batch
    complete  called with the entered nodes inside of the transaction: an error that it raises undoes their rows
    keep      False is a rehearsal: the same answer, and nothing stays

    A MAC that any node has, on whichever of its interfaces, is left alone.  Raises Unavailable when the database does
    not answer; nothing was changed then, and the same call may be made again.
    """
    seen = folded(sightings)
    with database.transaction(dry_run=not keep):
        known = known_macs(database, [sighting.mac for sighting in seen])
        unknown = [sighting for sighting in seen if sighting.mac not in known]
        wanted, refused = _planned(database, unknown, placement)
        entered, failed = _entered(database, wanted[:most], placement, complete)
    return Batch(
        tuple(entered),
        tuple((sighting, known[sighting.mac]) for sighting in seen if sighting.mac in known),
        (*refused, *failed),
    )


def known_macs(database: Database, macs: Sequence[str]) -> dict[str, str]:
    """MAC -> the node that has it, for those of ``macs`` that are known."""
    found: dict[str, str] = {}
    for start in range(0, len(macs), AT_ONCE // 2):
        some = macs[start : start + AT_ONCE // 2]
        found.update(database.rows(KNOWN.format(marks=", ".join("?" * len(some))), [*some, *some]))
    return found


class _Wanted(NamedTuple):
    sighting: Sighting
    node: NewNode


def _planned(
    database: Database, unknown: Sequence[Sighting], placement: Placement
) -> tuple[list[_Wanted], list[Refusal]]:
    wanted, refused = [], []
    taken: dict[tuple[str, int], set[int]] = {}
    for sighting in unknown:
        try:
            place = _place(sighting, placement)
            membership, rack = place.membership or placement.membership, _rack(place, placement)
            ranks = taken.setdefault((membership, rack), ranks_in(database, membership, rack))
            node = new_node(
                sighting, place, placement, _network(database, sighting, placement), ranks
            )
        except Refused as error:
            refused.append(Refusal(sighting, str(error)))
            continue
        if node.rank is not None:
            ranks.add(node.rank)
        wanted.append(_Wanted(sighting, node))
    return wanted, refused


def _place(sighting: Sighting, placement: Placement) -> Place:
    if (
        sighting.interface
        and not sighting.relay
        and placement.interface not in ("", sighting.interface)
    ):
        raise Refused(
            f"asks on {sighting.interface}, and the cluster's network is on {placement.interface}"
        )
    if placement.firmware_only and not sighting.firmware:
        raise Refused(
            "does not ask as booting firmware does",
            hint="set firmware_only: false to enter it all the same",
        )
    if not placement.places:
        return Place()
    place = place_of(sighting, placement.places)
    if place is None:
        port = f" (port {sighting.switch} {sighting.port})" if sighting.port else ""
        raise Refused(f"stands in no line of the table{port}")
    return place


def _rack(place: Place, placement: Placement) -> int:
    return placement.rack if place.rack is None else place.rack


def ranks_in(database: Database, membership: str, rack: int) -> set[int]:
    return {row[0] for row in database.rows(RANKS, (membership, rack))}


def new_node(
    sighting: Sighting, place: Place, placement: Placement, network: str, ranks: set[int]
) -> NewNode:
    rank = place.rank
    if rank is None and placement.rank is not None:
        rank = next(
            free
            for free in range(placement.rank, placement.rank + len(ranks) + 1)
            if free not in ranks
        )
    return NewNode(
        membership=place.membership or placement.membership,
        rack=_rack(place, placement),
        rank=rank,
        name=place.name,
        mac=sighting.mac,
        ip=place.ip,
        arch=sighting.arch or placement.arch,
        comment=placement.comment,
        network=network,
        where=": ".join(filter(None, (place.where, sighting.mac))),
    )


def _network(database: Database, sighting: Sighting, placement: Placement) -> str:
    """The network of the relay that passed the request on: the machine is where the relay is."""
    if placement.network or not sighting.relay:
        return placement.network
    found = network_of(sighting.relay, networks(database))
    if found is None:
        raise Refused(
            f"its request came through the relay {sighting.relay}, which is in none of our networks",
            hint="describe that network with rocks_network",
        )
    return found.name


def _entered(
    database: Database, wanted: Sequence[_Wanted], placement: Placement, complete: Complete
) -> tuple[list[tuple[Sighting, Node]], list[Refusal]]:
    """All of them at once; when that fails, one after another, so that only what is at fault stays out."""
    if not wanted:
        return [], []
    together = _attempt(database, wanted, placement, complete)
    if not isinstance(together, RocksError):
        return together, []
    if len(wanted) == 1:
        return [], [Refusal(wanted[0].sighting, str(together))]
    entered, refused = [], []
    for one in wanted:
        alone = _attempt(database, [one], placement, complete)
        if isinstance(alone, RocksError):
            refused.append(Refusal(one.sighting, str(alone)))
        else:
            entered += alone
    return entered, refused


def _attempt(
    database: Database, wanted: Sequence[_Wanted], placement: Placement, complete: Complete
) -> Union[list[tuple[Sighting, Node]], RocksError]:
    try:
        with database.transaction():
            if placement.replace:
                added = [
                    rows.replace(database, placement.replace, one.sighting.mac) for one in wanted
                ]
            else:
                added = rows.add(
                    database, [one.node for one in wanted], fill_gaps=placement.fill_gaps
                )
            complete(added)
            return [(one.sighting, node) for one, node in zip(wanted, added)]
    except Unavailable:
        raise
    except RocksError as error:
        return error
