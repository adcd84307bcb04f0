# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A repository behind a URL: the verbs of Nearby, done by mirror.py."""

from __future__ import annotations

import os
from typing import Sequence

from ..model import Package, ProgressCallback, Source, TreeFile
from ..storage.pool import StorePaths
from . import mirror
from .local import SourceChanged


class RemoteRepository:
    """One source, with the metadata that it had when it was opened."""

    ours = False

    def __init__(self, source: Source, store: StorePaths, progress: ProgressCallback) -> None:
        self._source, self._places, self._progress = source, store, progress
        cache = os.path.join(store.cache, "mirror")
        os.makedirs(cache, exist_ok=True)
        self._snapshot = mirror.take_snapshot(source, cache, report=progress)
        self.folder, self.identity = self._snapshot.path, self._snapshot.identity

    def unchanged(self) -> bool:
        """Whether the source still has this metadata."""
        return mirror.is_unchanged(self._snapshot)

    def fetch_packages(self, packages: Sequence[Package]) -> int:
        """Packages into the pool; how many were not there."""
        try:
            return mirror.fetch_packages(
                self._snapshot, packages, self._places.pool, report=self._progress
            ).files
        except mirror.SourceChanged as error:
            raise SourceChanged(error.what, error.where, error.hint) from error

    def fetch_files(self, wanted: Sequence[TreeFile], folder: str) -> list[TreeFile]:
        """Files of its tree below ``folder``; those that it does not have are left out."""
        return mirror.fetch_files(self._source, wanted, folder, report=self._progress)
