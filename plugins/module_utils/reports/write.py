# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write reports: render all, check all, install all, then reload each service once.

An error before the first reload leaves every file as it was.  If a service rejects its new files
or stops, its old files are restored.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Callable, Optional, Sequence

from .. import process
from ..cluster.database import Database
from ..errors import CommandError, RocksError
from ..files import lock
from ..settings import Settings
from .atomic_install import clear_pending, install_files, pending_files, restore, state_folder
from .model import Options, Outcome, Report, Run, Service, Site
from .options import select_reports
from .plan import Plan, check_plans, render_reports, translate_os_errors
from .snapshot import read_snapshot
from .templating import Templates

LOCK_SECONDS = 120.0
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
) -> list[Outcome]:
    """Write the files of the named reports, or of all that the site lists.

    dry_run  render and check everything, change nothing; in a transaction, uncommitted rows count

    Raises the errors of rows, options and templates; CommandError with the output of a daemon that
    rejects a file or stops; Conflict if another process is still writing after two minutes.
    """
    reports = select_reports(settings.reports, names)
    site = Site(
        options={},
        url=settings.plain_url.rstrip("/"),
        database=database.location,
        templates=templates or Templates(),
    )
    if dry_run or not reports:
        plans = _prepare(database, reports, site, run, dry_run=dry_run)
        return [_outcome(plan, prepared, reloaded=False) for plan, prepared in plans]
    folder = state_folder(database.location)
    with contextlib.ExitStack() as stack:
        with translate_os_errors(folder):
            os.makedirs(folder, exist_ok=True)
            stack.enter_context(lock(os.path.join(folder, "lock"), LOCK_SECONDS))
        plans = _prepare(database, reports, site, run, dry_run=False)
        install_files([plan for plan, _prepared in plans], folder)
        return _reload_services(plans, folder, run, sleep)


def dry_run_error(
    database: Database,
    settings: Settings,
    *,
    templates: Optional[Templates] = None,
    run: Run = process.run,
) -> str:
    """Return why the reports could not be written now, or "" if they could.

    In a transaction, its uncommitted rows count.
    """
    try:
        write_reports(database, settings, dry_run=True, templates=templates, run=run)
    except RocksError as error:
        return str(error)
    return ""


def _prepare(
    database: Database,
    reports: Sequence[tuple[Report, Options]],
    site: Site,
    run: Run,
    *,
    dry_run: bool,
) -> list[tuple[Plan, bool]]:
    """Return the rendered and checked reports, and whether the database was prepared for each."""
    if not reports:
        return []
    needs = frozenset[str]().union(*(report.needs for report, _options in reports))
    plans = render_reports(reports, read_snapshot(database, needs), site, run)
    check_plans(plans, run)
    return [(plan, plan.report.prepare_database(database, plan.site, dry_run)) for plan in plans]


def _reload_services(
    plans: Sequence[tuple[Plan, bool]], folder: str, run: Run, sleep: Callable[[float], None]
) -> list[Outcome]:
    outcomes = []
    faults = []
    for plan, prepared in plans:
        try:
            reloaded = _reload(plan, folder, run, sleep)
            outcomes.append(_outcome(plan, prepared, reloaded=reloaded))
        except RocksError as error:
            faults.append(error)
    if len(faults) > 1:
        lines = [f"{len(faults)} services rejected their new files:", *map(str, faults)]
        raise CommandError("\n  ".join(lines))
    if faults:
        raise faults[0]
    return outcomes


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
            raise CommandError(what, f"report {name}") from error
    plan.report.drop_stale_state(plan.snapshot, plan.site)
    clear_pending(name, folder)
    return bool(changed)


def _wait_until_running(
    service: Service, options: Options, run: Run, sleep: Callable[[float], None]
) -> None:
    """Wait until the service runs.  Raises CommandError after ``ALIVE_SECONDS``."""
    for _attempt in range(round(ALIVE_SECONDS / POLL_SECONDS)):
        if service.is_running(options, run):
            return
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


def _outcome(plan: Plan, prepared: bool, *, reloaded: bool) -> Outcome:
    printable = plan.printable_files()
    files = {
        path: (plan.without_password(content or b""), printable[path])
        for path, content in plan.before.items()
    }
    return Outcome(report=plan.report.name, files=files, prepared=prepared, reloaded=reloaded)
