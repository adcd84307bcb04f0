# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The database changes of one run: preliminary check, enrolment in batches, undo, removal."""

from __future__ import annotations

from typing import Callable, Collection, Iterator, Optional, Sequence

from ..cluster import node_changes, nodes
from ..cluster.database import Database
from ..cluster.frontend_protection import REPLACED, check_removal
from .dhcp_request import DhcpRequest
from .insert import BeforeCommit, do_nothing, insert, new_node
from .known_interfaces import Machine
from .model import BatchResult, Event, EventKind, Location, Placement


def check_placement(
    database: Database, placement: Placement, before_commit: BeforeCommit = do_nothing
) -> None:
    """Raise what would refuse every machine, before any machine is switched on.

    before_commit  as for ``insert``; called in a dry run with the node that the next machine
                   would become
    """
    with database.transaction(dry_run=True):
        if placement.replace:
            node = nodes.find_node(database, placement.replace)
            check_removal(node, REPLACED, "name another node")
            before_commit([node])
        elif not placement.locations:
            new = new_node(DhcpRequest(""), Location(), placement, network=placement.network)
            before_commit(node_changes.add_nodes(database, [new]))
        # Each machine of a table has its own location, which is checked when it is enrolled.


def remove_nodes(
    database: Database, names: Sequence[str], *, dry_run: bool = False
) -> Iterator[Event]:
    """Remove nodes with everything that belongs to them.

    Raises NotFound for unknown names, and then removes none.
    """
    with database.transaction(dry_run=dry_run):
        removed = node_changes.remove_nodes(database, names)
    for node in removed:
        yield Event(EventKind.REMOVED, mac=node.mac, name=node.name, node=node)


def reports_at_fault(
    database: Database,
    names: Sequence[str],
    failing: Collection[str],
    failing_reports: Callable[[], Collection[str]],
) -> set[str]:
    """Return those of the ``failing`` reports that could be written without these nodes.

    failing_reports  which reports cannot be written from what the running transaction contains
    """
    if not failing:
        return set()
    with database.transaction(dry_run=True):
        node_changes.remove_nodes(database, names, allow_frontend=True)
        return set(failing) - set(failing_reports())


def undo_enrolment(
    database: Database, names: Sequence[str], failing_reports: Callable[[], Collection[str]]
) -> bool:
    """Remove nodes if, and only if, they prevent a report from being written.

    failing_reports  as for ``reports_at_fault``

    Returns whether the nodes were removed.
    """
    with database.transaction():
        if not reports_at_fault(database, names, failing_reports(), failing_reports):
            return False
        node_changes.remove_nodes(database, names, allow_frontend=True)
        return True


class Enroller:
    """Enrols the machines of one run, batch by batch.

    In a dry run, each batch is enrolled together with all earlier ones, because none of them was
    committed.
    """

    def __init__(
        self,
        database: Database,
        placement: Placement,
        before_commit: BeforeCommit = do_nothing,
        *,
        dry_run: bool = False,
    ) -> None:
        self._database = database
        self._placement = placement
        self._before_commit = before_commit
        self._dry_run = dry_run
        self._dry_run_requests: list[DhcpRequest] = []
        self._machines: dict[str, Machine] = {}

    def enrol(self, requests: Sequence[DhcpRequest], limit: Optional[int]) -> BatchResult:
        """Enrol the machines of some requests, up to ``limit``; see ``insert``."""
        if self._dry_run:
            return self._enrol_dry(requests, limit)
        return insert(
            self._database,
            requests,
            self._placement,
            limit=limit,
            before_commit=self._before_commit,
            machines=self._machines,
        )

    def _enrol_dry(self, requests: Sequence[DhcpRequest], limit: Optional[int]) -> BatchResult:
        earlier = {request.mac for request in self._dry_run_requests}
        new = [request for request in requests if request.mac not in earlier]
        result = insert(
            self._database,
            [*self._dry_run_requests, *new],
            self._placement,
            limit=None if limit is None else limit + len(self._dry_run_requests),
            before_commit=self._before_commit,
            dry_run=True,
        )
        enrolled = [item for item in result.enrolled if item.request.mac not in earlier]
        self._dry_run_requests += [item.request for item in enrolled]
        return BatchResult(
            enrolled=tuple(enrolled),
            known=result.known,
            refused=tuple(item for item in result.refused if item.request.mac not in earlier),
        )
