# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files that make a tree bootable: the .treeinfo of a source, and the images that it names."""

from __future__ import annotations

import hashlib
import os
from typing import Mapping, NamedTuple, Optional, Sequence

from ... import files
from ..metadata import treeinfo
from ..metadata.index import PublishedGeneration
from ..model import TreeFile
from ..sources.base import Input
from ..storage.pool import StorePaths
from .tree import BUILD_FOLDER

KEY_DIGITS = 16


class Installer(NamedTuple):
    """The installer of a tree; all fields are empty if no source has one."""

    text: str = ""
    """The source's .treeinfo."""
    where: str = ""
    """The name of that file in errors."""
    files: Mapping[str, str] = {}
    """Path in the tree -> path of the existing file."""
    checksums: Mapping[str, str] = {}
    """Path in the tree -> SHA-256."""


def find_installer(
    inputs: Sequence[Input],
    store: StorePaths,
    reusable: Optional[PublishedGeneration],
    *,
    fetch: bool,
) -> Installer:
    """Return the installer of the first source that has a bootable one.

    reusable  a generation that was made from the same sources: its installer is used
    fetch     fetch the images; otherwise only files whose checksum is unknown are fetched
    """
    if reusable:
        return _published_installer(reusable)
    folders = [os.path.join(store.cache, "trees", _key(source_input)) for source_input in inputs]
    texts = [_fetch_treeinfo(source_input, folder) for source_input, folder in zip(inputs, folders)]
    number = treeinfo.choose_base(texts)
    if number is None:
        return Installer()
    text, where = texts[number]
    folder = folders[number]
    images = treeinfo.installer_files(text, where)
    skipped = [] if fetch else [image for image in images if image.checksum]
    fetched = inputs[number].fetch_files(
        [image for image in images if image not in skipped], folder
    )
    available = sorted([*skipped, *fetched])
    return Installer(
        text=text,
        where=where,
        files={image.path: os.path.join(folder, image.path) for image in available},
        checksums={image.path: image.checksum for image in available},
    )


def _published_installer(published: PublishedGeneration) -> Installer:
    treeinfo_path = os.path.join(published.folder, treeinfo.FILE_NAME)
    if not os.path.exists(treeinfo_path):
        return Installer()
    checksums = {
        path: checksum
        for path, checksum in published.index.files.items()
        if not path.startswith(f"{BUILD_FOLDER}/")
    }
    return Installer(
        text=files.read_text(treeinfo_path),
        where=treeinfo_path,
        files={path: os.path.join(published.folder, path) for path in checksums},
        checksums=checksums,
    )


def _fetch_treeinfo(source_input: Input, folder: str) -> tuple[str, str]:
    """Return the text of a source's .treeinfo, empty if it has none, and its name in errors."""
    where = f'source "{source_input.source.name}", {treeinfo.FILE_NAME}'
    os.makedirs(folder, exist_ok=True)
    if not source_input.fetch_files([TreeFile(treeinfo.FILE_NAME)], folder):
        return "", where
    return files.read_text(os.path.join(folder, treeinfo.FILE_NAME)), where


def _key(source_input: Input) -> str:
    """Return the folder name for one state of a source; files in that folder never change."""
    source = source_input.source
    text = f"{source.url} {source.path} {source_input.origin}"
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]
