# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The words of this room as types: what a distribution is made of, and what a build of it gives.

No behaviour beyond what the fields of a value answer by themselves.
"""

from __future__ import annotations

import dataclasses
from typing import Callable, Literal, Mapping, NamedTuple, Optional

SourceType = Literal["mirror", "parent", "directory"]
"""An RPM repository (repomd); the tree of a distribution; a folder of RPM files without metadata."""

Fetch = Literal["needed", "everything"]
"""Fetch only the packages that resolution chose, or the whole repository."""

Versions = Literal["newest", "all"]
"""Keep the newest version of each name and architecture, or every version."""

Layout = Literal["links", "symlink"]
"""Hard links in folders that generations share, or one symbolic link per package."""

Closure = Literal["whole", "profiles", "warn", "off"]
"""Which requirements must be met: all; those of what the profiles install; none, with a warning; none."""

# repomd's name of an algorithm -> (hashlib's name, hexadecimal digits).  MD5 is not in it: it proves nothing.
DIGESTS = {
    "sha": ("sha1", 40),
    "sha1": ("sha1", 40),
    "sha224": ("sha224", 56),
    "sha256": ("sha256", 64),
    "sha384": ("sha384", 96),
    "sha512": ("sha512", 128),
}

# Sites rebuild upstream's packages under the same name; what lies in a directory was put there on purpose.
DEFAULT_PRIORITIES: Mapping[SourceType, int] = {"mirror": 99, "parent": 99, "directory": 10}


# dnf's own list holds capabilities; these are the names that carry them.
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
    """Epoch, version and release of a package, as rpm-version(7) has them.  ``evr.key`` gives their order."""

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

    checksum       hexadecimal digest of the whole file: the package's identity, and its name in the pool
    checksum_type  what it was made with: ``sha256``, ``sha512``, …
    size           bytes of the file
    location       relative path within its source: never absolute, never with ``..``
    source         the name of the source
    """

    name: str
    arch: str
    epoch: int
    version: str
    release: str
    checksum: str
    checksum_type: str
    size: int
    location: str
    source: str

    @property
    def evr(self) -> EVR:
        return EVR(self.epoch, self.version, self.release)

    @property
    def nevra(self) -> str:
        """``name-epoch:version-release.arch``, the epoch left out when it is 0."""
        return f"{self.name}-{self.evr}.{self.arch}"

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.version}-{self.release}.{self.arch}.rpm"


def pool_path(pool: str, checksum: str) -> str:
    """Where the pool keeps the RPM with this checksum.

    A file that has this name is complete, and its content has this checksum: it came there by a rename after the
    check, and nobody ever writes to it again.
    """
    return f"{pool}/{checksum[:2]}/{checksum}.rpm"


@dataclasses.dataclass(frozen=True)
class Source:
    """One input of a distribution.

    type           ``mirror``: an RPM repository (repomd); ``parent``: the tree of a distribution, ours or another
                   frontend's; ``directory``: a folder of RPM files without metadata
    url, path      where it is: http(s) or file URL of the folder that holds ``repodata``, or a local path; one of both
    priority       breaks ties between packages of equal version only; as in dnf, the lower number is preferred.
                   None: 10 for a directory, 99 for the others
    wins           globs on name: of these packages the distribution takes this source's, whatever versions others have
    include        globs on name or NEVRA; empty: everything
    exclude        globs on name or NEVRA, applied after ``include``
    gpg_keys       paths of files with ASCII-armoured public keys
    gpgcheck       each RPM must carry a signature of one of the keys; None: when keys are given
    repo_gpgcheck  repomd.xml must carry a detached signature (repomd.xml.asc) of one of the keys
    fetch          ``needed``: only the packages that resolution chose; ``everything``: the whole repository
    ca, certificate, key   PEM files for TLS: whom to trust, who we are (a subscription's entitlement)
    proxy          URL of an HTTP proxy
    """

    name: str
    type: SourceType = "mirror"
    url: str = ""
    path: str = ""
    priority: Optional[int] = None
    wins: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    gpg_keys: tuple[str, ...] = ()
    gpgcheck: Optional[bool] = None
    repo_gpgcheck: bool = False
    fetch: Fetch = "needed"
    ca: str = ""
    certificate: str = ""
    key: str = ""
    proxy: str = ""

    @property
    def where(self) -> str:
        """How an error names this source."""
        return f'source "{self.name}" ({self.url or self.path})'

    @property
    def effective_priority(self) -> int:
        """The priority that holds."""
        return DEFAULT_PRIORITIES[self.type] if self.priority is None else self.priority

    @property
    def checks_packages(self) -> bool:
        return bool(self.gpg_keys) if self.gpgcheck is None else self.gpgcheck


@dataclasses.dataclass(frozen=True)
class Policy:
    """What decides between the versions of one package, beyond what its sources say.

    versions            ``newest``: of each name and architecture the newest stays; ``all``: every version stays
    pins                name -> ``[epoch:]version[-release]`` that stays although newer ones exist
    install_only        globs on name: packages of which several versions may be installed side by side
    install_only_limit  how many versions of those stay
    drop_stale          when a package changed between noarch and an architecture, drop the older of the two; dnf
                        takes the newer one anyway, so that both stay by default
    """

    arch: str = "x86_64"
    versions: Versions = "newest"
    pins: Mapping[str, str] = dataclasses.field(default_factory=dict)
    install_only: tuple[str, ...] = DEFAULT_INSTALL_ONLY
    install_only_limit: int = 1
    drop_stale: bool = False


@dataclasses.dataclass(frozen=True)
class Distribution:
    """What an administrator asks for.

    sources   in the order in which they are asked; of equal priority the earlier one is preferred
    release   ``rhel8``, ``rhel9``, ``rhel10``, ``fedora42``…: said in the tree, and to the profiles' compiler
    xml       folders with ``graphs/`` and ``nodes/``; a later one's file replaces an earlier one's, and all of them
              replace the parents'
    layout    ``links``: hard links in folders that generations share; ``symlink``: one symbolic link per package
    closure   ``whole``: every requirement of every package must be met; ``profiles``: only what the profiles install;
              ``warn``: say what is missing; ``off``
    open      globs on capabilities that may stay unmet
    sign_key  the GnuPG key, in the keyring of the caller, that signs repomd.xml; empty: unsigned
    """

    name: str
    sources: tuple[Source, ...]
    policy: Policy = Policy()
    release: str = ""
    xml: tuple[str, ...] = ()
    layout: Layout = "links"
    closure: Closure = "whole"
    allowed_unmet: tuple[str, ...] = ()
    sign_key: str = ""


class TreeFile(NamedTuple):
    """A file of a source's tree that is no package: an installer image, an XML file of a parent.

    checksum  sha256 in hexadecimal; empty when the source does not tell it
    size      bytes; -1 when the source does not tell it
    """

    path: str
    checksum: str = ""
    size: int = -1


class Progress(NamedTuple):
    """How far a long step is.  ``current`` is what is being worked on; totals are 0 while they are not known."""

    step: str
    source: str
    current: str
    files: int
    files_total: int
    bytes: int
    bytes_total: int
    rate: float


ProgressCallback = Callable[[Progress], None]


def ignore_progress(_event: Progress) -> None:
    """The Report of a caller who does not want to know."""


class Verdict(NamedTuple):
    """Whether a package is in the distribution, and why."""

    package: Package
    chosen: bool
    reason: str


class Clash(NamedTuple):
    """Two packages with one NEVRA and different content; ``winner`` is the one that stays."""

    winner: Package
    loser: Package


@dataclasses.dataclass(frozen=True)
class Resolution:
    """What becomes of every candidate.

    verdicts  one per candidate, sorted by name, architecture and version, the newest first
    clashes   pairs that a difference of priority decided
    disputed  pairs that nothing decides: the caller refuses them
    remarks   what is no fault, but may surprise
    """

    verdicts: tuple[Verdict, ...] = ()
    clashes: tuple[Clash, ...] = ()
    undecided: tuple[Clash, ...] = ()
    remarks: tuple[str, ...] = ()

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
    """What one generation has that another has not.  All sorted.

    rebuilt     the NEVRA is the same, the content is not
    advisories  the identifiers of updateinfo that only the second generation carries
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    upgraded: tuple[Change, ...] = ()
    downgraded: tuple[Change, ...] = ()
    rebuilt: tuple[str, ...] = ()
    advisories: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(dataclasses.astuple(self))


@dataclasses.dataclass(frozen=True)
class Generation:
    """One immutable build of a distribution.

    identity  the hash of its content, and the name of its folder
    path      where it lies: ``<root>/.generations/<distribution>/<arch>/<identity>``
    packages  source name -> number of its packages
    """

    distribution: str
    arch: str
    identity: str
    path: str
    packages: Mapping[str, int]
