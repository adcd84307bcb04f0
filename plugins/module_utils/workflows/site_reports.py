# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the reports of a site (rocks_report), with lines while a daemon is slow."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from .. import settings
from ..argument_specs import database_spec
from ..cluster.database import connect
from ..reports.options import merge_options
from ..reports.write import failure_of, warnings_of, write_reports
from ..slow_steps import Notify, ignore


def argument_spec() -> dict[str, Any]:
    """Return the options of the module and of the action plugin."""
    return {
        "name": {"type": "list", "elements": "str"},
        "options": {"type": "dict", "default": {}},
        **database_spec(),
    }


def write_site_reports(
    params: Mapping[str, Any],
    *,
    dry_run: bool,
    environment: Optional[Mapping[str, str]] = None,
    notify: Notify = ignore,
) -> dict[str, Any]:
    """Write the reports, and return the result of the module.

    params       values of ``argument_spec``
    environment  for the settings; None: of this process
    notify       shows a line while a check or a reload takes long

    If some reports could not be written, the result is ``failed`` with a ``msg``; the others were
    written.  Raises the errors of settings, options and the database.
    """
    site = merge_options(settings.load(environment), params["name"], params["options"])
    with connect(params["database"] or site.database) as database:
        outcomes = write_reports(database, site, params["name"], dry_run=dry_run, notify=notify)
    failure = failure_of(outcomes)
    return {
        "changed": any(outcome.changed for outcome in outcomes),
        "reports": [outcome.to_data() for outcome in outcomes],
        "diff": [difference for outcome in outcomes for difference in outcome.differences()],
        "warnings": warnings_of(outcomes),
        **({"failed": True, "msg": str(failure)} if failure else {}),
    }
