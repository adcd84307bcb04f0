# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A repository on this machine: its metadata is copied once it is checked, its packages are linked.

Has the same verbs as Faraway, which reaches repositories over the network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import Sequence

from ... import files
from ...errors import DescriptionError, NotFound, RocksError, Unavailable
from ...tree_paths import GENERATIONS
from ..model import DIGESTS, Package, Progress, ProgressCallback, Source, TreeFile
from ..storage.pool import StorePaths, file_digest, import_package, link_or_copy

HEAD = os.path.join("repodata", "repomd.xml")
SIGNATURE = f"{HEAD}.asc"
KEPT_SNAPSHOTS = 3
FAULTS_SHOWN = 20
REPORT_EVERY = 100
# Seconds to wait for another builder who copies the same metadata.
LOCK_TIME = 120.0


def local_path(source: Source) -> str:
    """Where a source lies on this machine; empty when it does not."""
    if source.url.startswith("file:"):
        from urllib.parse import unquote, urlsplit  # here, for its tables

        return unquote(urlsplit(source.url).path)
    return source.path


class SourceChanged(Unavailable):
    """The source has other metadata than when it was opened: open it again, and choose again."""


class LocalRepository:
    """One source, with the metadata that it had when it was opened.

    folder    holds that metadata (``repodata``), and never changes
    identity  the SHA-256 of its repomd.xml
    ours      it is a generation below this root

    Raises NotFound (no repository there), DescriptionError (a file is not what repomd.xml promises, or the signature
    is wrong), Unavailable (it changed while it was read).
    """

    def __init__(self, source: Source, store: StorePaths, progress: ProgressCallback) -> None:
        self._source, self._places, self._progress = source, store, progress
        self._path = os.path.realpath(local_path(source))
        head = self._head()
        self.identity = hashlib.sha256(head).hexdigest()
        self.ours = self._is_ours()
        if self.ours:
            self.folder = self._path  # a generation is its own snapshot
        else:
            self.folder = self._snapshot(head)

    def unchanged(self) -> bool:
        """Whether the source still has this metadata."""
        return hashlib.sha256(self._head()).hexdigest() == self.identity

    def fetch_packages(self, packages: Sequence[Package]) -> int:
        """Packages into the pool, each compared with its checksum first; how many were not there.

        Raises DescriptionError that lists every file that is missing or not what the metadata promises.
        """
        brought, faults = 0, []
        for number, package in enumerate(packages):
            path = os.path.join(self._path, package.location)
            if number % REPORT_EVERY == 0:
                event = Progress(
                    "packages",
                    self._source.name,
                    package.location,
                    number,
                    len(packages),
                    0,
                    0,
                    0.0,
                )
                self._progress(event)
            try:
                brought += import_package(path, package, self._places.pool, path, copy=False)
            except RocksError as error:
                faults.append(str(error))
        if faults:
            listed = "\n".join(faults[:FAULTS_SHOWN])
            raise DescriptionError(
                f"{len(faults)} of its packages cannot be taken\n{listed}", self._source.where
            )
        return brought

    def fetch_files(self, wanted: Sequence[TreeFile], folder: str) -> list[TreeFile]:
        """Copies of files of its tree below ``folder``; those that it does not have are left out.

        Raises DescriptionError when one does not have the checksum that was given.
        """
        brought = []
        for file in wanted:
            path, target = os.path.join(self._path, file.path), os.path.join(folder, file.path)
            if not os.path.isfile(path):
                continue
            found = file_digest(path)
            if file.checksum and found != file.checksum:
                what = f"its sha256 is {found[:16]}…, .treeinfo promises {file.checksum[:16]}…"
                raise DescriptionError(what, path, "copy the installer's files again")
            link_or_copy(path, target, copy=not self.ours)
            brought.append(file._replace(checksum=found))
        return brought

    def _head(self) -> bytes:
        try:
            return files.read_bytes(os.path.join(self._path, HEAD))
        except NotFound:
            raise NotFound(
                f"there is no {HEAD}", self._source.where, "name the folder of a repository"
            ) from None

    def _snapshot(self, head: bytes) -> str:
        folder = os.path.join(
            self._places.cache, "local", hashlib.sha256(self._path.encode()).hexdigest()[:16]
        )
        target = os.path.join(folder, self.identity)
        if self._source.repo_gpgcheck:
            self._check_signature(head)
        os.makedirs(folder, exist_ok=True)
        with files.lock(f"{folder}.lock", wait=LOCK_TIME):
            if not os.path.isdir(target):
                self._copy(head, target)
                _prune(folder, self.identity)
        return target

    def _is_ours(self) -> bool:
        return self._path.startswith(
            os.path.realpath(os.path.join(self._places.root, GENERATIONS)) + os.sep
        )

    def _check_signature(self, head: bytes) -> None:
        from .signatures import check_detached_signature

        where = os.path.join(self._path, SIGNATURE)
        check_detached_signature(head, files.read_bytes(where), self._source.gpg_keys, where)

    def _copy(self, head: bytes, target: str) -> None:
        """The metadata files that repomd.xml names.  Only the primary one must be there: clients read the others."""
        from ..metadata.repomd import is_used, parse_repomd

        aside = f"{target}.new"
        shutil.rmtree(aside, ignore_errors=True)
        os.makedirs(os.path.join(aside, "repodata"))
        for record in parse_repomd(head, os.path.join(self._path, HEAD)).records:
            path, copy = (
                os.path.join(self._path, record.location),
                os.path.join(aside, record.location),
            )
            if not is_used(record.kind) or (record.kind != "primary" and not os.path.exists(path)):
                continue
            data = files.read_bytes(path)
            if hashlib.new(DIGESTS[record.checksum_type][0], data).hexdigest() != record.checksum:
                what = f"it has {len(data):,} bytes and not the checksum that repomd.xml promises"
                raise DescriptionError(
                    what, path, "the copy is half-written or damaged: make it again"
                )
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            files.replace(copy, data)
        files.replace(os.path.join(aside, HEAD), head)
        if self._head() != head:
            raise SourceChanged(
                "its metadata changed while it was read", self._source.where, "run again"
            )
        os.rename(aside, target)


def _prune(folder: str, current: str) -> None:
    """Keep the newest snapshots: a build that is under way may still read an older one."""
    old = [entry for entry in os.scandir(folder) if entry.name != current]
    old.sort(key=lambda entry: (entry.stat().st_mtime_ns, entry.name), reverse=True)
    for entry in old[KEPT_SNAPSHOTS - 1 :]:
        shutil.rmtree(entry.path)
