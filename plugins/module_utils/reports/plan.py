# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render reports from one state of the database, find out what would change, and have that checked by the daemons."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tempfile
from typing import Iterable, Iterator, Mapping, Optional, Sequence

from ..errors import DescriptionError, NotFound, RocksError, Unavailable, combine
from ..files import read_bytes
from .model import Changes, Files, Options, Report, Run, Site, Snapshot, StagedFiles

# Beside its target, since a daemon may be confined to its own folders; hidden, since most read whole folders. The
# process is a part of the name, so that what a killed one left can be told from what is in use.
ASIDE = ".rocks-report-"
HIDDEN = "********"


@dataclasses.dataclass(frozen=True)
class Plan:
    """One report, rendered.

    files   every file that it has, with the content that it shall have
    before  what those of them that change hold now; None where there is no such file
    """

    report: Report
    site: Site
    snapshot: Snapshot
    files: Files
    before: Mapping[str, Optional[bytes]]

    def shown(self) -> Files:
        """The files as people may see them."""
        return {path: self.without_password(text.encode()) for path, text in self.files.items()}

    def changes(self, further: Iterable[str] = ()) -> Changes:
        """What changes, and what an earlier run changed: of that, nobody knows the former content."""
        former = {
            path: None if old is None else old.decode("utf-8", "replace")
            for path, old in self.before.items()
        }
        return {
            path: (former.get(path), self.files[path])
            for path in {**former, **dict.fromkeys(further)}
            if path in self.files
        }

    def without_password(self, content: bytes) -> str:
        """A file's content without the password that it may hold."""
        text, password = content.decode("utf-8", "replace"), self.site.options.get("password")
        return text.replace(json.dumps(password), f'"{HIDDEN}"') if password else text


def render_reports(
    wanted: Sequence[tuple[Report, Options]], snapshot: Snapshot, site: Site, run: Run
) -> list[Plan]:
    """Render the reports, each with its options.  Raises everything that is wrong with any of them as one error."""
    plans: list[Plan] = []
    owners: dict[str, str] = {}
    with _collect_faults() as faults:
        for report, options in wanted:
            with faults.of(report):
                its = dataclasses.replace(site, options=report.complete_options(options, run))
                plans.append(_plan(report, its, snapshot))
                for path in plans[-1].files:
                    if owners.setdefault(path, report.name) != report.name:
                        raise DescriptionError(
                            f"{path} is the file of report {owners[path]}, too",
                            "",
                            "give it a `path`",
                        )
    return plans


def check_plans(plans: Sequence[Plan], run: Run) -> None:
    """Have every report that changes checked.  Raises everything that the checkers refuse, in their words."""
    with _collect_faults() as faults:
        for plan in plans:
            if plan.before:
                with faults.of(plan.report), _stage(plan, run) as staged:
                    plan.report.check(staged, plan.site)


@contextlib.contextmanager
def _stage(plan: Plan, run: Run) -> Iterator[StagedFiles]:
    """The changed files of a report under other names, until the block ends; errors speak of their real names."""
    with contextlib.ExitStack() as inside:
        aside = {
            path: inside.enter_context(_temporary_copy(path, plan.files[path]))
            for path in plan.before
        }
        folder = inside.enter_context(tempfile.TemporaryDirectory(prefix="rocks-report-"))
        try:
            yield StagedFiles({path: aside.get(path, path) for path in plan.files}, folder, run)
        except RocksError as error:
            texts = [error.what, error.where, error.hint]
            for path, other in aside.items():
                texts = [text.replace(other, path) for text in texts]
            raise type(error)(*texts) from error


class _Faults(list[RocksError]):
    """What is wrong with several reports, each named."""

    @contextlib.contextmanager
    def of(self, report: Report) -> Iterator[None]:
        """Keep what the block raises."""
        try:
            yield
        except RocksError as error:
            where = ": ".join(filter(None, (f"report {report.name}", error.where)))
            self.append(type(error)(error.what, where, error.hint))


@contextlib.contextmanager
def _collect_faults() -> Iterator[_Faults]:
    faults = _Faults()
    yield faults
    if faults:
        raise combine(faults)


def _plan(report: Report, site: Site, snapshot: Snapshot) -> Plan:
    rendered = report.render(snapshot, site)
    present = {path: _read_current(path) for path in rendered}
    files = {
        path: text if old is None else report.reconcile(old.decode("utf-8", "replace"), text)
        for (path, text), old in zip(rendered.items(), present.values())
    }
    changed = {path: old for path, old in present.items() if old != files[path].encode()}
    return Plan(report, site, snapshot, files, changed)


def _read_current(path: str) -> Optional[bytes]:
    try:
        return read_bytes(path)
    except NotFound:
        return None


@contextlib.contextmanager
def _temporary_copy(path: str, text: str) -> Iterator[str]:
    """The new content under another name in the same folder, until the block ends."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise NotFound(
            "no such folder", folder, "install the service first, or give its report another `path`"
        )
    with translate_os_errors(folder):
        _remove_leftovers(folder)
        descriptor, aside = tempfile.mkstemp(prefix=f"{ASIDE}{os.getpid()}-", dir=folder)
    try:
        with translate_os_errors(folder), os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        yield aside
    finally:
        os.unlink(aside)


@contextlib.contextmanager
def translate_os_errors(path: str) -> Iterator[None]:
    """The system's errors of the block as ours."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unavailable(f"cannot be written ({reason})", path, "nothing was changed") from error


def _remove_leftovers(folder: str) -> None:
    """Remove what processes that were killed left behind."""
    for name in os.listdir(folder):
        if name.startswith(ASIDE) and not os.path.exists(
            f"/proc/{name[len(ASIDE) :].partition('-')[0]}"
        ):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name))
