# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The words of this room as types: what a distribution is made of, and what a build of it gives.

No behaviour beyond what the fields of a value answer by themselves.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Callable, Mapping, NamedTuple, Optional

MIRROR, PARENT, DIRECTORY = "mirror", "parent", "directory"
NEEDED, EVERYTHING = "needed", "everything"


class EVR(NamedTuple):
    """Epoch, version and release of a package, as rpm-version(7) has them.  ``evr.key`` gives their order."""

    epoch: int
    version: str
    release: str

    def __str__(self) -> str:
        return f"{self.epoch}:{self.version}-{self.release}" if self.epoch else f"{self.version}-{self.release}"


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
    return os.path.join(pool, checksum[:2], f"{checksum}.rpm")


@dataclasses.dataclass(frozen=True)
class Source:
    """One input of a distribution.

    type           ``mirror``: an RPM repository (repomd); ``parent``: the tree of a distribution, ours or another
                   frontend's; ``directory``: a folder of RPM files without metadata
    url, path      where it is: http(s) or file URL of the folder that holds ``repodata``, or a local path; one of both
    priority       breaks ties between packages of equal version only; as in dnf, the lower number is preferred
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
    type: str = MIRROR
    url: str = ""
    path: str = ""
    priority: int = 99
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    gpg_keys: tuple[str, ...] = ()
    gpgcheck: Optional[bool] = None
    repo_gpgcheck: bool = False
    fetch: str = NEEDED
    ca: str = ""
    certificate: str = ""
    key: str = ""
    proxy: str = ""

    @property
    def where(self) -> str:
        """How an error names this source."""
        return f'source "{self.name}" ({self.url or self.path})'

    @property
    def checks_packages(self) -> bool:
        return bool(self.gpg_keys) if self.gpgcheck is None else self.gpgcheck


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


Report = Callable[[Progress], None]


def silent(_event: Progress) -> None:
    """The Report of a caller who does not want to know."""


class Clash(NamedTuple):
    """Two packages with one NEVRA and different content; ``winner`` is the one that stays."""

    winner: Package
    loser: Package


class Verdict(NamedTuple):
    """Why a package is in the distribution, or why it is not."""

    package: Package
    chosen: bool
    reason: str


@dataclasses.dataclass(frozen=True)
class Resolution:
    """What stays of all candidates, sorted by name, architecture and version; and what a reader should know."""

    winners: tuple[Package, ...]
    clashes: tuple[Clash, ...]
    remarks: tuple[str, ...] = ()


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
