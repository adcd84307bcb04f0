# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write reports: render all, check all, swap all, then tell each service once.

Whatever fails before a service is told leaves every file as it was.  A service that does not take its new files, or
does not come back, gets its old ones.
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
PAUSE = 0.2


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
    """Bring the files of the named reports, or of all that the site lists, to what the database says.

    dry_run  render and check everything, change nothing; within a transaction it judges what was written there

    Raises what is wrong with a row, an option or a template; CommandError that quotes the daemon which refuses a file
    or does not come back with it; Conflict when another process still writes reports after two minutes.
    """
    wanted = select_reports(settings.reports, names)
    site = Site({}, settings.plain_url.rstrip("/"), database.location, templates or Templates())
    if dry_run or not wanted:
        return [_outcome(*one, False) for one in _prepare(database, wanted, site, run, dry_run)]
    folder = state_folder(database.location)
    with contextlib.ExitStack() as alone:
        with translate_os_errors(folder):
            os.makedirs(folder, exist_ok=True)
            alone.enter_context(lock(os.path.join(folder, "lock"), LOCK_SECONDS))
        ready = _prepare(database, wanted, site, run, dry_run)
        install_files([plan for plan, _prepared in ready], folder)
        return _reload_services(ready, folder, run, sleep)


def dry_run_error(
    database: Database,
    settings: Settings,
    *,
    templates: Optional[Templates] = None,
    run: Run = process.run,
) -> str:
    """Why the reports could not be written from what the database, or the running transaction, says; "" when they can."""
    try:
        write_reports(database, settings, dry_run=True, templates=templates, run=run)
    except RocksError as error:
        return str(error)
    return ""


def _prepare(
    database: Database,
    wanted: Sequence[tuple[Report, Options]],
    site: Site,
    run: Run,
    dry_run: bool,
) -> list[tuple[Plan, bool]]:
    """The reports rendered and checked, and whether what they need in the database was, or would be, made."""
    if not wanted:
        return []
    needs = frozenset[str]().union(*(report.needs for report, _options in wanted))
    plans = render_reports(wanted, read_snapshot(database, needs), site, run)
    check_plans(plans, run)
    return [(plan, plan.report.prepare_database(database, plan.site, dry_run)) for plan in plans]


def _reload_services(
    ready: Sequence[tuple[Plan, bool]], folder: str, run: Run, sleep: Callable[[float], None]
) -> list[Outcome]:
    outcomes, faults = [], []
    for plan, prepared in ready:
        try:
            outcomes.append(_outcome(plan, prepared, _reload(plan, folder, run, sleep)))
        except RocksError as error:
            faults.append(error)
    if len(faults) > 1:
        raise CommandError(
            "".join(
                [f"{len(faults)} services keep what they have:", *(f"\n  {one}" for one in faults)]
            )
        )
    if faults:
        raise faults[0]
    return outcomes


def _reload(plan: Plan, folder: str, run: Run, sleep: Callable[[float], None]) -> bool:
    """Have the service take its files; whether there was one to tell.  When it does not, it gets its old ones back."""
    service, name, options = plan.report.service, plan.report.name, plan.site.options
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
            then = _recover(service, options, run, plan)
            if set(changed) <= set(plan.before):
                clear_pending(name, folder)
            what = f"{service.name} does not take its new files ({error}); the old ones are back, and it {then}"
            raise CommandError(what, f"report {name}") from error
    plan.report.drop_stale_state(plan.snapshot, plan.site)
    clear_pending(name, folder)
    return bool(changed)


def _wait_until_running(
    service: Service, options: Options, run: Run, sleep: Callable[[float], None]
) -> None:
    """Wait until the service serves.  Raises CommandError when it does not come back."""
    for _attempt in range(round(ALIVE_SECONDS / PAUSE)):
        if service.is_running(options, run):
            return
        sleep(PAUSE)
    raise CommandError(f"it did not come back within {ALIVE_SECONDS:g} s", service.name)


def _recover(service: Service, options: Options, run: Run, plan: Plan) -> str:
    """Bring the service back to its old files; what became of it."""
    alive = service.is_running(options, run)
    try:
        if alive:
            service.reload(
                options,
                run,
                {path: (new, old or "") for path, (old, new) in plan.changes().items()},
            )
        else:
            service.restart(options, run)
    except RocksError as error:
        return "goes on as it was" if alive else f"does not serve ({error})"
    return "goes on with them" if alive else "was started again"


def _outcome(plan: Plan, prepared: bool, reloaded: bool) -> Outcome:
    shown = plan.shown()
    files = {
        path: (plan.without_password(old or b""), shown[path]) for path, old in plan.before.items()
    }
    return Outcome(plan.report.name, files, prepared, reloaded)
