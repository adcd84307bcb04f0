# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""insert-ethers (paper, 6.4): from a DHCP request to a node, its install order and the reports.

One run goes through these steps, in the order of this file:

1. Check before any machine is switched on: can the next machine be added, ordered and reported?
2. Open the source of DHCP requests: an interface, a log, or a list of machines.
3. For each batch of requests, add a row for each unknown machine and create its install order, in
   one transaction.
4. Write the reports, so that the DHCP server answers the machines' next requests.  If a report
   cannot be written because of the new nodes, remove those; a report that another row prevents is
   retried, and does not keep machines from being added.
5. Follow the install orders until the stop condition holds.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, Sequence

from ..acting_user import acting_user
from ..argument_specs import database_spec
from ..cluster.database import Database, connect
from ..cluster.model import Node
from ..discovery.enrolment import (
    Enroller,
    check_placement,
    remove_nodes,
    reports_at_fault,
    undo_enrolment,
)
from ..discovery.event_loop import Handlers, watch
from ..discovery.insert_options import InsertOptions, options_from_params, require_complete_list
from ..discovery.model import Event, EventKind, ReportResult
from ..discovery.order_progress import latest_reason, order_states
from ..discovery.sources import source_for, with_interface
from ..errors import Refused
from ..install import eligibility, orders, timestamps, wipe_permission
from ..install.sending import DISCOVERY
from ..install.wipe_permission import stopped_at_disks
from ..reports.model import Outcome
from ..reports.write import failure_of, warnings_of, write_reports
from ..settings import Settings, load
from ..slow_steps import Notify, ignore
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


def disk_notice(params: Mapping[str, Any]) -> str:
    """Return what happens to disks that are not blank, to be shown before machines are started."""
    if params["remove"] or not params["install"]:
        return ""
    if params["wipe"]:
        return "the installations delete the data on the disks of these machines (wipe=true)"
    return (
        "a machine whose disks contain data is not installed, and keeps the data; to delete it, use"
        " wipe=true for this run, or look at the disks and permit it later (rocks_install"
        " state=wipe_permitted)"
    )


def insert_ethers(
    params: Mapping[str, Any],
    *,
    dry_run: bool,
    stop: Callable[[], bool],
    environment: Optional[Mapping[str, str]] = None,
    notify: Notify = ignore,
) -> Iterator[Event]:
    """Run insert-ethers, and yield each Event when it happens.

    params       values of ``argument_spec``
    dry_run      read a log to its present end, and change nothing
    stop         polled; true ends the run
    environment  for the settings; None: of this process
    notify       shows a line while a check or a reload takes long

    Raises RocksError: a wrong option, a source that cannot be read, or a database or service that
    failed until the end.
    """
    options = options_from_params(params)
    settings = load(environment)
    with connect(params["database"] or settings.database) as database:
        if options.remove:
            yield from _Run(database, settings, options, dry_run, notify).remove()
        else:
            options = with_interface(options, database)
            yield from _Run(database, settings, options, dry_run, notify).enrol(stop)


class _Run:
    """One run, on an open database."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        options: InsertOptions,
        dry_run: bool,
        notify: Notify,
    ) -> None:
        self._database = database
        self._settings = settings
        self._options = options
        self._dry_run = dry_run
        self._notify = notify
        self._replaces = bool(options.placement.replace)
        self._ordered_by = f"{acting_user()}, insert-ethers"
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
            describe_failure=self._describe_failure,
        )
        with contextlib.closing(source_for(self._options, follow=not self._dry_run)) as source:
            events = watch(source, handlers, self._options.stop_condition, stop=stop)
            yield from require_complete_list(self._options, events)

    def remove(self) -> Iterator[Event]:
        """Remove the nodes of the option ``remove``, and nothing else."""
        yield from remove_nodes(self._database, self._options.remove, dry_run=self._dry_run)
        result = self._write_reports()
        if result.changed:
            yield Event(EventKind.REPORTS_WRITTEN, text=", ".join(result.changed))
        for line in result.warnings:
            yield Event(EventKind.WARNING, text=line)
        if result.error:
            raise result.error

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
            driver="" if self._options.machines else DISCOVERY,
            force=self._replaces,
            rearm=self._replaces,
        )
        for verdict in verdicts:
            if verdict.action in (eligibility.REFUSED, eligibility.MAINTENANCE):
                raise Refused(verdict.reason, verdict.node)

    def _order_and_check_reports(self, nodes: Sequence[Node]) -> None:
        """Order, and raise why reports cannot be written because of these nodes.

        A report that another row prevents does not keep these from being added.
        """
        self._order(nodes)
        outcomes = self._check_reports()
        at_fault = reports_at_fault(
            self._database, [node.name for node in nodes], _failing(outcomes), self._failing_reports
        )
        error = failure_of(outcome for outcome in outcomes if outcome.report in at_fault)
        if error:
            raise error

    def _write_reports(self) -> ReportResult:
        if self._dry_run:
            return ReportResult()
        outcomes = write_reports(self._database, self._settings, notify=self._notify)
        return ReportResult(
            changed=tuple(outcome.report for outcome in outcomes if outcome.changed),
            warnings=tuple(warnings_of(outcomes)),
            error=failure_of(outcomes),
        )

    def _describe_failure(self, name: str) -> str:
        reason = latest_reason(self._database, name)
        return f"{reason}; {wipe_permission.hint(name)}" if stopped_at_disks(reason) else reason

    def _undo_enrolment(self, names: Sequence[str]) -> bool:
        return not self._replaces and undo_enrolment(self._database, names, self._failing_reports)

    def _check_reports(self) -> list[Outcome]:
        return write_reports(self._database, self._settings, dry_run=True, notify=self._notify)

    def _failing_reports(self) -> set[str]:
        return _failing(self._check_reports())


def _failing(outcomes: Iterable[Outcome]) -> set[str]:
    return {outcome.report for outcome in outcomes if outcome.error}
