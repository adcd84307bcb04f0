# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What reports there are, and what they would say, without writing anything (the original's ``dbreport``)."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional, Sequence

from .. import process
from ..cluster.database import Database
from ..errors import RocksError
from ..settings import Settings
from .model import Options, Report, Run, Site
from .options import ENABLED, select_reports
from .plan import check_plans, render_reports
from .registry import REPORTS
from .snapshot import read_snapshot
from .templating import Templates


class ReportPreview(NamedTuple):
    """A report; ``files`` is empty unless it was rendered, ``fault`` unless something stands in its way."""

    name: str
    summary: str
    enabled: bool
    options: Options
    files: Mapping[str, str]
    fault: str


def preview_reports(
    database: Database,
    settings: Settings,
    names: Optional[Sequence[str]] = None,
    *,
    templates: Optional[Templates] = None,
    run: Run = process.run,
) -> list[ReportPreview]:
    """The named reports, rendered and checked; or all of them, neither rendered nor checked."""
    everything = select_reports(settings.reports, [report.name for report in REPORTS])
    found = []
    for report, options in everything:
        if names is None or report.name in names:
            site = Site(
                options, settings.plain_url.rstrip("/"), database.location, templates or Templates()
            )
            files, fault = ({}, "") if names is None else _render(database, report, site, run)
            enabled = report.name in settings.reports and bool(options[ENABLED])
            found.append(ReportPreview(report.name, report.summary, enabled, options, files, fault))
    return found


def _render(
    database: Database, report: Report, site: Site, run: Run
) -> tuple[Mapping[str, str], str]:
    try:
        plans = render_reports(
            [(report, site.options)], read_snapshot(database, report.needs), site, run
        )
        check_plans(plans, run)
        report.prepare_database(database, plans[0].site, True)
    except RocksError as error:
        return {}, str(error)
    return plans[0].shown(), ""
