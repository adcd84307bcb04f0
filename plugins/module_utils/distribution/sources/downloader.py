# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many files of one source at a time: several connections, resumed, checked, and named only when they are complete.

A file is written under a staging name, checked against its size and checksum, flushed to the disk together with its
neighbours, and only then renamed.  A run that was killed leaves staging files; the next one goes on with them.
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

# As many files, or bytes, are flushed together: a flush waits for the disk, whatever else is being written.
BATCH_FILES, BATCH_BYTES = 5000, 1 << 30
ADVANCE = 1 << 20
REPORT_EVERY = 0.5
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class FailedFile(NamedTuple):
    """A file that could not be had, and why."""

    location: str
    error: RocksError


class DownloadResult(NamedTuple):
    """What a download brought: files and bytes that came over the network, and the files that did not."""

    files: int
    bytes: int
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
    """Fetch every item that is not at its target yet.

    staging  an existing folder on the file system of the targets, used by one run at a time
    step     what this is called in the progress that ``report`` is told
    flush    False: the caller flushes the file system before anybody may believe in the targets

    A file that is missing or different on the server is a Fault of the result; the others are fetched all the same.
    Raises Unavailable when the server does not answer any more, or the disk is full.
    """
    wanted = [
        item
        for item in {item.target: item for item in items}.values()
        if not os.path.exists(item.target)
    ]
    if not wanted:
        return DownloadResult(0, 0, ())
    check_space(wanted, staging, source.where)
    job = _Job(source, wanted, staging, step=step, limits=limits, flush=flush)
    threads = [
        threading.Thread(target=job.work, daemon=True)
        for _number in range(min(limits.connections, len(wanted)))
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(REPORT_EVERY)
                report(job.progress())
        job.finish()
    finally:
        job.stop.set()
        for thread in threads:
            thread.join()
    report(job.progress())
    return DownloadResult(
        job.files, job.bytes, tuple(sorted(job.failed_files, key=lambda fault: fault.location))
    )


class _Job:
    """What the threads of one download share."""

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
        self.files = self.bytes = 0
        self.stop = threading.Event()
        self._source, self._staging, self._step, self._limits = source, staging, step, limits
        self._flush = flush
        self._fatal: list[BaseException] = []
        self._lock = threading.Lock()
        # The largest first, so that no connection is left alone with one at the end.
        self._queue = iter(sorted(items, key=lambda item: (-item.size, item.location)))
        self._totals = len(items), sum(max(0, item.size) for item in items)
        self._started = time.monotonic()
        self._current = ""
        self._complete: list[tuple[str, DownloadItem]] = []
        self._complete_bytes = 0

    def work(self) -> None:
        """The life of one thread: a connection, and one item after the other."""
        connection = Connection(self._source, self._limits)
        try:
            while not self.stop.is_set():
                with self._lock:
                    item = next(self._queue, None)
                if item is None:
                    break
                self._current = item.location
                self._obtain(connection, item)
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by finish(), in the caller's thread
            self._fatal.append(error)
            self.stop.set()
        finally:
            connection.close()

    def finish(self) -> None:
        """Name what is complete; then raise what ended the work early."""
        self._name(self._complete)
        if self._fatal:
            raise self._fatal[0]

    def progress(self) -> Progress:
        rate = self.bytes / max(time.monotonic() - self._started, 1e-3)
        return Progress(
            self._step,
            self._source.name,
            self._current,
            self.files,
            self._totals[0],
            self.bytes,
            self._totals[1],
            rate,
        )

    def _obtain(self, connection: Connection, item: DownloadItem) -> None:
        """Fetch one item.  What is wrong with this file alone becomes a fault; anything else is raised."""
        staged = os.path.join(self._staging, hashlib.sha256(item.target.encode()).hexdigest())
        try:
            self._attempts(connection, item, staged)
        except (NotFound, Refused, MismatchError, TooLongError) as error:
            remove_file(staged)
            with self._lock:
                self.failed_files.append(FailedFile(item.location, error))
        except OSError as error:
            remove_file(staged)
            raise _disk(error, self._source, item) from error
        else:
            self._completed(staged, item)

    def _attempts(self, connection: Connection, item: DownloadItem, path: str) -> None:
        """One attempt after the other; one that brought a good part of the file does not count as failed."""
        failed = different = 0
        while True:
            staged = StagedFile(path, item)
            try:
                self._attempt(connection, item, staged)
                return
            except NotResumableError:
                remove_file(path)
            except MismatchError:
                # Once more from the beginning: what we had of it may have been of an older file.
                remove_file(path)
                different += 1
                if different == 2:
                    raise
            except TransientError as error:
                failed = 0 if staged.bytes_added >= ADVANCE else failed
                if self.stop.wait(
                    retry_delay(error, failed, self._limits, connection.where(item.location))
                ):
                    raise _Stopped from None
                failed += 1
            finally:
                staged.close()

    def _attempt(self, connection: Connection, item: DownloadItem, staged: StagedFile) -> None:
        """Fetch what the staging file lacks, and check the whole."""

        def keep(piece: bytes) -> None:
            if self.stop.is_set():
                raise _Stopped
            staged.write(piece)
            with self._lock:
                self.bytes += len(piece)

        if staged.size != item.size:
            most = (item.size if item.size >= 0 else MAX_SIZE) - staged.size
            connection.get(item.location, keep, offset=staged.size, most=most)
        wrong = staged.difference(item)
        if wrong:
            raise MismatchError(wrong, connection.where(item.location))

    def _completed(self, staged: str, item: DownloadItem) -> None:
        with self._lock:
            self.files += 1
            self._complete.append((staged, item))
            self._complete_bytes += item.size
            if len(self._complete) < BATCH_FILES and self._complete_bytes < BATCH_BYTES:
                return
            batch, self._complete, self._complete_bytes = self._complete, [], 0
        self._name(batch)

    def _name(self, batch: Sequence[tuple[str, DownloadItem]]) -> None:
        """Flush the batch to the disk, then rename: no complete name with incomplete content outlives a crash."""
        if batch and self._flush:
            sync_file_system(self._staging)
        for staged, item in batch:
            try:
                os.rename(staged, item.target)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(item.target), exist_ok=True)
                os.rename(staged, item.target)


class _Stopped(Exception):
    """Another thread has ended the work."""


class MismatchError(DescriptionError):
    """What the server has is not what the repository's metadata promises."""


def _disk(error: OSError, source: Source, item: DownloadItem) -> RocksError:
    what = f"{item.location} cannot be stored ({error.strerror})"
    hint = "make room and run again; it goes on from here" if error.errno in FULL else ""
    return Unavailable(what, source.where, hint)
