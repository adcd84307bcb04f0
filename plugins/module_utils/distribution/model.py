# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types of a distribution: its sources, its packages, and the results of a build.

They have no behaviour beyond what follows from their own fields.
"""

from __future__ import annotations

import dataclasses
from typing import Callable, Literal, Mapping, NamedTuple, Optional

from .urls import without_password

SourceType = Literal["mirror", "parent", "directory"]
"""A mirror of an RPM repository, the tree of a distribution, or a folder of RPM files."""

Fetch = Literal["needed", "everything"]
"""Fetch only the packages that resolution chose, or the whole repository."""

SkippedMetadata = Literal["advisories", "groups", "modules"]
"""A kind of metadata besides the packages that can be left out of a source."""

Versions = Literal["newest", "all"]
"""Keep the newest version of each name and architecture, or every version."""

Layout = Literal["links", "symlink"]
"""Hard links in folders that generations share, or one symbolic link per package."""

Closure = Literal["whole", "profiles", "warn", "off"]
"""Check the requirements of all packages, or of those that profiles install; warn; do not check."""


class DigestAlgorithm(NamedTuple):
    """A checksum algorithm: its name in hashlib, and the length of its digest in hexadecimal."""

    hashlib_name: str
    hex_length: int


# repomd's name of an algorithm -> the algorithm.  MD5 is left out: it is not collision-resistant.
DIGESTS: Mapping[str, DigestAlgorithm] = {
    "sha": DigestAlgorithm("sha1", 40),
    "sha1": DigestAlgorithm("sha1", 40),
    "sha224": DigestAlgorithm("sha224", 56),
    "sha256": DigestAlgorithm("sha256", 64),
    "sha384": DigestAlgorithm("sha384", 96),
    "sha512": DigestAlgorithm("sha512", 128),
}

# Sites rebuild upstream packages under the same name, so their directories are preferred.
DEFAULT_PRIORITIES: Mapping[SourceType, int] = {"mirror": 99, "parent": 99, "directory": 10}

# dnf identifies these packages by capabilities; these are the names of the packages that have them.
DEFAULT_INSTALL_ONLY = (
    "kernel",
    "kernel-core",
    "kernel-modules*",
    "kernel-devel*",
    "kernel-debug*",
    "kernel-rt*",
    "kernel-64k*",
    "kernel-uki-virt*",
)


class EVR(NamedTuple):
    """Epoch, version and release of a package (rpm-version(7)).  ``evr.evr_key`` orders them."""

    epoch: int
    version: str
    release: str

    def __str__(self) -> str:
        return (
            f"{self.epoch}:{self.version}-{self.release}"
            if self.epoch
            else f"{self.version}-{self.release}"
        )


class Package(NamedTuple):
    """One RPM of one source, as the source's metadata or the RPM's own header describes it.

    A NamedTuple, because a build makes and sorts a hundred thousand of them.
    """

    name: str
    arch: str
    epoch: int
    version: str
    release: str
    checksum: str
    """Hexadecimal digest of the whole file: the package's identity, and its name in the pool."""
    checksum_type: str
    """The algorithm of the checksum, a key of DIGESTS."""
    size: int
    """Size of the file in bytes."""
    location: str
    """Path relative to the source; never absolute, never with ``..``."""
    source: str
    """Name of the source."""

    @property
    def evr(self) -> EVR:
        return EVR(self.epoch, self.version, self.release)

    @property
    def nevra(self) -> str:
        """``name-epoch:version-release.arch``, without the epoch when it is 0."""
        return f"{self.name}-{self.evr}.{self.arch}"

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.version}-{self.release}.{self.arch}.rpm"


def pool_path(pool: str, checksum: str) -> str:
    """Return the path in the pool of the RPM with this checksum.

    A file with this name is complete and has this checksum: it was renamed after the check, and is
    never written to again.
    """
    return f"{pool}/{checksum[:2]}/{checksum}.rpm"


@dataclasses.dataclass(frozen=True)
class Source:
    """One input of a distribution."""

    name: str
    type: SourceType = "mirror"
    url: str = ""
    """http(s) or file URL of the folder that contains ``repodata``, or of an installation medium.

    Set either url or path.
    """
    path: str = ""
    """Local path of the source: a folder, or the ISO image of an installation medium."""
    folder: str = ""
    """Folder of the repository below url or path, if that is an installation medium."""
    priority: Optional[int] = None
    """Breaks ties between packages of equal version; lower wins, as in dnf.

    None: 10 for a directory, 99 otherwise.
    """
    wins: tuple[str, ...] = ()
    """Globs on names: the distribution takes these packages from this source, in any version."""
    include: tuple[str, ...] = ()
    """Globs on names, NEVRAs or, with a slash, on paths; empty: every package."""
    exclude: tuple[str, ...] = ()
    """Globs of the same form, applied after ``include``."""
    gpg_keys: tuple[str, ...] = ()
    """Paths of files with ASCII-armoured public keys."""
    gpgcheck: Optional[bool] = None
    """Require a signature of one of the keys on each RPM.  None: when there are keys."""
    repo_gpgcheck: bool = False
    """Require a detached signature (repomd.xml.asc) of one of the keys on repomd.xml."""
    trust_installer: bool = False
    """Publish the source's installer although no signature covers it."""
    installer_checksums: str = ""
    """Path of a file with the SHA-256 of an ISO image or of installer images, signed by a key."""
    installer_iso: str = ""
    """Path of the ISO image whose checksum that file lists, and which has the same installer."""
    skip_metadata: tuple[SkippedMetadata, ...] = ()
    """Metadata that the distribution does not take from this source."""
    fetch: Fetch = "needed"
    ca: str = ""
    """PEM file of the certificate authorities to trust."""
    certificate: str = ""
    """PEM file of the client certificate, for example a subscription's entitlement."""
    key: str = ""
    """PEM file of the client certificate's key."""
    proxy: str = ""
    """URL of an HTTP proxy."""

    @property
    def where(self) -> str:
        """The place that an error about this source names, without a password."""
        return f'source "{self.name}" ({self.place})'

    @property
    def place(self) -> str:
        """The URL or the path of the repository, without a password."""
        return (without_password(self.url) or self.path) + (self.folder and "/") + self.folder

    @property
    def effective_priority(self) -> int:
        """The priority, or the default of the source's type."""
        return DEFAULT_PRIORITIES[self.type] if self.priority is None else self.priority

    @property
    def checks_packages(self) -> bool:
        """Whether each RPM must be signed."""
        return bool(self.gpg_keys) if self.gpgcheck is None else self.gpgcheck


@dataclasses.dataclass(frozen=True)
class Policy:
    """Rules that decide between the versions of one package, besides those of its sources."""

    arch: str = "x86_64"
    versions: Versions = "newest"
    pins: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Name -> ``[epoch:]version[-release]`` to keep although newer ones exist."""
    install_only: tuple[str, ...] = DEFAULT_INSTALL_ONLY
    """Globs on names: packages of which several versions can be installed side by side."""
    install_only_limit: int = 1
    """Number of versions to keep of each of those packages."""
    drop_stale: bool = False
    """Drop the older of two packages when one is noarch and the other is not.

    Both stay by default, because dnf takes the newer one anyway.
    """


@dataclasses.dataclass(frozen=True)
class Distribution:
    """The description of a distribution, as the administrator wrote it."""

    name: str
    sources: tuple[Source, ...]
    """In order of preference: of equal priority, the earlier source is preferred."""
    policy: Policy = Policy()
    release: str = ""
    """``rhel8``, ``rhel9``, ``rhel10``, ``fedora42``…: stored in the tree, read by the compiler."""
    xml: tuple[str, ...] = ()
    """Folders with ``graphs/`` and ``nodes/``.

    A file replaces those of the same path in earlier folders and in the parents.
    """
    layout: Layout = "links"
    closure: Closure = "whole"
    allowed_unmet: tuple[str, ...] = ()
    """Globs on capabilities that may remain unmet."""
    allow_shrink: bool = False
    """Publish the distribution although a source lost most packages, or a pattern has no effect."""
    allow_older: bool = False
    """Accept signed metadata that is older than that of the published generation."""
    sign_key: str = ""
    """The GnuPG key, in the keyring of the caller, that signs repomd.xml; empty: unsigned."""


class TreeFile(NamedTuple):
    """A file of a source's tree other than a package: an installer image, a parent's XML file."""

    path: str
    checksum: str = ""
    """SHA-256 in hexadecimal; empty when the source does not publish it."""
    size: int = -1
    """Size in bytes; -1 when the source does not publish it."""


class Progress(NamedTuple):
    """The progress of a long step.  Totals are 0 while they are unknown."""

    step: str
    source: str
    current: str
    """The file that is being processed."""
    files: int = 0
    files_total: int = 0
    bytes: int = 0
    bytes_total: int = 0
    rate: float = 0.0
    """Bytes per second."""


ProgressCallback = Callable[[Progress], None]


def ignore_progress(_event: Progress) -> None:
    """Discard progress: the callback of a caller that does not display it."""


class Verdict(NamedTuple):
    """Whether a package is in the distribution, and why.

    A NamedTuple, because there is one for each candidate.
    """

    package: Package
    chosen: bool
    reason: str


class Clash(NamedTuple):
    """Two packages with one NEVRA and different content; the winner is in the distribution."""

    winner: Package
    loser: Package


@dataclasses.dataclass(frozen=True)
class Resolution:
    """The result for every candidate."""

    verdicts: tuple[Verdict, ...] = ()
    """One per candidate, sorted by name and architecture, the newest version first."""
    clashes: tuple[Clash, ...] = ()
    """Pairs that a difference of priority decided."""
    undecided: tuple[Clash, ...] = ()
    """Pairs of equal priority: the caller must refuse them."""
    remarks: tuple[str, ...] = ()
    """Facts that are not errors, but may be unexpected."""

    @property
    def chosen_packages(self) -> tuple[Package, ...]:
        return tuple(verdict.package for verdict in self.verdicts if verdict.chosen)


class Change(NamedTuple):
    """One name and architecture whose version differs between two generations."""

    name: str
    arch: str
    before: EVR
    after: EVR


@dataclasses.dataclass(frozen=True)
class Changes:
    """The differences between two generations.  All lists are sorted."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    upgraded: tuple[Change, ...] = ()
    downgraded: tuple[Change, ...] = ()
    rebuilt: tuple[str, ...] = ()
    """Packages with the same NEVRA and different content."""
    advisories: tuple[str, ...] = ()
    """Identifiers of updateinfo that only the second generation contains."""

    def __bool__(self) -> bool:
        return any(dataclasses.astuple(self))


@dataclasses.dataclass(frozen=True)
class Generation:
    """One immutable build of a distribution."""

    distribution: str
    arch: str
    identity: str
    """Hash of the content, and the name of the folder."""
    path: str
    """``<root>/.generations/<distribution>/<arch>/<identity>``"""
    packages: Mapping[str, int]
    """Name of each source -> number of its packages."""
