# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write reports: render, check, install and reload one after the other.

Each report succeeds or fails by itself, in the order of ``registry``: names, DHCP and DNS are
served before a scheduler is checked.  A report that fails keeps its old files.  If a service
rejects its new files or stops, its old files are restored.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from dataclasses import dataclass
from typing import Callable, Iterable, Optional, Sequence

from .. import process
from ..cluster.database import Database
from ..errors import CommandError, RocksError
from ..files import lock
from ..settings import Settings
from ..slow_steps import Notify, ignore, slow_step
from .atomic_install import clear_pending, install_files, pending_files, restore, state_folder
from .model import Options, Outcome, Report, Run, Service, Site, Snapshot
from .options import select_reports
from .plan import Plan, Planner, translate_os_errors
from .site_queries import node_selection
from .snapshot import read_snapshot
from .templating import Templates

LOCK_SECONDS = 120.0
WAIT = "wait for another process that writes reports"
# Two locks, so that names, DHCP and DNS do not wait for another process that reloads a scheduler.
LOCKS = {True: "lock-names", False: "lock-services"}
ALIVE_SECONDS = 10.0
POLL_SECONDS = 0.2


def write_reports(
    database: Database,
    settings: Settings,
    names: Optional[Sequence[str]] = None,
    *,
    dry_run: bool = False,
    templates: Optional[Templates] = None,
    run: Run = process.run,
    sleep: Callable[[float], None] = time.sleep,
    notify: Notify = ignore,
) -> list[Outcome]:
    """Write the files of the named reports, or of all that the site lists, one after the other.

    dry_run  render and check everything, change nothing; in a transaction, uncommitted rows count
    notify   shows a line while a check or a reload takes long

    The ``error`` of an outcome is why this report was not written: the error of a row, an option or
    a template, CommandError with the output of a daemon that rejects a file or stops, or Conflict
    if another process is still writing after two minutes.  Raises the errors of the database, and
    of unknown reports and options.
    """
    reports = select_reports(settings.reports, names)
    if not reports:
        return []
    site = Site(
        options={},
        url=settings.plain_url.rstrip("/"),
        database=database.location,
        templates=templates or Templates(),
    )
    writer = _Writer(
        database=database,
        planner=Planner(site, run, node_selection(database, settings)),
        folder=state_folder(database.location),
        dry_run=dry_run,
        run=run,
        sleep=sleep,
        notify=notify,
    )
    outcomes: list[Outcome] = []
    for serves_machines, group in itertools.groupby(reports, lambda row: row[0].serves_machines):
        outcomes += writer.write_group(list(group), LOCKS[serves_machines])
    return outcomes


def warnings_of(outcomes: Iterable[Outcome]) -> list[str]:
    """Return what was left out of the reports, each once."""
    return list(dict.fromkeys(line for outcome in outcomes for line in outcome.warnings))


def failure_of(outcomes: Iterable[Outcome]) -> Optional[RocksError]:
    """Return one error for all reports that were not written; None if all were."""
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if len(errors) < 2:
        return errors[0] if errors else None
    lines = "".join(f"\n  {error}" for error in errors)
    error_class = type(errors[0]) if len(set(map(type, errors))) == 1 else CommandError
    return error_class(f"{len(errors)} reports were not written:{lines}")


@dataclass(frozen=True)
class _Writer:
    """Writes reports, each independently of the others."""

    database: Database
    planner: Planner
    folder: str
    """For pending reloads and backups."""
    dry_run: bool
    run: Run
    sleep: Callable[[float], None]
    notify: Notify

    def write_group(
        self, reports: Sequence[tuple[Report, Options]], lock_name: str
    ) -> list[Outcome]:
        """Write reports from one state of the database, while no other process writes them."""
        with contextlib.ExitStack() as stack:
            if not self.dry_run:
                try:
                    with translate_os_errors(self.folder), slow_step(WAIT, self.notify):
                        os.makedirs(self.folder, exist_ok=True)
                        path = os.path.join(self.folder, lock_name)
                        stack.enter_context(lock(path, LOCK_SECONDS))
                except RocksError as error:
                    return [_failure(report, error) for report, _options in reports]
            needs = frozenset[str]().union(*(report.needs for report, _options in reports))
            snapshot = read_snapshot(self.database, needs)
            return [self._write(report, options, snapshot) for report, options in reports]

    def _write(self, report: Report, options: Options, snapshot: Snapshot) -> Outcome:
        """Write one report, and return its outcome, also if it fails."""
        where = f"report {report.name}"
        try:
            with slow_step(f"{where}: check", self.notify):
                plan = self.planner.plan(report, options, snapshot)
                prepared = report.prepare_database(self.database, plan.site, self.dry_run)
            reloaded = False
            if not self.dry_run:
                install_files(plan, self.folder)
                with slow_step(f"{where}: reload", self.notify):
                    reloaded = _reload(plan, self.folder, self.run, self.sleep)
        except RocksError as error:
            return _failure(report, error)
        return Outcome(
            report=report.name,
            files=_printable_changes(plan),
            prepared=prepared,
            reloaded=reloaded,
            warnings=plan.warnings(),
        )


def _failure(report: Report, error: RocksError) -> Outcome:
    where = ": ".join(filter(None, (f"report {report.name}", error.where)))
    return Outcome(report.name, error=type(error)(error.what, where, error.hint))


def _reload(plan: Plan, folder: str, run: Run, sleep: Callable[[float], None]) -> bool:
    """Reload the service and return whether that was necessary.

    If the service rejects its files, restore the old ones and raise CommandError.
    """
    service = plan.report.service
    name = plan.report.name
    options = plan.site.options
    changed = pending_files(name, folder)
    if service is None or not service.is_running(options, run):
        clear_pending(name, folder)
        return False
    if changed:
        try:
            service.reload(options, run, plan.changes(changed))
            _wait_until_running(service, options, run, sleep)
        except RocksError as error:
            restore(plan.before)
            result = _recover(service, options, run, plan)
            if set(changed) <= set(plan.before):
                clear_pending(name, folder)
            what = (
                f"{service.name} rejected its new files ({error});"
                f" the old files were restored, and {service.name} {result}"
            )
            raise CommandError(what) from error
    plan.report.drop_stale_state(plan.snapshot, plan.site)
    clear_pending(name, folder)
    return bool(changed)


def _wait_until_running(
    service: Service, options: Options, run: Run, sleep: Callable[[float], None]
) -> None:
    """Wait until the service runs.  Raises CommandError after ``ALIVE_SECONDS``."""
    end = time.monotonic() + ALIVE_SECONDS
    for _attempt in range(round(ALIVE_SECONDS / POLL_SECONDS)):
        if service.is_running(options, run):
            return
        if time.monotonic() >= end:
            break
        sleep(POLL_SECONDS)
    raise CommandError(f"not running {ALIVE_SECONDS:g} s after the reload", service.name)


def _recover(service: Service, options: Options, run: Run, plan: Plan) -> str:
    """Make the service use its old files again, and return the result as a verb phrase."""
    running = service.is_running(options, run)
    try:
        if running:
            restored = {path: (new, old or "") for path, (old, new) in plan.changes().items()}
            service.reload(options, run, restored)
        else:
            service.restart(options, run)
    except RocksError as error:
        return "continues unchanged" if running else f"is not running ({error})"
    return "was reloaded" if running else "was restarted"


def _printable_changes(plan: Plan) -> dict[str, tuple[str, str]]:
    """Return the content before and after of the files that change, without passwords."""
    printable = plan.printable_files()
    return {
        path: (plan.without_password(content or b""), printable[path])
        for path, content in plan.before.items()
    }
