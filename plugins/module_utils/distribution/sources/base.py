# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Opened sources: each has packages, their XML, other documents, and files of a tree.

Files are read when they are first used, so recognising an unchanged source is cheap.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Mapping, Optional, Protocol, Sequence

from ... import files
from ...errors import DescriptionError, NotFound
from ..metadata import shards
from ..metadata.compression import compress_frame, decompress, decompress_frame
from ..metadata.index import FILELISTS, PRIMARY, PublishedGeneration, open_published
from ..metadata.slices import Listing, Primary, slice_listing, slice_primary
from ..model import Package, ProgressCallback, Source, TreeFile
from ..storage.pool import StorePaths, import_package
from . import rpm_directory
from .local import LocalRepository, local_path
from .media import medium_repositories
from .repository_access import NO_INSTALLER, InstallerTree, NoRepository, RepositoryAccess
from .rpm_identity import read_identity

if TYPE_CHECKING:
    from ..metadata.repomd import Record

# The origin of XML that is made from RPM headers: equal headers give equal XML.
FROM_HEADERS = "headers-1"
# Kind of a document without which packages or groups are lost -> what to do if it is missing.
REMEDIES = {
    PRIMARY: "sync the mirror again",
    FILELISTS: "sync the mirror again",
    "group": "sync the mirror again, or leave its groups out with skip_metadata: [groups]",
    "modules": "sync the mirror again, or leave its modules out with skip_metadata: [modules]",
}
# Part of the release of packages that were built as part of a module.
MODULE_MARK = "module"
_TIMESTAMP = re.compile(r"<timestamp>\s*([0-9]{1,12})(?:\.[0-9]*)?\s*</timestamp>")


class Input(Protocol):
    """A source as the rest of the package uses it."""

    source: Source
    origin: str
    """Identity of the packages' XML: while it is the same, the XML is the same."""
    installer: InstallerTree

    def packages(self) -> list[Package]:
        """Return all packages of the source."""

    def package_xml(self, kind: str, package: Package, location: str) -> bytes:
        """Return the package's element in a file of ``kind``: primary, filelists or other.

        location  path of the package in the distribution, for the element's href
        """

    def is_modular(self, package: Package) -> bool:
        """Return whether the header of a package names a module.

        Where the header cannot be read, its release decides: modules are built with a ``%dist``
        that contains the word.
        """

    def newest_timestamp(self) -> int:
        """Return the time of the newest content, from the source's metadata; seconds since 1970."""

    def document(self, kind: str) -> bytes:
        """Return another document (group, modules, …), decompressed; empty when there is none.

        Raises NotFound when repomd.xml lists it, its file is missing, and packages or groups would
        be lost without it.
        """

    def missing_documents(self) -> list[str]:
        """Return the kinds that repomd.xml lists, and that can be missing without a loss."""

    def published_generation(self) -> Optional[PublishedGeneration]:
        """Return the source as a generation; None when it is another repository."""

    def fetch_packages(self, packages: Sequence[Package]) -> int:
        """Fetch and check packages that the pool lacks, and return their number."""

    def fetch_files(self, requested: Sequence[TreeFile], folder: str) -> list[TreeFile]:
        """Fetch files of the source's tree into ``folder``, and return those that exist."""

    def is_unchanged(self) -> bool:
        """Return whether the source still has the metadata and the installer that were read."""

    def preload(self, kind: str) -> None:
        """Read the data of ``package_xml``.  This can be done in a thread; otherwise it is lazy."""

    def unload(self, kind: str) -> None:
        """Free the data of ``package_xml``."""


def open_source(source: Source, store: StorePaths, report: ProgressCallback) -> list[Input]:
    """Open a source, and read what determines its origin.

    An installation medium has one input for each of its repositories; other sources have one.
    Raises NotFound, DescriptionError or Unavailable when its metadata cannot be read.
    """
    if source.type == "directory":
        return [Directory(source, store, report)]
    try:
        return [_open_repository(source, store, report)]
    except NoRepository:
        repositories = medium_repositories(source)
        if not repositories:
            raise
    return [_open_repository(repository, store, report) for repository in repositories]


def _open_repository(source: Source, store: StorePaths, report: ProgressCallback) -> Input:
    access = _access(source, store, report)
    published = open_published(access.folder)
    if published is None:
        return Repository(source, access)
    if access.is_own:
        return Parent(source, access, published)
    return ForeignParent(source, access, published)


def _access(source: Source, store: StorePaths, report: ProgressCallback) -> RepositoryAccess:
    if local_path(source):
        return LocalRepository(source, store, report)
    # Here, because loading its libraries takes longer than an unchanged build.
    from .remote import RemoteRepository

    return RemoteRepository(source, store, report)


class Repository:
    """A repository of RPMs, whoever built it."""

    def __init__(self, source: Source, access: RepositoryAccess) -> None:
        self.source = source
        self.origin = access.identity
        self.installer = access.installer
        self.fetch_packages = access.fetch_packages
        self._package_path = access.package_path
        self.fetch_files = access.fetch_files
        self.is_unchanged = access.is_unchanged
        self._folder = access.folder
        self._primary: Optional[Primary] = None
        self._listings: dict[str, Listing] = {}
        self._records: Optional[Mapping[str, Record]] = None

    def packages(self) -> list[Package]:
        return self._open_primary().packages

    def package_xml(self, kind: str, package: Package, location: str) -> bytes:
        if kind == PRIMARY:
            return self._open_primary().package_xml(package.checksum, location)
        self.preload(kind)
        return self._listings[kind].package_xml(package.checksum) or empty_package_xml(package)

    def preload(self, kind: str) -> None:
        if kind == PRIMARY:
            self._open_primary()
        elif kind not in self._listings:
            data = self.document(kind)
            self._listings[kind] = (
                slice_listing(data, kind, self._where(kind)) if data else Listing(b"", {})
            )

    def is_modular(self, package: Package) -> bool:
        if MODULE_MARK not in package.release:
            return False  # without reading thousands of files
        path = self._package_path(package)
        try:
            return not os.path.isfile(path) or bool(read_identity(path).module)
        except (OSError, DescriptionError):
            return True

    def newest_timestamp(self) -> int:
        repomd = files.read_text(os.path.join(self._folder, "repodata", "repomd.xml"))
        return max((int(stamp) for stamp in _TIMESTAMP.findall(repomd)), default=0)

    def document(self, kind: str) -> bytes:
        if self._records is None:
            self._records = _records(self._folder)
        record = self._records.get(kind)
        path = os.path.join(self._folder, record.location) if record else ""
        if record is None:
            return b""
        if os.path.exists(path):
            return decompress(files.read_bytes(path), self._where(kind), record.open_size)
        if kind in REMEDIES:
            raise NotFound(
                f"repomd.xml lists {record.location}, and the file does not exist",
                self.source.where,
                REMEDIES[kind],
            )
        return b""

    def missing_documents(self) -> list[str]:
        if self._records is None:
            self._records = _records(self._folder)
        return [
            kind
            for kind, record in self._records.items()
            if kind not in REMEDIES
            and not os.path.exists(os.path.join(self._folder, record.location))
        ]

    def published_generation(self) -> Optional[PublishedGeneration]:
        return None

    def unload(self, kind: str) -> None:
        if kind == PRIMARY:
            self._primary = None
        self._listings.pop(kind, None)

    def _open_primary(self) -> Primary:
        if self._primary is None:
            self._primary = slice_primary(
                self.document(PRIMARY), self.source.name, self._where(PRIMARY)
            )
        return self._primary

    def _where(self, kind: str) -> str:
        return f'source "{self.source.name}", its {kind} metadata'


class Parent(Repository):
    """A distribution of this root: read by shards, which are copied whole where they fit."""

    def __init__(
        self, source: Source, access: RepositoryAccess, published: PublishedGeneration
    ) -> None:
        super().__init__(source, access)
        self._published = published

    def packages(self) -> list[Package]:
        packages = []
        for number in self._published.index.shards:
            chosen = self._published.packages(number)
            for package, name in zip(chosen, shards.file_names(chosen)):
                location = f"{shards.shard_folder(number)}/{name}"
                packages.append(package._replace(location=location, source=self.source.name))
        return packages

    def package_xml(self, kind: str, package: Package, location: str) -> bytes:
        return self._published.package_xml(kind, package, location) or empty_package_xml(package)

    def preload(self, kind: str) -> None:
        """Shards are read one by one."""

    def published_generation(self) -> Optional[PublishedGeneration]:
        return self._published

    def tree_checksums(self) -> Mapping[str, str]:
        """Return path -> SHA-256 of the files of its tree, from its index."""
        return self._published.index.files

    def unload(self, kind: str) -> None:
        self._published.unload(kind)


class ForeignParent(Parent):
    """A distribution of another frontend: packages are read from their XML, not from the index."""

    def packages(self) -> list[Package]:
        packages = []
        for number in self._published.index.shards:
            for package in self._published.packages_from_xml(number):
                if shards.shard_of(package.name) != number:
                    raise DescriptionError(
                        f"{package.nevra} is in shard {number}", self.source.where, "build it again"
                    )
                packages.append(package._replace(source=self.source.name))
        return packages


class Directory:
    """A folder of RPM files."""

    def __init__(self, source: Source, store: StorePaths, report: ProgressCallback) -> None:
        self.source = source
        self.origin = FROM_HEADERS
        self.installer = NO_INSTALLER
        self._store = store
        self._report = report
        self._scanned = rpm_directory.scan(source)
        self._headers: Optional[rpm_directory.HeaderSet] = None
        self._texts: dict[tuple[str, str], bytes] = {}

    def packages(self) -> list[Package]:
        return self._open().packages

    def is_modular(self, package: Package) -> bool:
        return package.location in self._open().modular

    def has_modular_packages(self) -> bool:
        """Return whether the header of any package names a module."""
        return bool(self._open().modular)

    def newest_timestamp(self) -> int:
        return self._open().newest_timestamp

    def package_xml(self, kind: str, package: Package, location: str) -> bytes:
        if (package.checksum, kind) not in self._texts:
            path = os.path.join(self.source.path, package.location)
            texts = rpm_directory.package_xml(path, location, package.checksum)
            # Compressed, because filelists and other wait until thousands of packages are read.
            self._texts.update(
                {(package.checksum, name): compress_frame(text) for name, text in texts.items()}
            )
        return decompress_frame(self._texts.pop((package.checksum, kind)))

    def document(self, kind: str) -> bytes:
        return b""

    def missing_documents(self) -> list[str]:
        return []

    def published_generation(self) -> Optional[PublishedGeneration]:
        return None

    def fetch_packages(self, packages: Sequence[Package]) -> int:
        imported = 0
        for package in packages:
            path = os.path.join(self.source.path, package.location)
            imported += import_package(path, package, self._store.pool, path, copy=True)
        return imported

    def fetch_files(self, requested: Sequence[TreeFile], folder: str) -> list[TreeFile]:
        return []

    def is_unchanged(self) -> bool:
        return rpm_directory.scan(self.source) == self._scanned

    def preload(self, kind: str) -> None:
        """Headers are read one by one."""

    def scanned_files(self) -> list[rpm_directory.ScannedFile]:
        """Return the files of the folder; the list is equal while none of them changes."""
        return self._scanned

    def unload(self, kind: str) -> None:
        self._texts = {key: text for key, text in self._texts.items() if key[1] != kind}

    def _open(self) -> rpm_directory.HeaderSet:
        if self._headers is None:
            self._headers = rpm_directory.read_headers(
                self.source, self._scanned, self._store.cache, self._report
            )
        return self._headers


def _records(folder: str) -> Mapping[str, Record]:
    """Return the records of the repomd.xml in a folder that a build reads, by kind."""
    # Here, because its parser is not needed when nothing has changed.
    from ..metadata.repomd import is_used, parse_repomd

    path = os.path.join(folder, "repodata", "repomd.xml")
    records = parse_repomd(files.read_bytes(path), path).records
    return {record.kind: record for record in records if is_used(record.kind)}


def empty_package_xml(package: Package) -> bytes:
    """Return the element of a package that the source's filelists or other.xml does not contain.

    Names, versions and checksums of packages contain no characters that must be escaped.
    """
    version = f'<version epoch="{package.epoch}" ver="{package.version}" rel="{package.release}"/>'
    identity = f'pkgid="{package.checksum}" name="{package.name}" arch="{package.arch}"'
    return f"<package {identity}>\n  {version}\n</package>\n".encode()
