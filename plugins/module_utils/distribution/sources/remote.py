# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A repository at a URL, as a ``RepositoryAccess``; mirror.py does the work."""

from __future__ import annotations

import dataclasses
import os
from typing import Sequence

from ..model import Package, ProgressCallback, Source, TreeFile
from ..storage.pool import StorePaths
from . import mirror


class RemoteRepository:
    """One source, with the metadata that it had when it was opened."""

    is_own = False

    def __init__(self, source: Source, store: StorePaths, report: ProgressCallback) -> None:
        self._source = source
        self._store = store
        self._report = report
        cache = os.path.join(store.cache, "mirror")
        os.makedirs(cache, exist_ok=True)
        repository = source
        if source.folder:
            url = f"{source.url.rstrip('/')}/{source.folder}"
            repository = dataclasses.replace(source, url=url, folder="")
        self._snapshot = mirror.take_snapshot(repository, cache, report=report)
        self.folder = self._snapshot.path
        self.identity = self._snapshot.identity
        self.installer = mirror.read_installer(source)

    def is_unchanged(self) -> bool:
        """Return whether the source still has this metadata and this installer."""
        return (
            mirror.is_unchanged(self._snapshot)
            and mirror.read_installer(self._source) == self.installer
        )

    def package_path(self, package: Package) -> str:
        """Return an empty text: the file is on another machine."""
        return ""

    def fetch_packages(self, packages: Sequence[Package]) -> int:
        """Fetch packages that the pool lacks, and return their number."""
        result = mirror.fetch_packages(
            self._snapshot, packages, self._store.pool, report=self._report
        )
        return result.files

    def fetch_files(self, requested: Sequence[TreeFile], folder: str) -> list[TreeFile]:
        """Fetch files of the source's tree into ``folder``, and return those that exist."""
        return mirror.fetch_files(self._source, requested, folder, report=self._report)
