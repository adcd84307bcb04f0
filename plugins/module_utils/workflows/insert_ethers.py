# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""insert-ethers (paper, 6.4): from a DHCP request to a node, its install order and the reports.

One run goes through these steps, in the order of this file:

1. Check before any machine is switched on: can the next machine be added, ordered and reported?
2. Open the source of DHCP requests: an interface, a log, or a list of machines.
3. For each batch of requests, add a row for each unknown machine and create its install order, in
   one transaction.
4. Write the reports, so that the DHCP server answers the machines' next requests.  If a service
   rejects its new file because of the new nodes, remove those.
5. Follow the install orders until the stop condition holds.
"""

from __future__ import annotations

import contextlib
import getpass
from typing import Any, Callable, Iterator, Mapping, Optional, Sequence

from ..argument_specs import database_spec
from ..cluster.database import Database, connect
from ..cluster.model import Node
from ..discovery.enrolment import Enroller, check_placement, remove_nodes, undo_enrolment
from ..discovery.event_loop import Handlers, watch
from ..discovery.insert_options import InsertOptions, options_from_params, require_complete_list
from ..discovery.model import Event, EventKind
from ..discovery.order_progress import order_states
from ..discovery.sources import source_for, with_interface
from ..errors import Refused
from ..install import eligibility, orders, timestamps
from ..reports.write import dry_run_error, write_reports
from ..settings import Settings, load
from .install_targets import LibraryCache, resolve_pins


def argument_spec() -> dict[str, Any]:
    """Return the options of the module and of the action plugin."""
    return {
        "membership": {"type": "str", "default": "Compute"},
        "rack": {"type": "int", "default": 0},
        "rank": {"type": "int"},
        "fill_gaps": {"type": "bool", "default": False},
        "network": {"type": "str"},
        "arch": {"type": "str", "default": "x86_64"},
        "comment": {"type": "str", "default": ""},
        "replace": {"type": "str"},
        "remove": {"type": "list", "elements": "str"},
        "source": {"type": "raw"},
        "table": {"type": "path"},
        "interface": {"type": "str"},
        "replay": {"type": "bool", "default": False},
        "firmware_only": {"type": "bool", "default": False},
        "count": {"type": "int"},
        "timeout": {"type": "float"},
        "wait_for_kickstart": {"type": "bool", "default": False},
        "install": {"type": "bool", "default": True},
        "wipe": {"type": "bool", "default": False},
        **database_spec(),
    }


def insert_ethers(
    params: Mapping[str, Any],
    *,
    dry_run: bool,
    stop: Callable[[], bool],
    environment: Optional[Mapping[str, str]] = None,
) -> Iterator[Event]:
    """Run insert-ethers, and yield each Event when it happens.

    params       values of ``argument_spec``
    dry_run      read a log to its present end, and change nothing
    stop         polled; true ends the run
    environment  for the settings; None: of this process

    Raises RocksError: a wrong option, a source that cannot be read, or a database or service that
    failed until the end.
    """
    options = options_from_params(params)
    settings = load(environment)
    with connect(params["database"] or settings.database) as database:
        if options.remove:
            yield from _Run(database, settings, options, dry_run).remove()
        else:
            options = with_interface(options, database)
            yield from _Run(database, settings, options, dry_run).enrol(stop)


class _Run:
    """One run, on an open database."""

    def __init__(
        self, database: Database, settings: Settings, options: InsertOptions, dry_run: bool
    ) -> None:
        self._database = database
        self._settings = settings
        self._options = options
        self._dry_run = dry_run
        self._replaces = bool(options.placement.replace)
        self._ordered_by = f"{getpass.getuser()}, insert-ethers"
        self._profiles = LibraryCache()

    def enrol(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Add machines until the stop condition holds."""
        placement = self._options.placement
        check_placement(self._database, placement, self._order_and_check_reports)
        # Reports are written after the transaction. They are checked inside it only if nothing is
        # committed, or if it cannot be undone: the old MAC of a replaced node is lost.
        check_first = self._dry_run or self._replaces
        enroller = Enroller(
            self._database,
            placement,
            self._order_and_check_reports if check_first else self._order,
            dry_run=self._dry_run,
        )
        handlers = Handlers(
            enrol=enroller.enrol,
            write_reports=self._write_reports,
            undo_enrolment=self._undo_enrolment,
            order_states=lambda names: order_states(self._database, names),
        )
        with contextlib.closing(source_for(self._options, follow=not self._dry_run)) as source:
            events = watch(source, handlers, self._options.stop_condition, stop=stop)
            yield from require_complete_list(self._options, events)

    def remove(self) -> Iterator[Event]:
        """Remove the nodes of the option ``remove``, and nothing else."""
        yield from remove_nodes(self._database, self._options.remove, dry_run=self._dry_run)
        changed = self._write_reports()
        if changed:
            yield Event(EventKind.REPORTS_WRITTEN, text=", ".join(changed))

    def _order(self, nodes: Sequence[Node]) -> None:
        """Create the install orders of new nodes, inside the transaction that adds them.

        A replaced node is ordered even if its old machine ran the target generation, and without
        the old machine's key.
        """
        to_install = [node for node in nodes if node.root and self._options.install]
        verdicts = orders.create_orders(
            self._database,
            resolve_pins(self._database, to_install, self._settings.distributions, self._profiles),
            by=self._ordered_by,
            now=timestamps.now(),
            wipe=self._options.wipe,
            force=self._replaces,
            rearm=self._replaces,
        )
        for verdict in verdicts:
            if verdict.action == eligibility.REFUSED:
                raise Refused(verdict.reason, verdict.node)

    def _order_and_check_reports(self, nodes: Sequence[Node]) -> None:
        self._order(nodes)
        write_reports(self._database, self._settings, dry_run=True)

    def _write_reports(self) -> list[str]:
        if self._dry_run:
            return []
        outcomes = write_reports(self._database, self._settings)
        return [outcome.report for outcome in outcomes if outcome.changed]

    def _undo_enrolment(self, names: Sequence[str]) -> bool:
        return not self._replaces and undo_enrolment(
            self._database, names, lambda: dry_run_error(self._database, self._settings)
        )
