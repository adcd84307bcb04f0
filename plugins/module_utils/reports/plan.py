# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render reports from one snapshot, compare them with the files, and run the daemons' checkers."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tempfile
from typing import Iterable, Iterator, Mapping, Optional

from ..errors import DescriptionError, NotFound, RocksError, Unavailable
from ..files import read_bytes
from .model import Changes, Files, Options, Report, Run, Site, Snapshot, StagedFiles
from .site_queries import Select

# A staged file is in the folder of its target, since a daemon can be confined to its own folders,
# and hidden, since most daemons read whole folders.  The process id in the name distinguishes the
# files of a killed process from those in use.
STAGED_PREFIX = ".rocks-report-"
HIDDEN = "********"


@dataclasses.dataclass(frozen=True)
class Plan:
    """A rendered report and what installing it would change."""

    report: Report
    site: Site
    snapshot: Snapshot
    files: Files
    """Every file of the report with the content to write."""
    before: Mapping[str, Optional[bytes]]
    """The current content of the files that change; None if there is no such file."""

    def warnings(self) -> tuple[str, ...]:
        """Return why some rows and values, and templates of the site, are not in the files."""
        left_out = [*self.snapshot.faults, *self.report.left_out(self.snapshot, self.site)]
        unused = self.site.templates.unused_files()
        return (
            *(f"left out: {row}" for row in left_out),
            *(f"not used: {file}" for file in unused),
        )

    def printable_files(self) -> Files:
        """Return the files without passwords."""
        return {path: self.without_password(text.encode()) for path, text in self.files.items()}

    def changes(self, pending: Iterable[str] = ()) -> Changes:
        """Return what this plan changes, and the ``pending`` files that an earlier run changed.

        The former content of pending files is unknown, hence None.
        """
        former = {
            path: None if content is None else content.decode("utf-8", "replace")
            for path, content in self.before.items()
        }
        return {
            path: (former.get(path), self.files[path])
            for path in {**former, **dict.fromkeys(pending)}
            if path in self.files
        }

    def without_password(self, content: bytes) -> str:
        """Return a file's content with the password in it, if any, hidden."""
        text = content.decode("utf-8", "replace")
        password = self.site.options.get("password")
        return text.replace(json.dumps(password), f'"{HIDDEN}"') if password else text


class Planner:
    """Renders reports and checks them, one after the other."""

    def __init__(self, site: Site, run: Run, select: Select) -> None:
        """The options in ``site`` are not used, since each report has its own."""
        self._site = site
        self._run = run
        self._select = select
        self._owners: dict[str, str] = {}

    def plan(self, report: Report, options: Options, snapshot: Snapshot) -> Plan:
        """Return a rendered report that its checker accepts.

        Raises the errors of options, rows and templates, and CommandError of the checker.
        """
        completed = report.complete_options(options, self._run)
        site = dataclasses.replace(self._site, options=completed)
        selections = {sql: self._select(sql) for sql in report.queries(completed)}
        plan = _plan(report, site, dataclasses.replace(snapshot, selections=selections))
        for path in plan.files:
            if self._owners.setdefault(path, report.name) != report.name:
                what = f"{path} is also a file of report {self._owners[path]}"
                raise DescriptionError(what, "", "set `path` to another file")
        if plan.before:
            with _stage(plan, self._run) as staged:
                report.check(staged, site)
        return plan


@contextlib.contextmanager
def _stage(plan: Plan, run: Run) -> Iterator[StagedFiles]:
    """Write the changed files of a report under temporary names until the block ends.

    Errors of the block name the real files.
    """
    with contextlib.ExitStack() as stack:
        temporary_paths = {
            path: stack.enter_context(_temporary_copy(path, plan.files[path]))
            for path in plan.before
        }
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="rocks-report-"))
        try:
            files = {path: temporary_paths.get(path, path) for path in plan.files}
            yield StagedFiles(files, folder, run)
        except RocksError as error:
            texts = [error.what, error.where, error.hint]
            for path, temporary_path in temporary_paths.items():
                texts = [text.replace(temporary_path, path) for text in texts]
            raise type(error)(*texts) from error


def _plan(report: Report, site: Site, snapshot: Snapshot) -> Plan:
    rendered = report.render(snapshot, site)
    current = {path: _read_current(path) for path in rendered}
    files = {
        path: text
        if content is None
        else report.reconcile(content.decode("utf-8", "replace"), text)
        for (path, text), content in zip(rendered.items(), current.values())
    }
    changed = {
        path: content for path, content in current.items() if content != files[path].encode()
    }
    return Plan(report=report, site=site, snapshot=snapshot, files=files, before=changed)


def _read_current(path: str) -> Optional[bytes]:
    try:
        return read_bytes(path)
    except NotFound:
        return None


@contextlib.contextmanager
def _temporary_copy(path: str, text: str) -> Iterator[str]:
    """Write the new content under another name in the same folder until the block ends."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        hint = "install the service first, or set `path` to another file"
        raise NotFound("folder not found", folder, hint)
    with translate_os_errors(folder):
        _remove_leftovers(folder)
        descriptor, temporary_path = tempfile.mkstemp(
            prefix=f"{STAGED_PREFIX}{os.getpid()}-", dir=folder
        )
    try:
        with translate_os_errors(folder), os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        yield temporary_path
    finally:
        os.unlink(temporary_path)


@contextlib.contextmanager
def translate_os_errors(path: str) -> Iterator[None]:
    """Raise Unavailable for an OSError of the block."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unavailable(f"cannot write ({reason})", path, "nothing was changed") from error


def _remove_leftovers(folder: str) -> None:
    """Remove the staged files of processes that no longer exist."""
    for name in os.listdir(folder):
        if name.startswith(STAGED_PREFIX):
            process_id = name[len(STAGED_PREFIX) :].partition("-")[0]
            if not os.path.exists(f"/proc/{process_id}"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(folder, name))
