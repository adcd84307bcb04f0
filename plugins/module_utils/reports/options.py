# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Select the reports of a site and their options: ``reports`` in rocks.yml over the defaults."""

from __future__ import annotations

import dataclasses
from typing import Any, Mapping, Optional, Sequence

from ..errors import DescriptionError, NotFound, RocksError, combine
from ..settings import Settings
from .model import Options, Report
from .registry import REPORTS
from .services import OPTIONS as SERVICE_OPTIONS

WHERE = "reports"
ENABLED = "enabled"


def select_reports(
    site_options: Mapping[str, Any], names: Optional[Sequence[str]] = None
) -> list[tuple[Report, Options]]:
    """Return the named reports, or those that the site enables, each with its options.

    ``site_options`` are the options by report.  Raises DescriptionError or NotFound with all
    unknown reports and faulty options.
    """
    by_name = {report.name: report for report in REPORTS}
    hint = f"reports: {', '.join(by_name)}"
    faults: list[RocksError] = [
        NotFound(f"unknown report {name!r}", WHERE, hint)
        for name in [*site_options, *(names or ())]
        if name not in by_name
    ]
    options = {
        name: _check_options(report, site_options.get(name) or {}, faults)
        for name, report in by_name.items()
    }
    if faults:
        raise combine(faults)
    if names is None:
        names = [name for name in site_options if options[name][ENABLED]]
    return [(report, options[report.name]) for report in REPORTS if report.name in names]


def merge_options(
    settings: Settings, names: Optional[Sequence[str]], options: Mapping[str, Any]
) -> Settings:
    """Return the settings with options added to those of the one named report.

    Raises DescriptionError if there are options and not exactly one name.
    """
    if not options:
        return settings
    if names is None or len(names) != 1:
        raise DescriptionError(
            "options require exactly one report", "options", "set `name` to that report"
        )
    merged = {**(settings.reports.get(names[0]) or {}), **options}
    return dataclasses.replace(settings, reports={**settings.reports, names[0]: merged})


def default_options(report: Report) -> Options:
    """Return every option of a report with its default."""
    return {**report.options, **(SERVICE_OPTIONS if report.service else {}), ENABLED: True}


def _check_options(report: Report, options: Any, faults: list[RocksError]) -> Options:
    """Return the options over the defaults; append what is wrong to ``faults``."""
    defaults = default_options(report)
    where = f"{WHERE}: {report.name}"
    if not isinstance(options, Mapping):
        faults.append(DescriptionError(f"{options!r} is not a mapping of options", where))
        return defaults
    for name, value in options.items():
        if name not in defaults:
            hint = f"options: {', '.join(sorted(defaults))}"
            faults.append(DescriptionError(f"unknown option {name!r}", where, hint))
        elif not _has_type_of(defaults[name], value):
            what = f"{name}: {value!r} is not a {_TYPE_NAMES[type(defaults[name])]}"
            faults.append(DescriptionError(what, where))
    return {**defaults, **{name: options[name] for name in options if name in defaults}}


_TYPE_NAMES = {
    str: "text of one line without quotes",
    int: "number",
    bool: "boolean",
    list: "list of texts of one line without quotes",
    dict: "mapping",
}


def _has_type_of(default: Any, value: Any) -> bool:
    if type(value) is not type(default):
        return False
    texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    return all(isinstance(text, str) and text.isprintable() and '"' not in text for text in texts)
