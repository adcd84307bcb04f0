# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A repository on this machine: its metadata is checked and copied, its packages are linked.

It has the same interface as remote.py: ``RepositoryAccess``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import Sequence

from ... import files
from ...errors import DescriptionError, NotFound, RocksError
from ...tree_paths import GENERATIONS
from ..model import DIGESTS, Package, Progress, ProgressCallback, Source, TreeFile
from ..storage.pool import StorePaths, file_digest, import_package, link_or_copy
from .repository_access import KEPT_SNAPSHOTS, SourceChanged

REPOMD = os.path.join("repodata", "repomd.xml")
SIGNATURE = f"{REPOMD}.asc"
SHOWN_ERRORS = 20
REPORT_EVERY = 100
# Seconds to wait for another build that copies the same metadata.
LOCK_TIMEOUT = 120.0


def local_path(source: Source) -> str:
    """Return the local path of a source; empty when it is on another machine."""
    if source.url.startswith("file:"):
        from urllib.parse import unquote, urlsplit  # here, because an unchanged build is fast

        return unquote(urlsplit(source.url).path)
    return source.path


class LocalRepository:
    """One source, with the metadata that it had when it was opened.

    Raises NotFound when there is no repository, DescriptionError when a file does not have the
    checksum in repomd.xml or the signature is wrong, and SourceChanged when the metadata changed
    while it was read.
    """

    def __init__(self, source: Source, store: StorePaths, report: ProgressCallback) -> None:
        self._source = source
        self._store = store
        self._report = report
        self._path = os.path.realpath(local_path(source))
        repomd = self._read_repomd()
        self.identity = hashlib.sha256(repomd).hexdigest()
        generations = os.path.realpath(os.path.join(store.root, GENERATIONS))
        self.is_own = self._path.startswith(generations + os.sep)
        # A generation never changes, so it needs no copy.
        self.folder = self._path if self.is_own else self._snapshot(repomd)

    def is_unchanged(self) -> bool:
        """Return whether the source still has this metadata."""
        return hashlib.sha256(self._read_repomd()).hexdigest() == self.identity

    def fetch_packages(self, packages: Sequence[Package]) -> int:
        """Check packages, import those that the pool lacks, and return their number.

        Raises DescriptionError that lists the files that are missing or differ from the metadata.
        """
        imported = 0
        errors = []
        for number, package in enumerate(packages):
            path = os.path.join(self._path, package.location)
            if number % REPORT_EVERY == 0:
                event = Progress(
                    step="packages",
                    source=self._source.name,
                    current=package.location,
                    files=number,
                    files_total=len(packages),
                )
                self._report(event)
            try:
                imported += import_package(path, package, self._store.pool, path, copy=False)
            except RocksError as error:
                errors.append(str(error))
        if errors:
            shown = "\n".join(errors[:SHOWN_ERRORS])
            raise DescriptionError(
                f"{len(errors)} of its packages cannot be used\n{shown}", self._source.where
            )
        return imported

    def fetch_files(self, requested: Sequence[TreeFile], folder: str) -> list[TreeFile]:
        """Link or copy files of the source's tree into ``folder``, and return those that exist.

        Raises DescriptionError when one does not have its checksum.
        """
        fetched = []
        for file in requested:
            path = os.path.join(self._path, file.path)
            if not os.path.isfile(path):
                continue
            checksum = file_digest(path)
            if file.checksum and checksum != file.checksum:
                what = f"its sha256 is {checksum[:16]}…, .treeinfo states {file.checksum[:16]}…"
                raise DescriptionError(what, path, "copy the installer's files again")
            link_or_copy(path, os.path.join(folder, file.path), copy=not self.is_own)
            fetched.append(file._replace(checksum=checksum))
        return fetched

    def _read_repomd(self) -> bytes:
        try:
            return files.read_bytes(os.path.join(self._path, REPOMD))
        except NotFound:
            raise NotFound(
                f"{REPOMD} not found", self._source.where, "give the folder of a repository"
            ) from None

    def _snapshot(self, repomd: bytes) -> str:
        """Return a folder with a copy of the metadata, which is made if it does not exist."""
        folder = os.path.join(
            self._store.cache, "local", hashlib.sha256(self._path.encode()).hexdigest()[:16]
        )
        target = os.path.join(folder, self.identity)
        if self._source.repo_gpgcheck:
            self._check_signature(repomd)
        os.makedirs(folder, exist_ok=True)
        with files.lock(f"{folder}.lock", wait=LOCK_TIMEOUT):
            if not os.path.isdir(target):
                self._copy(repomd, target)
                _prune(folder, self.identity)
        return target

    def _check_signature(self, repomd: bytes) -> None:
        from .signatures import check_detached_signature

        where = os.path.join(self._path, SIGNATURE)
        check_detached_signature(repomd, files.read_bytes(where), self._source.gpg_keys, where)

    def _copy(self, repomd: bytes, target: str) -> None:
        """Copy the metadata files that repomd.xml lists and a build or a client reads.

        Only the primary file must exist.
        """
        from ..metadata.repomd import is_used, parse_repomd

        aside = f"{target}.new"
        shutil.rmtree(aside, ignore_errors=True)
        os.makedirs(os.path.join(aside, "repodata"))
        for record in parse_repomd(repomd, os.path.join(self._path, REPOMD)).records:
            path = os.path.join(self._path, record.location)
            if not is_used(record.kind) or (record.kind != "primary" and not os.path.exists(path)):
                continue
            data = files.read_bytes(path)
            digest = hashlib.new(DIGESTS[record.checksum_type].hashlib_name, data).hexdigest()
            if digest != record.checksum:
                what = f"it has {len(data):,} bytes, and not the checksum in repomd.xml"
                raise DescriptionError(
                    what, path, "the copy is incomplete or damaged: make it again"
                )
            copy = os.path.join(aside, record.location)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            files.replace(copy, data)
        files.replace(os.path.join(aside, REPOMD), repomd)
        if self._read_repomd() != repomd:
            raise SourceChanged(
                "its metadata changed while it was read", self._source.where, "run again"
            )
        os.rename(aside, target)


def _prune(folder: str, current: str) -> None:
    """Keep the newest snapshots, because a running build can still read an older one."""
    old = [entry for entry in os.scandir(folder) if entry.name != current]
    old.sort(key=lambda entry: (entry.stat().st_mtime_ns, entry.name), reverse=True)
    for entry in old[KEPT_SNAPSHOTS - 1 :]:
        shutil.rmtree(entry.path)
