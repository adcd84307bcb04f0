# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List the reports, and render them without writing anything (the original's ``dbreport``)."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional, Sequence

from .. import process
from ..cluster.database import Database
from ..errors import RocksError
from ..settings import Settings
from .model import Options, Report, Run, Site
from .options import ENABLED, select_reports
from .plan import Planner
from .registry import REPORTS
from .site_queries import node_selection
from .snapshot import read_snapshot
from .templating import Templates


class ReportPreview(NamedTuple):
    """A report with its options, and its content if it was rendered."""

    name: str
    summary: str
    enabled: bool
    options: Options
    files: Mapping[str, str]
    """Path -> content; empty unless the report was rendered."""
    fault: str
    """Why the report cannot be written; empty if it can."""
    warnings: tuple[str, ...]
    """The rows and values that are left out, each with the reason."""


def preview_reports(
    database: Database,
    settings: Settings,
    names: Optional[Sequence[str]] = None,
    *,
    templates: Optional[Templates] = None,
    run: Run = process.run,
) -> list[ReportPreview]:
    """Render and check the named reports; without names, list all reports and render none.

    Raises DescriptionError or NotFound for unknown reports and faulty options.
    """
    all_names = [report.name for report in REPORTS]
    selected = select_reports(settings.reports, all_names if names is None else names)
    previews = []
    for report, options in selected:
        site = Site(
            options=options,
            url=settings.plain_url.rstrip("/"),
            database=database.location,
            templates=templates or Templates(),
        )
        files: Mapping[str, str] = {}
        fault = ""
        warnings: tuple[str, ...] = ()
        if names is not None:
            files, fault, warnings = _render(database, settings, report, site, run)
        previews.append(
            ReportPreview(
                name=report.name,
                summary=report.summary,
                enabled=report.name in settings.reports and bool(options[ENABLED]),
                options=options,
                files=files,
                fault=fault,
                warnings=warnings,
            )
        )
    return previews


def _render(
    database: Database, settings: Settings, report: Report, site: Site, run: Run
) -> tuple[Mapping[str, str], str, tuple[str, ...]]:
    """Return the content of a report, what prevents writing it, and what was left out."""
    try:
        snapshot = read_snapshot(database, report.needs)
        planner = Planner(site, run, node_selection(database, settings))
        plan = planner.plan(report, site.options, snapshot)
        report.prepare_database(database, plan.site, True)
    except RocksError as error:
        return {}, str(error), ()
    return plan.printable_files(), "", plan.warnings()
