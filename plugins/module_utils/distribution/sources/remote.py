# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A repository at a URL, as a ``RepositoryAccess``; mirror.py does the work."""

from __future__ import annotations

import dataclasses
import os
from typing import Callable, Optional, Sequence

from ...errors import NotFound, Refused, RocksError, Unavailable, combine
from ..model import Package, ProgressCallback, Source, TreeFile
from ..storage.pool import StorePaths
from . import mirror
from .http import TooLongError
from .mirror_list import is_list_url
from .repository_access import NoRepository


class RemoteRepository:
    """One source, with the metadata that it had when it was opened.

    Of the mirrors in a list, the first one that is complete and up to date is read.
    """

    is_own = False

    def __init__(self, source: Source, store: StorePaths, report: ProgressCallback) -> None:
        self._store = store
        self._report = report
        self._cache = os.path.join(store.cache, "mirror")
        os.makedirs(self._cache, exist_ok=True)
        if is_list_url(source.url):
            self._mirrors, self._snapshot = self._open_list(source)
        else:
            try:
                self._snapshot = self._take_snapshot(source)
                self._mirrors = [source]
            except NoRepository as error:
                self._mirrors, self._snapshot = self._open_list(source, error)
        self.folder = self._snapshot.path
        self.identity = self._snapshot.identity
        self.installer = mirror.read_installer(self._mirrors[0])

    def _open_list(
        self, source: Source, otherwise: Optional[NoRepository] = None
    ) -> tuple[list[Source], mirror.Snapshot]:
        """Return the mirrors of a list from the one that is read on, and its metadata.

        Raises the error ``otherwise`` if the URL is not that of a list.
        """
        try:
            listed = mirror.read_mirror_list(source)
        except NotFound:
            listed = None
        except (Refused, TooLongError, Unavailable):
            if otherwise is None:
                raise
            listed = None
        if listed is None:
            raise otherwise or NoRepository(
                "neither a mirror list nor a metalink",
                source.where,
                "give the URL of the folder that contains repodata, or of a mirror list",
            )
        mirrors = [dataclasses.replace(source, url=url) for url in listed.urls]
        errors: list[RocksError] = []
        for number, candidate in enumerate(mirrors):
            try:
                snapshot = self._take_snapshot(candidate, source.url, listed.accepts)
                return mirrors[number:], snapshot
            except RocksError as error:
                errors.append(error)
        raise combine(errors, source.where)

    def _take_snapshot(
        self,
        source: Source,
        list_url: str = "",
        accepts: Callable[[bytes], bool] = lambda _repomd: True,
    ) -> mirror.Snapshot:
        repository = source
        if source.folder:
            url = f"{source.url.rstrip('/')}/{source.folder}"
            repository = dataclasses.replace(source, url=url, folder="")
        return mirror.take_snapshot(
            repository, self._cache, list_url=list_url, accepts=accepts, report=self._report
        )

    def is_unchanged(self) -> bool:
        """Return whether the source still has this metadata and this installer."""
        return (
            mirror.is_unchanged(self._snapshot)
            and mirror.read_installer(self._mirrors[0]) == self.installer
        )

    def package_path(self, package: Package) -> str:
        """Return an empty text: the file is on another machine."""
        return ""

    def fetch_packages(self, packages: Sequence[Package]) -> int:
        """Fetch packages that the pool lacks, and return their number.

        What one mirror of a list lacks is fetched from the next one.
        """
        fetched = 0
        for number, source in enumerate(self._mirrors, 1):
            snapshot = self._snapshot
            if number > 1:
                snapshot = snapshot._replace(source=source)
            try:
                result = mirror.fetch_packages(
                    snapshot, packages, self._store.pool, report=self._report
                )
                return fetched + result.files
            except Unavailable:
                if number == len(self._mirrors):
                    raise
        return fetched

    def fetch_files(self, requested: Sequence[TreeFile], folder: str) -> list[TreeFile]:
        """Fetch files of the source's tree into ``folder``, and return those that exist."""
        return mirror.fetch_files(self._mirrors[0], requested, folder, report=self._report)
