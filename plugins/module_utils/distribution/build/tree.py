# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The folder of a generation: packages, metadata, the installer's files and the XML (contract C4).

Existing files are linked instead of copied: packages are hard links in sets that generations share,
and files that did not change are linked from the previous generation.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Mapping

from ..model import Layout
from ..storage.pool import StorePaths

BUILD_FOLDER = "build"


class Tree:
    """A folder that is being filled.  The caller flushes ``unflushed`` and renames the folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.unflushed: list[str] = [folder]
        """Paths of new files and folders: flushing all of them at once is faster."""
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        self._folders = {folder}

    def write(self, path: str, content: bytes) -> None:
        """Write a new file."""
        target = self._prepare(path)
        with open(target, "wb") as file:
            file.write(content)
        self.unflushed.append(target)

    def link(self, path: str, existing: str) -> None:
        """Link a file of this file system that never changes."""
        os.link(existing, self._prepare(path))

    def link_packages(self, sets: Mapping[str, str], store: StorePaths, layout: Layout) -> None:
        """Link sets of packages: path in the tree -> name of the set."""
        for path, name in sets.items():
            set_folder = os.path.join(store.sets, name)
            link = self._prepare(path)
            if layout == "symlink":
                self._link_each(link, set_folder)
            else:
                os.symlink(os.path.relpath(set_folder, os.path.dirname(link)), link)

    def _link_each(self, folder: str, set_folder: str) -> None:
        """Make a symbolic link for each package, as in the paper."""
        os.mkdir(folder)
        self._add_folder(folder)
        base = os.path.relpath(set_folder, folder)
        for name in sorted(os.listdir(set_folder)):
            os.symlink(os.path.join(base, name), os.path.join(folder, name))

    def _prepare(self, path: str) -> str:
        """Make the parent folders of a path, and return the absolute path."""
        target = os.path.join(self.folder, path)
        folder = os.path.dirname(target)
        missing = []
        while folder not in self._folders:
            missing.append(folder)
            folder = os.path.dirname(folder)
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)
            self._add_folder(folder)
        return target

    def _add_folder(self, folder: str) -> None:
        if folder not in self._folders:
            self._folders.add(folder)
            self.unflushed.append(folder)
