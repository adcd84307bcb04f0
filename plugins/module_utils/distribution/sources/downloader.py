# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Download many files of one source: over several connections, resumed, checked, renamed last.

A file is written under a staging name, checked against its size and checksum, flushed to the disk
together with others, and then renamed.  A run that is killed leaves staging files, and the next run
continues them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from typing import Iterable, NamedTuple, Sequence

from ...errors import DescriptionError, NotFound, Refused, RocksError, Unavailable
from ..metadata.repomd import MAX_SIZE
from ..model import Progress, ProgressCallback, Source
from ..storage.staging import DownloadItem, StagedFile, check_space, remove_file, sync_file_system
from .http import Connection, Limits, NotResumableError, TooLongError, TransientError, retry_delay

# So many files or bytes are flushed together, because a flush waits for all writes to the disk.
BATCH_FILES = 5000
BATCH_BYTES = 1 << 30
# An attempt that adds as many bytes does not count as failed.
MIN_PROGRESS = 1 << 20
# Seconds between two progress reports.
REPORT_INTERVAL = 0.5
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class FailedFile(NamedTuple):
    """A file that could not be downloaded, and the reason."""

    location: str
    error: RocksError


class DownloadResult(NamedTuple):
    """The result of a download."""

    files: int
    """Files that were downloaded."""
    bytes: int
    """Bytes that were received."""
    failed_files: tuple[FailedFile, ...]


def download(
    source: Source,
    items: Iterable[DownloadItem],
    staging: str,
    *,
    step: str,
    limits: Limits,
    report: ProgressCallback,
    flush: bool = True,
) -> DownloadResult:
    """Download every item whose target does not exist.

    staging  an existing folder on the file system of the targets, used by one run at a time
    step     name of this step in progress reports
    flush    False: the caller flushes the file system before it uses the targets

    A file that is missing or different on the server becomes a failed file of the result, and the
    others are downloaded.  Raises Unavailable when the server stops responding or the disk is full.
    """
    missing = [
        item
        for item in {item.target: item for item in items}.values()
        if not os.path.exists(item.target)
    ]
    if not missing:
        return DownloadResult(0, 0, ())
    check_space(missing, staging, source.where)
    job = _Job(source, missing, staging, step=step, limits=limits, flush=flush)
    threads = [
        threading.Thread(target=job.work, daemon=True)
        for _number in range(min(limits.connections, len(missing)))
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(REPORT_INTERVAL)
                report(job.progress())
        job.finish()
    finally:
        job.stop.set()
        for thread in threads:
            thread.join()
    report(job.progress())
    failed_files = sorted(job.failed_files, key=lambda failed: failed.location)
    return DownloadResult(job.files, job.bytes, tuple(failed_files))


class _Job:
    """The state that the threads of one download share."""

    def __init__(
        self,
        source: Source,
        items: Sequence[DownloadItem],
        staging: str,
        *,
        step: str,
        limits: Limits,
        flush: bool,
    ) -> None:
        self.failed_files: list[FailedFile] = []
        self.files = 0
        self.bytes = 0
        self.stop = threading.Event()
        self._source = source
        self._staging = staging
        self._step = step
        self._limits = limits
        self._flush = flush
        self._fatal: list[BaseException] = []
        self._lock = threading.Lock()
        # The largest first, so that the last download is a small one.
        self._queue = iter(sorted(items, key=lambda item: (-item.size, item.location)))
        self._files_total = len(items)
        self._bytes_total = sum(max(0, item.size) for item in items)
        self._start_time = time.monotonic()
        self._current = ""
        self._complete: list[tuple[str, DownloadItem]] = []
        self._complete_bytes = 0

    def work(self) -> None:
        """Run one thread: download items over one connection until the queue is empty."""
        connection = Connection(self._source, self._limits)
        try:
            while not self.stop.is_set():
                with self._lock:
                    item = next(self._queue, None)
                if item is None:
                    break
                self._current = item.location
                self._download(connection, item)
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - finish() raises it in the caller's thread
            self._fatal.append(error)
            self.stop.set()
        finally:
            connection.close()

    def finish(self) -> None:
        """Rename the complete files; then raise the error that ended the download, if any."""
        self._rename(self._complete)
        if self._fatal:
            raise self._fatal[0]

    def progress(self) -> Progress:
        seconds = max(time.monotonic() - self._start_time, 1e-3)
        return Progress(
            step=self._step,
            source=self._source.name,
            current=self._current,
            files=self.files,
            files_total=self._files_total,
            bytes=self.bytes,
            bytes_total=self._bytes_total,
            rate=self.bytes / seconds,
        )

    def _download(self, connection: Connection, item: DownloadItem) -> None:
        """Download one item.  Errors of this file alone are recorded; others are raised."""
        staged = os.path.join(self._staging, hashlib.sha256(item.target.encode()).hexdigest())
        try:
            self._retry(connection, item, staged)
        except (NotFound, Refused, MismatchError, TooLongError) as error:
            remove_file(staged)
            with self._lock:
                self.failed_files.append(FailedFile(item.location, error))
        except OSError as error:
            remove_file(staged)
            raise _disk_error(error, self._source, item) from error
        else:
            self._add_complete(staged, item)

    def _retry(self, connection: Connection, item: DownloadItem, path: str) -> None:
        """Attempt a download until it succeeds, fails for good, or has no attempts left."""
        failures = 0
        mismatches = 0
        while True:
            staged = StagedFile(path, item)
            try:
                self._attempt(connection, item, staged)
                return
            except NotResumableError:
                remove_file(path)
            except MismatchError:
                # Start again, because the existing part can be of an older file.
                remove_file(path)
                mismatches += 1
                if mismatches == 2:
                    raise
            except TransientError as error:
                failures = 0 if staged.bytes_added >= MIN_PROGRESS else failures
                if self.stop.wait(
                    retry_delay(error, failures, self._limits, connection.where(item.location))
                ):
                    raise _Stopped from None
                failures += 1
            finally:
                staged.close()

    def _attempt(self, connection: Connection, item: DownloadItem, staged: StagedFile) -> None:
        """Download the rest of the staging file, and check the whole file."""

        def write(chunk: bytes) -> None:
            if self.stop.is_set():
                raise _Stopped
            staged.write(chunk)
            with self._lock:
                self.bytes += len(chunk)

        if staged.size != item.size:
            max_bytes = (item.size if item.size >= 0 else MAX_SIZE) - staged.size
            connection.get(item.location, write, offset=staged.size, max_bytes=max_bytes)
        mismatch = staged.mismatch(item)
        if mismatch:
            raise MismatchError(mismatch, connection.where(item.location))

    def _add_complete(self, staged: str, item: DownloadItem) -> None:
        with self._lock:
            self.files += 1
            self._complete.append((staged, item))
            self._complete_bytes += item.size
            if len(self._complete) < BATCH_FILES and self._complete_bytes < BATCH_BYTES:
                return
            batch = self._complete
            self._complete = []
            self._complete_bytes = 0
        self._rename(batch)

    def _rename(self, batch: Sequence[tuple[str, DownloadItem]]) -> None:
        """Flush the batch to the disk, then rename its files: a crash leaves no partial file."""
        if batch and self._flush:
            sync_file_system(self._staging)
        for staged, item in batch:
            try:
                os.rename(staged, item.target)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(item.target), exist_ok=True)
                os.rename(staged, item.target)


class _Stopped(Exception):
    """Another thread has ended the download."""


class MismatchError(DescriptionError):
    """The server's file differs from the repository's metadata."""


def _disk_error(error: OSError, source: Source, item: DownloadItem) -> RocksError:
    what = f"{item.location} cannot be stored ({error.strerror})"
    is_full = error.errno in DISK_FULL
    hint = "free some space and run again; the download continues from here" if is_full else ""
    return Unavailable(what, source.where, hint)
