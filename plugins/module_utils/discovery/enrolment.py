# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one run does to the database: checked beforehand, machines entered batch after batch, nodes forgotten."""

from __future__ import annotations

import contextlib
from typing import Callable, Iterator, Optional, Sequence

from ..cluster import nodes
from ..cluster.database import Database
from ..cluster.frontend_protection import REPLACED, check_removal
from .dhcp_request import Sighting
from .insert import Complete, insert, new_node, nothing_more, ranks_in
from .model import REMOVED, Batch, Event, Place, Placement


def check(database: Database, placement: Placement, complete: Complete = nothing_more) -> None:
    """Raise what would refuse every machine, before anybody switches one on."""
    with database.transaction(dry_run=True):
        if placement.replace:
            node = nodes.find(database, placement.replace)
            check_removal(node, REPLACED, "name another node")
            complete([node])
        elif (
            not placement.places
        ):  # each of them has a place of its own, and is judged when it is there
            taken = ranks_in(database, placement.membership, placement.rack)
            complete(
                nodes.add(
                    database, [new_node(Sighting(""), Place(), placement, placement.network, taken)]
                )
            )


def forget(database: Database, names: Sequence[str], *, keep: bool = True) -> Iterator[Event]:
    """Remove nodes with everything that belongs to them.  Raises NotFound for unknown names, and removes none then."""
    with database.transaction(dry_run=not keep):
        gone = nodes.remove(database, names)
    for node in gone:
        yield Event(REMOVED, node.mac, node.name, node=node)


class _NotAtFault(Exception):
    """The nodes may stay."""


def withdraw(database: Database, names: Sequence[str], broken: Callable[[], str]) -> bool:
    """Take nodes back out when it is because of them that the services' files cannot be written; whether it was so.

    broken  why they cannot be written from what the running transaction says; "" when they can
    """
    with contextlib.suppress(_NotAtFault), database.transaction():
        at_fault = broken() and nodes.remove(database, names, allow_frontend=True) and not broken()
        if not at_fault:
            raise _NotAtFault
        return True
    return False


class Desk:
    """Enters machines into one database by one Placement.

    keep  False rehearses: each batch is played together with all before it, since nothing of them stayed
    """

    def __init__(
        self,
        database: Database,
        placement: Placement,
        complete: Complete = nothing_more,
        *,
        keep: bool = True,
    ) -> None:
        self._database, self._placement, self._complete, self._keep = (
            database,
            placement,
            complete,
            keep,
        )
        self._rehearsed: list[Sighting] = []

    def enter(self, sightings: Sequence[Sighting], most: Optional[int]) -> Batch:
        """What ``insert`` does with them."""
        if self._keep:
            return insert(
                self._database, sightings, self._placement, most=most, complete=self._complete
            )
        before = {sighting.mac for sighting in self._rehearsed}
        played = [
            *self._rehearsed,
            *(sighting for sighting in sightings if sighting.mac not in before),
        ]
        batch = insert(
            self._database,
            played,
            self._placement,
            most=None if most is None else most + len(self._rehearsed),
            complete=self._complete,
            keep=False,
        )
        self._rehearsed += [
            sighting for sighting, _node in batch.entered if sighting.mac not in before
        ]
        return Batch(
            tuple(one for one in batch.entered if one[0].mac not in before),
            batch.known,
            tuple(one for one in batch.refused if one.sighting.mac not in before),
        )
