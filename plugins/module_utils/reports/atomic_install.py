# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give checked files their names, all of them or none, and take them back.

Before the first one is renamed a note says which services must be told, so that a power cut between the two is made
good by the next run.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Iterable, Mapping, Optional, Sequence

from ..cluster.engine import Location
from ..files import read_text, replace, sync_directory
from .plan import Plan, translate_os_errors

MARK = "Written by rocks_report"
STATE = "/var/lib/rocks/reports"
PRIVATE = 0o640  # of a file that holds a password


def state_folder(database: Location) -> str:
    """Where notes and the site's own first files are kept: beside an SQLite database, so that a demonstration needs no root."""
    return (
        os.path.join(os.path.dirname(database.name), "reports")
        if database.engine == "sqlite"
        else STATE
    )


def install_files(plans: Sequence[Plan], folder: str) -> None:
    """Rename all changed files into place.  Whatever fails, those that were renamed are taken back."""
    done: dict[str, Optional[bytes]] = {}
    try:
        for plan in plans:
            if plan.before:
                with translate_os_errors(folder):
                    _back_up_original(plan.before, folder)
                    mark_pending(plan.report.name, plan.before, folder)
            for path, old in plan.before.items():
                done[path] = old
                with translate_os_errors(path):
                    replace(
                        path,
                        plan.files[path],
                        PRIVATE if plan.site.options.get("password") else None,
                    )
    except BaseException:
        restore(done)
        for plan in plans:
            clear_pending(plan.report.name, folder)
        raise


def restore(before: Mapping[str, Optional[bytes]]) -> None:
    """Give files their former content, and remove those that were not there."""
    for path, old in before.items():
        if old is not None:
            replace(path, old)
            continue
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            sync_directory(os.path.dirname(path))


def mark_pending(name: str, changed: Iterable[str], folder: str) -> None:
    """Write down that the service of a report must be told of files."""
    replace(
        _pending_path(name, folder), json.dumps(sorted({*pending_files(name, folder), *changed}))
    )


def pending_files(name: str, folder: str) -> list[str]:
    """The files of which the service of a report was not told yet."""
    path = _pending_path(name, folder)
    return list(json.loads(read_text(path))) if os.path.exists(path) else []


def clear_pending(name: str, folder: str) -> None:
    """The service was told."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_pending_path(name, folder))


def _pending_path(name: str, folder: str) -> str:
    return os.path.join(folder, f"{name}.pending")


def _back_up_original(before: Mapping[str, Optional[bytes]], folder: str) -> None:
    """Keep a copy of a file that somebody else wrote, once."""
    for path, old in before.items():
        kept = os.path.join(folder, "before" + path.replace("/", "-"))
        if old is not None and MARK.encode() not in old and not os.path.exists(kept):
            replace(kept, old, 0o600)
