# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which reports a site has, and what it says of each: ``reports`` in rocks.yml, over the reports' own defaults."""

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
    said: Mapping[str, Any], names: Optional[Sequence[str]] = None
) -> list[tuple[Report, Options]]:
    """The reports of these names, or those that the site lists, each with its options.

    Raises DescriptionError or NotFound with everything that cannot be meant.
    """
    known = {report.name: report for report in REPORTS}
    hint = f"known: {', '.join(known)}"
    faults: list[RocksError] = [
        NotFound(f"there is no report {name!r}", WHERE, hint)
        for name in [*said, *(names or ())]
        if name not in known
    ]
    found = {name: _options(known[name], said.get(name) or {}, faults) for name in known}
    if faults:
        raise combine(faults)
    wanted = names if names is not None else [name for name in said if found[name][ENABLED]]
    return [(report, found[report.name]) for report in REPORTS if report.name in wanted]


def merge_options(
    settings: Settings, names: Optional[Sequence[str]], said: Mapping[str, Any]
) -> Settings:
    """The settings with further options of one named report.  Raises DescriptionError when it is not one."""
    if not said:
        return settings
    if names is None or len(names) != 1:
        raise DescriptionError(
            "options are given for more than one report", "options", "name the one they are of"
        )
    its = {**(settings.reports.get(names[0]) or {}), **said}
    return dataclasses.replace(settings, reports={**settings.reports, names[0]: its})


def default_options(report: Report) -> Options:
    """Every option of a report with its default."""
    return {**report.options, **(SERVICE_OPTIONS if report.service else {}), ENABLED: True}


def _options(report: Report, said: Any, faults: list[RocksError]) -> Options:
    known, where = default_options(report), f"{WHERE}: {report.name}"
    if not isinstance(said, Mapping):
        faults.append(
            DescriptionError(f"{said!r} is said of it", where, "a mapping of options is expected")
        )
        return known
    for name, value in said.items():
        if name not in known:
            hint = f"known options: {', '.join(sorted(known))}"
            faults.append(DescriptionError(f"unknown option {name!r}", where, hint))
        elif not _fits(value, known[name]):
            faults.append(
                DescriptionError(
                    f"{name} is {value!r}", where, f"a {_KINDS[type(known[name])]} is expected"
                )
            )
    return {**known, **{name: value for name, value in said.items() if name in known}}


_KINDS = {str: "text of one line", int: "number", bool: "yes or no", list: "list of texts"}


def _fits(value: Any, default: Any) -> bool:
    if type(value) is not type(default):
        return False
    texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    return all(isinstance(text, str) and text.isprintable() and '"' not in text for text in texts)
