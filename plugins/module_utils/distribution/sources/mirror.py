# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings here what a distribution needs of a repository: first its metadata, then the packages that were chosen.

The metadata that belongs to one repomd.xml is a snapshot: a folder that appears complete and checked, or not at all,
and never changes.  Packages go to the pool, each under its checksum.  So nothing that was brought here disagrees with
the repomd.xml that it belongs to, whatever upstream does meanwhile; `unchanged` tells whether upstream has moved on.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from typing import Iterable, Iterator, NamedTuple, Sequence

from ... import files
from ...errors import Conflict, DescriptionError, NotFound, Unavailable
from ...process import Run, run
from ..metadata.repomd import Record, is_safe_path, is_used, is_valid_checksum, parse_repomd
from ..model import (
    Package,
    Progress,
    ProgressCallback,
    Source,
    TreeFile,
    ignore_progress,
    pool_path,
)
from ..storage.pool import file_digest
from ..storage.staging import DownloadItem, sync_file_system
from . import signatures
from .downloader import DownloadResult, FailedFile, download
from .http import Connection, Limits, read_small_file

HEAD, SIGNATURE = "repodata/repomd.xml", "repodata/repomd.xml.asc"
LARGEST_HEAD = 8 << 20
KEPT_SNAPSHOTS = 3
SHOWN_FAULTS = 10
DEFAULT = Limits()


class Snapshot(NamedTuple):
    """The metadata of a repository at one moment.

    path      a folder that holds ``repodata``; it never changes
    identity  the SHA-256 of repomd.xml
    """

    source: Source
    path: str
    identity: str


class SourceChanged(Unavailable):
    """Upstream has published other metadata in the meantime: take a new snapshot, and choose again."""


def take_snapshot(
    source: Source,
    cache: str,
    *,
    limits: Limits = DEFAULT,
    report: ProgressCallback = ignore_progress,
    run: Run = run,
) -> Snapshot:
    """The metadata of ``source``, fetched as far as ``cache`` lacks it, each file checked against repomd.xml.

    cache  an existing folder; several distributions, and several runs at a time, may share it

    Raises Unavailable (no answer, half-written upstream), NotFound (no repository there), DescriptionError (repomd.xml
    or its signature is wrong), Conflict (another run held the cache for longer than ``limits`` grant).
    """
    folder = os.path.join(cache, _key(source))
    os.makedirs(folder, exist_ok=True)
    with (
        _alone(folder, source, limits, report),
        contextlib.closing(Connection(source, limits)) as connection,
    ):
        for _round in range(limits.max_rounds - 1):
            with contextlib.suppress(SourceChanged):
                return _take(connection, source, folder, limits, report=report, run=run)
        return _take(connection, source, folder, limits, report=report, run=run)


def is_unchanged(snapshot: Snapshot, *, limits: Limits = DEFAULT) -> bool:
    """Whether upstream still has the repomd.xml of this snapshot."""
    return _identity_now(snapshot.source, limits) == snapshot.identity


def fetch_packages(
    snapshot: Snapshot,
    packages: Iterable[Package],
    pool: str,
    *,
    limits: Limits = DEFAULT,
    report: ProgressCallback = ignore_progress,
) -> DownloadResult:
    """Bring packages of a snapshot into the pool; those that are there already are not asked for.

    Raises Changed when something is missing because the repository has changed, and Unavailable with the names of
    the files when it has not; DescriptionError, before anything is fetched, for a path that leaves the repository.
    """
    source = snapshot.source
    items = [_item(package, pool) for package in _believable(packages, source)]
    staging = os.path.join(pool, ".incoming", _key(source))
    os.makedirs(staging, exist_ok=True)
    with _alone(staging, source, limits, report):
        fetched = download(source, items, staging, step="packages", limits=limits, report=report)
        if not fetched.failed_files:
            _empty(staging)
    if fetched.failed_files:
        raise _lacking(source, snapshot.identity, fetched.failed_files, limits)
    return fetched


def fetch_files(
    source: Source,
    wanted: Sequence[TreeFile],
    folder: str,
    *,
    limits: Limits = DEFAULT,
    report: ProgressCallback = ignore_progress,
) -> list[TreeFile]:
    """Bring files of the source's tree below ``folder``, and return them with their checksums.

    folder  an existing folder for one state of the source: what it holds already is not asked for

    A file that the source does not have is left out.  Raises DescriptionError that names those that differ from the
    checksum that was given.
    """
    items = [
        DownloadItem(file.path, os.path.join(folder, file.path), file.checksum, "sha256", file.size)
        for file in wanted
    ]
    staging = os.path.join(folder, ".incoming")
    with _alone(folder, source, limits, report):
        os.makedirs(staging, exist_ok=True)
        faults = download(
            source, items, staging, step="installer", limits=limits, report=report
        ).failed_files
    wrong = [fault for fault in faults if isinstance(fault.error, DescriptionError)]
    if wrong:
        listed = ", ".join(f"{fault.location} ({fault.error.what})" for fault in wrong)
        raise DescriptionError(
            f"these files are not what its .treeinfo promises: {listed}",
            source.where,
            "the mirror is half-written or damaged: run again later, or choose another one",
        )
    there = [
        (file, item.target) for file, item in zip(wanted, items) if os.path.exists(item.target)
    ]
    return [file._replace(checksum=file.checksum or file_digest(target)) for file, target in there]


def _take(
    connection: Connection,
    source: Source,
    folder: str,
    limits: Limits,
    *,
    report: ProgressCallback,
    run: Run,
) -> Snapshot:
    """Read repomd.xml, and complete the snapshot that it describes."""
    try:
        head = read_small_file(connection, HEAD, LARGEST_HEAD, limits)
    except NotFound as error:
        raise NotFound(
            error.what, error.where, "give the URL of the folder that holds repodata"
        ) from error
    signed = _signature(connection, source, head, limits, run) if source.repo_gpgcheck else b""
    taken = Snapshot(source, os.path.join(folder, _identity(head)), _identity(head))
    if os.path.isdir(taken.path):
        return taken
    records = [
        record
        for record in parse_repomd(head, connection.where(HEAD)).records
        if is_used(record.kind)
    ]
    aside = os.path.join(folder, f".new-{taken.identity}")
    staging = os.path.join(folder, ".incoming")
    os.makedirs(staging, exist_ok=True)
    _link_known(folder, records, aside)
    for name, content in ((HEAD, head), (SIGNATURE, signed)):
        if content:
            with open(os.path.join(aside, name), "wb") as file:
                file.write(content)
    items = [_record_item(record, aside) for record in records]
    fetched = download(
        source, items, staging, step="metadata", limits=limits, report=report, flush=False
    )
    if fetched.failed_files:
        raise _lacking(source, taken.identity, fetched.failed_files, limits)
    sync_file_system(folder)
    os.rename(aside, taken.path)
    _prune(folder, taken.identity)
    return taken


def _signature(
    connection: Connection, source: Source, head: bytes, limits: Limits, run: Run
) -> bytes:
    """The detached signature of repomd.xml, which is right."""
    where = connection.where(HEAD)
    try:
        signature = read_small_file(connection, SIGNATURE, LARGEST_HEAD, limits)
        signatures.check_detached_signature(head, signature, source.gpg_keys, where, run=run)
    except (NotFound, DescriptionError) as error:
        if read_small_file(connection, HEAD, LARGEST_HEAD, limits) != head:
            raise SourceChanged(
                "repomd.xml changed while its signature was read", source.where
            ) from error
        if isinstance(error, NotFound):
            hint = "set repo_gpgcheck to false only if you trust the way to this server"
            raise DescriptionError(
                "it carries no signature (repomd.xml.asc)", where, hint
            ) from error
        raise
    return signature


def _lacking(
    source: Source, identity: str, faults: Sequence[FailedFile], limits: Limits
) -> Unavailable:
    """The error for files that upstream's metadata promise and upstream does not have."""
    listed = ", ".join(f"{fault.location} ({fault.error.what})" for fault in faults[:SHOWN_FAULTS])
    more = f", and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
    if _identity_now(source, limits) != identity:
        return SourceChanged(
            f"the repository changed while it was read: {listed}{more}", source.where, "run again"
        )
    return Unavailable(
        f"these files are not what its metadata promise: {listed}{more}",
        source.where,
        "the mirror is half-written or damaged: run again later, or choose another one",
    )


def _identity(head: bytes) -> str:
    return hashlib.sha256(head).hexdigest()


def _identity_now(source: Source, limits: Limits) -> str:
    with contextlib.closing(Connection(source, limits)) as connection:
        return _identity(read_small_file(connection, HEAD, LARGEST_HEAD, limits))


def _believable(packages: Iterable[Package], source: Source) -> list[Package]:
    listed = list(packages)
    strange = [
        repr(package.location)
        for package in listed
        if not is_safe_path(package.location)
        or not is_valid_checksum(package.checksum, package.checksum_type)
    ]
    if strange:
        what = f"its metadata name files that lead out of it, or have no checksum: {', '.join(sorted(strange))}"
        raise DescriptionError(
            what, source.where, "the repository is damaged; choose another mirror"
        )
    return listed


def _item(package: Package, pool: str) -> DownloadItem:
    return DownloadItem(
        package.location,
        pool_path(pool, package.checksum),
        package.checksum,
        package.checksum_type,
        package.size,
    )


def _record_item(record: Record, folder: str) -> DownloadItem:
    return DownloadItem(
        record.location,
        os.path.join(folder, record.location),
        record.checksum,
        record.checksum_type,
        record.size,
    )


def _link_known(folder: str, records: Sequence[Record], aside: str) -> None:
    """Begin a snapshot with what did not change since older ones; remove what killed runs left."""
    known = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.startswith((".new-", ".old-")):
            shutil.rmtree(path)
        elif not name.startswith("."):
            old = parse_repomd(files.read_bytes(os.path.join(path, HEAD)), path).records
            known.update({record.checksum: os.path.join(path, record.location) for record in old})
    os.makedirs(os.path.join(aside, "repodata"))
    for record in records:
        target = os.path.join(aside, record.location)
        there = known.get(record.checksum, "")
        if os.path.exists(there) and not os.path.exists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.link(there, target)


def _prune(folder: str, current: str) -> None:
    """Keep the newest snapshots: a run that is under way may still read an older one."""
    with os.scandir(folder) as entries:
        old = [
            entry for entry in entries if not entry.name.startswith(".") and entry.name != current
        ]
        old.sort(key=lambda entry: (entry.stat().st_mtime_ns, entry.name), reverse=True)
    for entry in old[KEPT_SNAPSHOTS - 1 :]:
        # Renamed first: what is half removed must not look like a snapshot.
        doomed = os.path.join(folder, f".old-{entry.name}")
        os.rename(entry.path, doomed)
        shutil.rmtree(doomed)
    _empty(os.path.join(folder, ".incoming"))


def _empty(folder: str) -> None:
    """Remove what earlier, interrupted runs left in a staging folder."""
    with os.scandir(folder) as entries:
        for entry in entries:
            os.unlink(entry.path)


@contextlib.contextmanager
def _alone(folder: str, source: Source, limits: Limits, report: ProgressCallback) -> Iterator[None]:
    """Hold the folder against other runs that read the same source; whoever waits says so."""
    path = f"{folder}.lock"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.lock(path))
        except Conflict:
            report(Progress("waiting for another run", source.name, path, 0, 0, 0, 0, 0.0))
            stack.enter_context(files.lock(path, wait=limits.lock))
        yield


def _key(source: Source) -> str:
    """What tells sources apart in a shared cache: where they are, not how a distribution calls them."""
    return hashlib.sha256(source.url.rstrip("/").encode()).hexdigest()[:16]
