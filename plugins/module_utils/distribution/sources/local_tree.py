# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A tree of files on this machine: a folder, or the ISO image of an installation medium."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import ContextManager, Iterator, Optional, Protocol

from ... import files
from ...errors import NotFound
from .iso_image import IsoImage, is_image

Stamp = tuple[int, int, int]
"""Size, time of modification and inode; equal while a file does not change."""


class LocalTree(Protocol):
    """Paths are relative to the root of the tree."""

    root: str
    """Real path of the folder or image."""

    def read(self, path: str) -> bytes:
        """Return the content of a file.  Raises NotFound."""

    def stamp(self, path: str) -> Optional[Stamp]:
        """Return the stamp of a file; None if it does not exist."""

    def file(self, path: str, scratch: str) -> ContextManager[str]:
        """Provide a file under an absolute path, for the length of the block.  Raises NotFound.

        scratch  an existing folder; a file that is not in it belongs to the administrator
        """


def open_tree(path: str) -> LocalTree:
    """Open a folder or an image.  Raises DescriptionError for a file that is not an image."""
    real_path = os.path.realpath(path)
    return ImageTree(real_path) if is_image(real_path) else FolderTree(real_path)


class FolderTree:
    """A folder.  It does not need to exist."""

    def __init__(self, root: str) -> None:
        self.root = root

    def read(self, path: str) -> bytes:
        return files.read_bytes(os.path.join(self.root, path))

    def stamp(self, path: str) -> Optional[Stamp]:
        target = os.path.join(self.root, path)
        return _stamp(target) if os.path.isfile(target) else None

    @contextlib.contextmanager
    def file(self, path: str, scratch: str) -> Iterator[str]:
        target = os.path.join(self.root, path)
        if not os.path.isfile(target):
            raise NotFound("no such file", target)
        yield target


class ImageTree:
    """An ISO image."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._image = IsoImage(root)

    def read(self, path: str) -> bytes:
        return self._image.read(path)

    def stamp(self, path: str) -> Optional[Stamp]:
        return _stamp(self.root) if self._image.exists(path) else None

    @contextlib.contextmanager
    def file(self, path: str, scratch: str) -> Iterator[str]:
        with tempfile.TemporaryDirectory(prefix=files.ASIDE_PREFIX, dir=scratch) as folder:
            copy = os.path.join(folder, "file")
            self._image.copy(path, copy)
            os.chmod(copy, 0o644)
            yield copy


def _stamp(path: str) -> Stamp:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, status.st_ino
