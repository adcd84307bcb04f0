# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources, opened: whatever a source is, it has packages and their XML, further documents, and files of a tree.

Nothing is read before it is asked for, so that an unchanged source costs no more than being recognised.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Mapping, Optional, Protocol, Sequence

from ... import files
from ...errors import DescriptionError
from ..metadata import shards
from ..metadata.compression import compress_frame, decompress, decompress_frame
from ..metadata.index import PRIMARY, PublishedGeneration, open_published
from ..metadata.slices import Listing, Primary, slice_listing, slice_primary
from ..model import Package, ProgressCallback, Source, TreeFile
from ..storage.pool import StorePaths, import_package
from . import rpm_directory
from .local import LocalRepository, local_path

if TYPE_CHECKING:
    from ..metadata.repomd import Record

# The origin of XML that is made here: equal headers give equal XML.
FROM_HEADERS = "headers-1"
_TIMESTAMP = re.compile(r"<timestamp>([0-9.]+)</timestamp>")


class Input(Protocol):
    """What the rest of the room knows of a source.

    origin  what its packages' XML is taken from: when it is the same, so is the XML
    """

    source: Source
    origin: str

    def packages(self) -> list[Package]:
        """Every package of the source."""

    def package_xml(self, kind: str, package: Package, location: str) -> bytes:
        """The package's element in the file of this kind (primary, filelists, other), lying at ``location``."""

    def newest_timestamp(self) -> int:
        """When the newest thing in it was made, as it says itself; in seconds since 1970."""

    def document(self, kind: str) -> bytes:
        """Another document (group, modules, updateinfo…), expanded; empty when there is none."""

    def published(self) -> Optional[PublishedGeneration]:
        """The source as a distribution of ours; None when it is none."""

    def fetch_packages(self, packages: Sequence[Package]) -> int:
        """Bring packages into the pool, checked; how many were not there."""

    def fetch_files(self, wanted: Sequence[TreeFile], folder: str) -> list[TreeFile]:
        """Bring files of its tree; those that it does not have are left out."""

    def unchanged(self) -> bool:
        """Whether the source is still what was read."""

    def preload(self, kind: str) -> None:
        """Read what ``text`` of this kind needs; it would do so itself, but this may be done in a thread."""

    def unload(self, kind: str) -> None:
        """Free it."""


def open_source(source: Source, store: StorePaths, progress: ProgressCallback) -> Input:
    """The source, opened as far as to tell its origin."""
    if source.type == "directory":
        return Directory(source, store, progress)
    reach = _reach(source, store, progress)
    published = open_published(reach.folder)
    if published is None:
        return Repository(source, reach)
    return (
        Parent(source, reach, published) if reach.ours else ForeignParent(source, reach, published)
    )


class RepositoryAccess(Protocol):
    """What Nearby and Faraway have in common."""

    folder: str
    identity: str
    ours: bool

    def unchanged(self) -> bool: ...

    def fetch_packages(self, packages: Sequence[Package]) -> int: ...

    def fetch_files(self, wanted: Sequence[TreeFile], folder: str) -> list[TreeFile]: ...


def _reach(source: Source, store: StorePaths, progress: ProgressCallback) -> RepositoryAccess:
    if local_path(source):
        return LocalRepository(source, store, progress)
    from .remote import (
        RemoteRepository,
    )  # here, because its libraries take longer to load than an unchanged build takes

    return RemoteRepository(source, store, progress)


class Repository:
    """A repository that anybody built."""

    def __init__(self, source: Source, reach: RepositoryAccess) -> None:
        self.source, self.origin = source, reach.identity
        self.fetch_packages, self.fetch_files, self.unchanged = (
            reach.fetch_packages,
            reach.fetch_files,
            reach.unchanged,
        )
        self._folder = reach.folder
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

    def newest_timestamp(self) -> int:
        repomd = files.read_text(os.path.join(self._folder, "repodata", "repomd.xml"))
        return max((int(float(stamp)) for stamp in _TIMESTAMP.findall(repomd)), default=0)

    def document(self, kind: str) -> bytes:
        if self._records is None:
            self._records = _records(self._folder)
        record = self._records.get(kind)
        path = os.path.join(self._folder, record.location) if record else ""
        if record is None or not os.path.exists(path):
            return b""
        return decompress(files.read_bytes(path), self._where(kind), record.open_size)

    def published(self) -> Optional[PublishedGeneration]:
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
    """A distribution of this root: read by shards, and its shards taken as they are where they fit."""

    def __init__(
        self, source: Source, reach: RepositoryAccess, published: PublishedGeneration
    ) -> None:
        super().__init__(source, reach)
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

    def published(self) -> Optional[PublishedGeneration]:
        return self._published

    def unload(self, kind: str) -> None:
        self._published.unload(kind)


class ForeignParent(Parent):
    """A distribution that another frontend built: what it says of its packages is taken from their XML itself."""

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

    def __init__(self, source: Source, store: StorePaths, progress: ProgressCallback) -> None:
        self.source, self._places, self._progress = source, store, progress
        self.origin = FROM_HEADERS
        self._found = rpm_directory.scan(source)
        self._read: Optional[rpm_directory.HeaderSet] = None
        self._texts: dict[tuple[str, str], bytes] = {}

    def packages(self) -> list[Package]:
        return self._open().packages

    def newest_timestamp(self) -> int:
        return self._open().newest_timestamp

    def package_xml(self, kind: str, package: Package, location: str) -> bytes:
        if (package.checksum, kind) not in self._texts:
            path = os.path.join(self.source.path, package.location)
            texts = rpm_directory.package_xml(path, location, package.checksum)
            # Compressed, because the other two may wait until thousands of packages were read.
            self._texts.update(
                {(package.checksum, name): compress_frame(text) for name, text in texts.items()}
            )
        return decompress_frame(self._texts.pop((package.checksum, kind)))

    def document(self, kind: str) -> bytes:
        return b""

    def published(self) -> Optional[PublishedGeneration]:
        return None

    def fetch_packages(self, packages: Sequence[Package]) -> int:
        brought = 0
        for package in packages:
            path = os.path.join(self.source.path, package.location)
            brought += import_package(path, package, self._places.pool, path, copy=True)
        return brought

    def fetch_files(self, wanted: Sequence[TreeFile], folder: str) -> list[TreeFile]:
        return []

    def unchanged(self) -> bool:
        return rpm_directory.scan(self.source) == self._found

    def preload(self, kind: str) -> None:
        """Headers are read one by one."""

    def stamps(self) -> list[rpm_directory.ScannedFile]:
        """What tells that nothing in the folder changed."""
        return self._found

    def unload(self, kind: str) -> None:
        self._texts = {key: text for key, text in self._texts.items() if key[1] != kind}

    def _open(self) -> rpm_directory.HeaderSet:
        if self._read is None:
            self._read = rpm_directory.read_headers(
                self.source, self._found, self._places.cache, self._progress
            )
        return self._read


def _records(folder: str) -> Mapping[str, Record]:
    """What the repomd.xml in a folder names, by kind."""
    from ..metadata.repomd import (
        parse_repomd,
    )  # here, because its parser is not needed when nothing changed

    path = os.path.join(folder, "repodata", "repomd.xml")
    return {record.kind: record for record in parse_repomd(files.read_bytes(path), path).records}


def empty_package_xml(package: Package) -> bytes:
    """A package of which the source's filelists or other tells nothing; its names hold nothing to be escaped."""
    version = f'<version epoch="{package.epoch}" ver="{package.version}" rel="{package.release}"/>'
    identity = f'pkgid="{package.checksum}" name="{package.name}" arch="{package.arch}"'
    return f"<package {identity}>\n  {version}\n</package>\n".encode()
