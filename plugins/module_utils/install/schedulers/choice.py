# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Choose the scheduler of a reinstallation, so that it kills a job only on request."""

from __future__ import annotations

from typing import Callable, Mapping, Optional, Sequence

from ...errors import DescriptionError
from .base import SCHEDULERS, Scheduler

NONE = "none"
SITE_SCHEDULERS = ("slurm", "pbs", NONE)
"""The values of ``scheduler`` in rocks.yml."""

Factory = Callable[[], Scheduler]


def choose_scheduler(option: Optional[str], site: str) -> str:
    """Return the name of the scheduler: the option's, or else the site's.

    option  a key of SCHEDULERS; None: not given
    site    ``scheduler`` of rocks.yml; empty: not set

    Raises DescriptionError for an unknown value in rocks.yml, or if both are missing: without a
    scheduler a reinstallation kills running jobs, so that must be said.
    """
    choices = ", ".join(SITE_SCHEDULERS)
    if site and site not in SITE_SCHEDULERS:
        raise DescriptionError(f"unknown scheduler {site!r}", "rocks.yml", f"use {choices}")
    if option or site:
        return option or site
    raise DescriptionError(
        "no scheduler is set, so jobs on the nodes would be killed",
        "rocks.yml",
        f"set scheduler to one of {choices}, or use the option scheduler; nothing was ordered",
    )


def jobs_without_scheduler(
    nodes: Sequence[str],
    scheduler: str,
    site: str,
    *,
    schedulers: Optional[Mapping[str, Factory]] = None,
) -> dict[str, str]:
    """Return the nodes that run jobs of the site's scheduler although this run uses none.

    Each has the reason why it is refused.  Raises Unavailable if the site's scheduler fails.
    """
    if scheduler != NONE or site in ("", NONE) or not nodes:
        return {}
    reason = f"it runs a job; use scheduler={site} to wait for it, or force_jobs=true to kill it"
    factories = SCHEDULERS if schedulers is None else schedulers
    return dict.fromkeys(sorted(factories[site]().busy(nodes)), reason)
