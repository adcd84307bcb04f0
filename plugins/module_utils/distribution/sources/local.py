# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A repository on this machine: its metadata and its packages are checked and copied.

A package is never linked: its owner could change what is published, in place.

It is in a folder, or on an ISO image.  The interface is that of remote.py: ``RepositoryAccess``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING, Sequence

from ... import files
from ...errors import DescriptionError, NotFound, RocksError
from ...tree_paths import GENERATIONS
from ..metadata import treeinfo
from ..model import DIGESTS, Package, Progress, ProgressCallback, Source, TreeFile, pool_path
from ..storage.pool import NEW, StorePaths, file_digest, import_package, link_or_copy
from .local_tree import LocalTree, open_tree
from .repository_access import (
    KEPT_SNAPSHOTS,
    NO_INSTALLER,
    InstallerTree,
    NoRepository,
    SourceChanged,
)

if TYPE_CHECKING:
    from ..metadata.repomd import Record

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


def read_installer(tree: LocalTree) -> InstallerTree:
    """Read the .treeinfo of a tree, and the stamps of the files that it lists."""
    for name in treeinfo.FILE_NAMES:
        if tree.stamp(name):
            where = os.path.join(tree.root, name)
            text = files.decode(tree.read(name), where)
            stamps = [[path, tree.stamp(path)] for path in treeinfo.image_paths(text)]
            return InstallerTree(text=text, where=where, stamp=repr(stamps))
    return NO_INSTALLER


class LocalRepository:
    """One source, with the metadata that it had when it was opened.

    Raises NoRepository when there is no repository, DescriptionError when a file does not have the
    checksum in repomd.xml or the signature is wrong, and SourceChanged when the metadata changed
    while it was read.
    """

    def __init__(self, source: Source, store: StorePaths, report: ProgressCallback) -> None:
        self._source = source
        self._store = store
        self._report = report
        self._tree = open_tree(local_path(source))
        self._path = os.path.join(self._tree.root, source.folder).rstrip("/")
        repomd = self._read_repomd()
        self.identity = hashlib.sha256(repomd).hexdigest()
        generations = os.path.realpath(os.path.join(store.root, GENERATIONS))
        self.is_own = self._path.startswith(generations + os.sep)
        # A generation never changes, so it needs no copy.
        self.folder = self._path if self.is_own else self._snapshot(repomd)
        self.installer = read_installer(self._tree)

    def is_unchanged(self) -> bool:
        """Return whether the source still has this metadata and this installer."""
        return (
            hashlib.sha256(self._read_repomd()).hexdigest() == self.identity
            and read_installer(self._tree) == self.installer
        )

    def package_path(self, package: Package) -> str:
        """Return the path of a package's file."""
        return os.path.join(self._path, package.location)

    def fetch_packages(self, packages: Sequence[Package]) -> int:
        """Check packages, import those that the pool lacks, and return their number.

        Raises DescriptionError that lists the files that are missing or differ from the metadata.
        """
        imported = 0
        errors = []
        for number, package in enumerate(packages):
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
                imported += self._import(package)
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
            if self._tree.stamp(file.path) is None:
                continue
            with self._tree.file(file.path, folder) as path:
                checksum = file_digest(path)
                if file.checksum and checksum != file.checksum:
                    what = f"its SHA-256 is {checksum[:16]}…, and should be {file.checksum[:16]}…"
                    raise DescriptionError(
                        what,
                        os.path.join(self._tree.root, file.path),
                        "copy the installer's files and .treeinfo again",
                    )
                target = os.path.join(folder, file.path)
                if not (file.checksum and os.path.exists(target)):
                    copy = not self.is_own and not path.startswith(folder)
                    link_or_copy(path, target, copy=copy)
            fetched.append(file._replace(checksum=checksum))
        return fetched

    def _import(self, package: Package) -> bool:
        if os.path.exists(pool_path(self._store.pool, package.checksum)):
            return False
        scratch = os.path.join(self._store.pool, NEW)
        os.makedirs(scratch, exist_ok=True)
        where = os.path.join(self._path, package.location)
        try:
            with self._tree.file(self._inside(package.location), scratch) as path:
                own = path.startswith(scratch)
                return import_package(path, package, self._store.pool, where, copy=not own)
        except NotFound:
            raise NotFound(
                "file not found", where, "the metadata lists it: create the metadata again"
            ) from None

    def _inside(self, path: str) -> str:
        """Return the path below the root of the tree of a path below the repository."""
        return os.path.join(self._source.folder, path)

    def _read_repomd(self) -> bytes:
        try:
            return self._tree.read(self._inside(REPOMD))
        except NotFound:
            raise NoRepository(
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
        try:
            signature = self._tree.read(self._inside(SIGNATURE))
        except NotFound:
            raise DescriptionError(
                "repomd.xml has no signature (repomd.xml.asc)",
                self._source.where,
                "copy the repository again with it, or set repo_gpgcheck to false",
            ) from None
        check_detached_signature(repomd, signature, self._source.gpg_keys, where)

    def _copy(self, repomd: bytes, target: str) -> None:
        """Copy the metadata files that repomd.xml lists and a build or a client reads.

        Only the primary file must exist.
        """
        from ..metadata.repomd import is_used, parse_repomd

        aside = f"{target}.new"
        shutil.rmtree(aside, ignore_errors=True)
        os.makedirs(os.path.join(aside, "repodata"))
        for record in parse_repomd(repomd, os.path.join(self._path, REPOMD)).records:
            if is_used(record.kind):
                self._copy_record(record, aside)
        files.replace(os.path.join(aside, REPOMD), repomd)
        if self._read_repomd() != repomd:
            raise SourceChanged(
                "its metadata changed while it was read", self._source.where, "run again"
            )
        os.rename(aside, target)

    def _copy_record(self, record: Record, aside: str) -> None:
        where = f'source "{self._source.name}", {os.path.join(self._path, record.location)}'
        hint = "the copy is incomplete or damaged: copy the repository again"
        try:
            data = self._tree.read(self._inside(record.location))
        except NotFound:
            if record.kind != "primary":
                return
            raise NotFound(
                "repomd.xml lists this file, and it does not exist", where, hint
            ) from None
        digest = hashlib.new(DIGESTS[record.checksum_type].hashlib_name, data).hexdigest()
        if digest != record.checksum:
            what = f"it has {len(data):,} bytes, and not the checksum in repomd.xml"
            raise DescriptionError(what, where, hint)
        copy = os.path.join(aside, record.location)
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        files.replace(copy, data)


def _prune(folder: str, current: str) -> None:
    """Keep the newest snapshots, because a running build can still read an older one."""
    old = [entry for entry in os.scandir(folder) if entry.name != current]
    old.sort(key=lambda entry: (entry.stat().st_mtime_ns, entry.name), reverse=True)
    for entry in old[KEPT_SNAPSHOTS - 1 :]:
        shutil.rmtree(entry.path)
