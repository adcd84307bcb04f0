# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files that make a tree bootable: the source's .treeinfo, and the installer's images that it names."""

from __future__ import annotations

import hashlib
import os
from typing import Mapping, NamedTuple, Sequence

from ... import files
from ..metadata import treeinfo
from ..metadata.index import PublishedGeneration
from ..model import TreeFile
from ..sources.base import Input
from ..storage.pool import StorePaths
from .tree import BUILD_FOLDER


class Installer(NamedTuple):
    """What the tree's installer comes from.

    text   the .treeinfo that ours is made from; empty when no source has one
    where  what errors call it
    files  path in the tree -> where the file lies now
    sums   path in the tree -> its SHA-256
    """

    text: str
    where: str
    files: Mapping[str, str]
    checksums: Mapping[str, str]


NONE = Installer("", "", {}, {})


def find_installer(inputs: Sequence[Input], store: StorePaths, *, fetch: bool) -> Installer:
    """The installer of the first source that has a bootable one.

    fetch  bring its images here; else only what must be read to know their checksums
    """
    folders = [os.path.join(store.cache, "trees", _key(one)) for one in inputs]
    texts = [_treeinfo(one, folder) for one, folder in zip(inputs, folders)]
    number = treeinfo.choose_base(texts)
    if number is None:
        return NONE
    text, where = texts[number]
    wanted = treeinfo.installer_files(text, where)
    known = [] if fetch else [file for file in wanted if file.checksum]
    brought = inputs[number].fetch_files(
        [file for file in wanted if file not in known], folders[number]
    )
    there = sorted([*known, *brought])
    return Installer(
        text,
        where,
        {file.path: os.path.join(folders[number], file.path) for file in there},
        {file.path: file.checksum for file in there},
    )


def reuse_previous(previous: PublishedGeneration) -> Installer:
    """The same, when the sources are those of the previous generation."""
    path = os.path.join(previous.folder, treeinfo.FILE_NAME)
    if not os.path.exists(path):
        return NONE
    checksums = {
        path: checksum
        for path, checksum in previous.index.files.items()
        if not path.startswith(f"{BUILD_FOLDER}/")
    }
    where = {path: os.path.join(previous.folder, path) for path in checksums}
    return Installer(files.read_text(path), path, where, checksums)


def _treeinfo(one: Input, folder: str) -> tuple[str, str]:
    where = f'source "{one.source.name}", its {treeinfo.FILE_NAME}'
    os.makedirs(folder, exist_ok=True)
    brought = one.fetch_files([TreeFile(treeinfo.FILE_NAME)], folder)
    return (files.read_text(os.path.join(folder, treeinfo.FILE_NAME)) if brought else ""), where


def _key(one: Input) -> str:
    """A folder for each state of a source: what is in it never changes."""
    return hashlib.sha256(f"{one.source.url} {one.source.path} {one.origin}".encode()).hexdigest()[
        :16
    ]
