# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lays out the folder of a generation: packages, metadata, the installer's files and the XML (contract C4).

Nothing is copied that is elsewhere already: packages are hard links in sets that generations share, what the previous
generation has is linked from it.  Nothing is flushed here: the caller flushes what ``Tree`` says is new, all at once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Mapping

from ..storage.pool import StorePaths

BUILD_FOLDER = "build"


class Tree:
    """A folder that is being filled; ``new`` are the paths that must be flushed before it gets its name."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.unflushed: list[str] = []
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        self._folders = {folder}
        self.unflushed.append(folder)

    def write(self, path: str, content: bytes) -> None:
        """A file of this generation's own."""
        target = self._place(path)
        with open(target, "wb") as file:
            file.write(content)
        self.unflushed.append(target)

    def link(self, path: str, existing: str) -> None:
        """A file that is elsewhere on this file system and never changes."""
        os.link(existing, self._place(path))

    def link_packages(self, sets: Mapping[str, str], store: StorePaths, layout: str) -> None:
        """The folders of packages: path in the tree -> name of the set."""
        for path, name in sets.items():
            target, link = os.path.join(store.sets, name), self._place(path)
            if layout == "symlink":
                self._links(link, target)
            else:
                os.symlink(os.path.relpath(target, os.path.dirname(link)), link)

    def _links(self, folder: str, target: str) -> None:
        """The paper's form: a symbolic link for each package."""
        os.mkdir(folder)
        self._know(folder)
        base = os.path.relpath(target, folder)
        for name in sorted(os.listdir(target)):
            os.symlink(os.path.join(base, name), os.path.join(folder, name))

    def _place(self, path: str) -> str:
        target = os.path.join(self.folder, path)
        folder = os.path.dirname(target)
        missing = []
        while folder not in self._folders:
            missing.append(folder)
            folder = os.path.dirname(folder)
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)
            self._know(folder)
        return target

    def _know(self, folder: str) -> None:
        if folder not in self._folders:
            self._folders.add(folder)
            self.unflushed.append(folder)
