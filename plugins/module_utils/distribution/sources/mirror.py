# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetch what a distribution needs from a remote repository: first metadata, then chosen packages.

The metadata of one repomd.xml is a snapshot: a folder that is complete and checked when it appears,
and never changes.  Packages go to the pool under their checksums.  So everything that is fetched
matches its repomd.xml, even if upstream changes; ``is_unchanged`` returns whether it did.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from typing import Callable, Iterable, Iterator, NamedTuple, Optional, Sequence

from ... import files
from ...errors import Conflict, DescriptionError, NotFound, Refused, Unavailable
from ...process import Run, run
from ..metadata import treeinfo
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
from . import mirror_list, signatures
from .downloader import DownloadResult, FailedFile, download
from .http import Connection, Limits, read_small_file
from .repository_access import (
    KEPT_SNAPSHOTS,
    NO_INSTALLER,
    InstallerTree,
    NoRepository,
    SourceChanged,
)

REPOMD = "repodata/repomd.xml"
SIGNATURE = "repodata/repomd.xml.asc"
MAX_REPOMD_SIZE = 8 << 20
MAX_TREEINFO_SIZE = 1 << 20
SHOWN_FILES = 10
INCOMPLETE_HINT = "the mirror is incomplete or damaged: run again later, or choose another one"
DEFAULT_LIMITS = Limits()


class Snapshot(NamedTuple):
    """The metadata of a repository at one moment."""

    source: Source
    path: str
    """Folder that contains ``repodata``; it never changes."""
    identity: str
    """SHA-256 of repomd.xml."""


def take_snapshot(
    source: Source,
    cache: str,
    *,
    list_url: str = "",
    accepts: Callable[[bytes], bool] = lambda _repomd: True,
    limits: Limits = DEFAULT_LIMITS,
    report: ProgressCallback = ignore_progress,
    run: Run = run,
) -> Snapshot:
    """Fetch the metadata that ``cache`` lacks, and check each file against repomd.xml.

    cache     an existing folder; distributions and concurrent runs can share it
    list_url  URL of the mirror list with this mirror; all of its mirrors share their snapshots
    accepts   returns whether a repomd.xml is up to date

    Raises Unavailable when the server does not respond or the repository is incomplete, NotFound
    when there is no repository, DescriptionError when repomd.xml or its signature is wrong, and
    Conflict when another run holds the cache for longer than ``limits`` allow.
    """
    folder = os.path.join(cache, _key(list_url or source.url))
    os.makedirs(folder, exist_ok=True)
    with (
        _lock(folder, source, limits, report),
        contextlib.closing(Connection(source, limits)) as connection,
    ):
        for _attempt in range(limits.snapshot_attempts - 1):
            with contextlib.suppress(SourceChanged):
                return _fetch_metadata(
                    connection, source, folder, limits, accepts=accepts, report=report, run=run
                )
        return _fetch_metadata(
            connection, source, folder, limits, accepts=accepts, report=report, run=run
        )


def is_unchanged(snapshot: Snapshot, *, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Return whether upstream still has the repomd.xml of this snapshot."""
    return _current_identity(snapshot.source, limits) == snapshot.identity


def read_installer(source: Source, *, limits: Limits = DEFAULT_LIMITS) -> InstallerTree:
    """Read the .treeinfo of a tree, and what its server states of the files that it lists."""
    with contextlib.closing(Connection(source, limits)) as connection:
        for name in treeinfo.FILE_NAMES:
            try:
                data = read_small_file(connection, name, MAX_TREEINFO_SIZE, limits)
            except (NotFound, Refused):  # a store without a list of its files refuses missing ones
                continue
            where = connection.where(name)
            text = files.decode(data, where)
            stamps = [[path, connection.stamp(path)] for path in treeinfo.image_paths(text)]
            return InstallerTree(text=text, where=where, stamp=repr(stamps))
    return NO_INSTALLER


def read_mirror_list(
    source: Source, *, limits: Limits = DEFAULT_LIMITS
) -> Optional[mirror_list.MirrorList]:
    """Read the mirror list or metalink at the URL of a source; None if it is neither."""
    with contextlib.closing(Connection(source, limits)) as connection:
        data = read_small_file(connection, "", mirror_list.MAX_SIZE, limits)
        return mirror_list.parse_mirror_list(data, connection.where(""))


def fetch_packages(
    snapshot: Snapshot,
    packages: Iterable[Package],
    pool: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    report: ProgressCallback = ignore_progress,
) -> DownloadResult:
    """Download packages of a snapshot that the pool lacks.

    Raises SourceChanged when a file is missing because the repository has changed, Unavailable
    that lists the missing files when it has not, and DescriptionError, before any download, for a
    path that leaves the repository.
    """
    source = snapshot.source
    items = [_package_item(package, pool) for package in _checked_packages(packages, source)]
    staging = os.path.join(pool, ".incoming", _key(source.url))
    os.makedirs(staging, exist_ok=True)
    with _lock(staging, source, limits, report):
        result = download(source, items, staging, step="packages", limits=limits, report=report)
        if not result.failed_files:
            _empty(staging)
    if result.failed_files:
        raise _missing_error(source, snapshot.identity, result.failed_files, limits)
    return result


def fetch_files(
    source: Source,
    requested: Sequence[TreeFile],
    folder: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    report: ProgressCallback = ignore_progress,
) -> list[TreeFile]:
    """Download files of the source's tree, and return those that exist, with their checksums.

    folder  an existing folder for one state of the source; files in it are not downloaded again

    Raises DescriptionError that lists the files that do not have their checksums.
    """
    items = [
        DownloadItem(
            location=file.path,
            target=os.path.join(folder, file.path),
            checksum=file.checksum,
            checksum_type="sha256",
            size=file.size,
        )
        for file in requested
    ]
    staging = os.path.join(folder, ".incoming")
    with _lock(folder, source, limits, report):
        os.makedirs(staging, exist_ok=True)
        result = download(source, items, staging, step="installer", limits=limits, report=report)
    wrong = [failed for failed in result.failed_files if isinstance(failed.error, DescriptionError)]
    if wrong:
        raise DescriptionError(
            f"these files do not have their checksums: {_list_failed(wrong)}",
            source.where,
            INCOMPLETE_HINT,
        )
    return [
        file._replace(checksum=file.checksum or file_digest(item.target))
        for file, item in zip(requested, items)
        if os.path.exists(item.target)
    ]


def _fetch_metadata(
    connection: Connection,
    source: Source,
    folder: str,
    limits: Limits,
    *,
    accepts: Callable[[bytes], bool],
    report: ProgressCallback,
    run: Run,
) -> Snapshot:
    """Read repomd.xml, and complete the snapshot of its metadata."""
    try:
        repomd = read_small_file(connection, REPOMD, MAX_REPOMD_SIZE, limits)
    except NotFound as error:
        raise NoRepository(
            error.what,
            error.where,
            "give the URL of the folder that contains repodata, or of a mirror list",
        ) from error
    if not accepts(repomd):
        raise Unavailable(
            "repomd.xml is not one of those in the metalink",
            connection.where(REPOMD),
            "this mirror is not up to date: run again later",
        )
    signature = b""
    if source.repo_gpgcheck:
        signature = _fetch_signature(connection, source, repomd, limits=limits, run=run)
    identity = _identity(repomd)
    snapshot = Snapshot(source=source, path=os.path.join(folder, identity), identity=identity)
    if os.path.isdir(snapshot.path):
        return snapshot
    records = [
        record
        for record in parse_repomd(repomd, connection.where(REPOMD)).records
        if is_used(record.kind)
    ]
    aside = os.path.join(folder, f".new-{identity}")
    staging = os.path.join(folder, ".incoming")
    os.makedirs(staging, exist_ok=True)
    _begin_snapshot(folder, records, aside)
    for name, content in ((REPOMD, repomd), (SIGNATURE, signature)):
        if content:
            with open(os.path.join(aside, name), "wb") as file:
                file.write(content)
    items = [_record_item(record, aside) for record in records]
    result = download(
        source, items, staging, step="metadata", limits=limits, report=report, flush=False
    )
    if result.failed_files:
        raise _missing_error(source, identity, result.failed_files, limits)
    sync_file_system(folder)
    os.rename(aside, snapshot.path)
    _prune(folder, identity)
    return snapshot


def _fetch_signature(
    connection: Connection, source: Source, repomd: bytes, *, limits: Limits, run: Run
) -> bytes:
    """Fetch and check the detached signature of repomd.xml.

    Raises DescriptionError when it is missing or wrong, SourceChanged when repomd.xml has changed.
    """
    where = connection.where(REPOMD)
    try:
        signature = read_small_file(connection, SIGNATURE, MAX_REPOMD_SIZE, limits)
        signatures.check_detached_signature(repomd, signature, source.gpg_keys, where, run=run)
    except (NotFound, DescriptionError) as error:
        if read_small_file(connection, REPOMD, MAX_REPOMD_SIZE, limits) != repomd:
            raise SourceChanged(
                "repomd.xml changed while its signature was read", source.where
            ) from error
        if isinstance(error, NotFound):
            hint = "set repo_gpgcheck to false only if you trust the network path to this server"
            raise DescriptionError(
                "repomd.xml has no signature (repomd.xml.asc)", where, hint
            ) from error
        raise
    return signature


def _missing_error(
    source: Source, identity: str, failed_files: Sequence[FailedFile], limits: Limits
) -> Unavailable:
    """Return the error for files that are in upstream's metadata and not on its server."""
    if _current_identity(source, limits) != identity:
        return SourceChanged(
            f"the repository changed while it was read: {_list_failed(failed_files)}",
            source.where,
            "run again",
        )
    return Unavailable(
        f"these files are missing or differ from repomd.xml: {_list_failed(failed_files)}",
        source.where,
        INCOMPLETE_HINT,
    )


def _list_failed(failed_files: Sequence[FailedFile]) -> str:
    shown = ", ".join(
        f"{failed.location} ({failed.error.what})" for failed in failed_files[:SHOWN_FILES]
    )
    others = len(failed_files) - SHOWN_FILES
    return shown + (f", and {others} more" if others > 0 else "")


def _identity(repomd: bytes) -> str:
    return hashlib.sha256(repomd).hexdigest()


def _current_identity(source: Source, limits: Limits) -> str:
    with contextlib.closing(Connection(source, limits)) as connection:
        return _identity(read_small_file(connection, REPOMD, MAX_REPOMD_SIZE, limits))


def _checked_packages(packages: Iterable[Package], source: Source) -> list[Package]:
    """Return the packages if all locations and checksums are safe to use in paths."""
    checked = list(packages)
    unsafe = [
        repr(package.location)
        for package in checked
        if not is_safe_path(package.location)
        or not is_valid_checksum(package.checksum, package.checksum_type)
    ]
    if unsafe:
        raise DescriptionError(
            "its metadata list files outside of the repository or without a valid checksum:"
            f" {', '.join(sorted(unsafe))}",
            source.where,
            "the repository is damaged; choose another mirror",
        )
    return checked


def _package_item(package: Package, pool: str) -> DownloadItem:
    return DownloadItem(
        location=package.location,
        target=pool_path(pool, package.checksum),
        checksum=package.checksum,
        checksum_type=package.checksum_type,
        size=package.size,
    )


def _record_item(record: Record, folder: str) -> DownloadItem:
    return DownloadItem(
        location=record.location,
        target=os.path.join(folder, record.location),
        checksum=record.checksum,
        checksum_type=record.checksum_type,
        size=record.size,
    )


def _begin_snapshot(folder: str, records: Sequence[Record], aside: str) -> None:
    """Create a snapshot with links to unchanged files of older ones.

    Unfinished snapshots of killed runs are removed.
    """
    paths_by_checksum = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.startswith((".new-", ".old-")):
            shutil.rmtree(path)
        elif not name.startswith("."):
            repomd = parse_repomd(files.read_bytes(os.path.join(path, REPOMD)), path)
            for record in repomd.records:
                paths_by_checksum[record.checksum] = os.path.join(path, record.location)
    os.makedirs(os.path.join(aside, "repodata"))
    for record in records:
        target = os.path.join(aside, record.location)
        existing = paths_by_checksum.get(record.checksum, "")
        if os.path.exists(existing) and not os.path.exists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.link(existing, target)


def _prune(folder: str, current: str) -> None:
    """Keep the newest snapshots, because a running build can still read an older one."""
    with os.scandir(folder) as entries:
        old = [
            entry for entry in entries if not entry.name.startswith(".") and entry.name != current
        ]
        old.sort(key=lambda entry: (entry.stat().st_mtime_ns, entry.name), reverse=True)
    for entry in old[KEPT_SNAPSHOTS - 1 :]:
        # Rename it first, so that a partly removed folder is never taken for a snapshot.
        removed = os.path.join(folder, f".old-{entry.name}")
        os.rename(entry.path, removed)
        shutil.rmtree(removed)
    _empty(os.path.join(folder, ".incoming"))


def _empty(folder: str) -> None:
    """Remove the files that interrupted runs left in a staging folder."""
    with os.scandir(folder) as entries:
        for entry in entries:
            os.unlink(entry.path)


@contextlib.contextmanager
def _lock(folder: str, source: Source, limits: Limits, report: ProgressCallback) -> Iterator[None]:
    """Lock the folder against other runs that read the same source; report when waiting."""
    path = f"{folder}.lock"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.lock(path))
        except Conflict:
            report(Progress(step="waiting for another run", source=source.name, current=path))
            stack.enter_context(files.lock(path, wait=limits.lock_timeout))
        yield


def _key(url: str) -> str:
    """Return the folder name of a source in the cache, which depends on its URL only."""
    return hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:16]
