# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The common interface of local and remote repositories (local.py, remote.py)."""

from __future__ import annotations

from typing import NamedTuple, Protocol, Sequence

from ...errors import NotFound, Unavailable
from ..model import Package, TreeFile

# Snapshots of a repository's metadata that are kept, because a running build can read an old one.
KEPT_SNAPSHOTS = 3


class SourceChanged(Unavailable):
    """The source has other metadata than when it was opened: open it again, and resolve again."""


class NoRepository(NotFound):
    """The source has no repomd.xml; it can be an installation medium with several repositories."""


class InstallerTree(NamedTuple):
    """The .treeinfo of a source, which describes its installer; empty if it has none."""

    text: str = ""
    where: str = ""
    """The name of the file in errors."""
    stamp: str = ""
    """Equal while neither the .treeinfo nor the files that it lists change."""


NO_INSTALLER = InstallerTree()


class RepositoryAccess(Protocol):
    """A repository with the metadata that it had when it was opened."""

    folder: str
    """Contains that metadata in ``repodata``, and never changes."""
    identity: str
    """SHA-256 of repomd.xml."""
    is_own: bool
    """Whether the repository is a generation below the root of this frontend."""
    installer: InstallerTree

    def is_unchanged(self) -> bool:
        """Return whether the source still has this metadata and this installer."""

    def package_path(self, package: Package) -> str:
        """Return the local path of a package's file; empty when it is on another machine."""

    def fetch_packages(self, packages: Sequence[Package]) -> int:
        """Fetch and check packages that the pool lacks, and return their number."""

    def fetch_files(self, requested: Sequence[TreeFile], folder: str) -> list[TreeFile]:
        """Fetch files of the source's tree into ``folder``, and return those that exist."""
