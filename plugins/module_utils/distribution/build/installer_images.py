# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files that make a tree bootable: the .treeinfo of a source, and the images that it names."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from typing import Iterable, Mapping, NamedTuple, Optional, Sequence

from ... import files
from ..metadata import treeinfo
from ..metadata.index import PublishedGeneration
from ..model import TreeFile
from ..sources.base import Input
from ..sources.media import enclosing_medium
from ..sources.repository_access import KEPT_SNAPSHOTS
from ..storage.pool import StorePaths
from .installer_trust import check_images
from .tree import BUILD_FOLDER

KEY_DIGITS = 16
NO_BOOT = "no node can boot from this distribution"


class Installer(NamedTuple):
    """The installer of a tree; all fields but remarks are empty if no source has one."""

    text: str = ""
    """The source's .treeinfo."""
    where: str = ""
    """The name of that file in errors."""
    files: Mapping[str, str] = {}
    """Path in the tree -> path of the existing file."""
    checksums: Mapping[str, str] = {}
    """Path in the tree -> SHA-256."""
    remarks: tuple[str, ...] = ()
    """Why no node can boot from the tree, if so, and which images were left out."""


def installers_digest(inputs: Sequence[Input]) -> str:
    """Return a digest of the installers of all sources, and of the rules by which they are trusted.

    It is equal while none of them changes.
    """
    trees = [
        [
            source_input.installer.text,
            source_input.installer.stamp,
            source_input.source.trust_installer,
            source_input.source.installer_checksums,
            source_input.source.installer_iso,
            source_input.source.gpg_keys,
            source_input.source.repo_gpgcheck,
        ]
        for source_input in inputs
    ]
    return hashlib.sha256(json.dumps(trees).encode()).hexdigest()


def find_installer(
    inputs: Sequence[Input],
    store: StorePaths,
    arch: str,
    *,
    previous: Optional[PublishedGeneration],
    fetch: bool,
) -> Installer:
    """Return the installer of the first source that has a bootable one for this architecture.

    previous  the published generation: equal images are linked from it
    fetch     fetch the images; otherwise only files whose checksum is unknown are fetched
    """
    number, remark = _choose_input(inputs, arch)
    if number is None:
        return Installer(remarks=(remark,))
    source_input = inputs[number]
    text, where, _stamp = source_input.installer
    treeinfo.check_metadata_support(text, where)
    images, remarks = check_images(source_input, treeinfo.installer_files(text, where))
    folder = _state_folder(store, source_input, images)
    skipped = [] if fetch else [image for image in images if image.checksum]
    requested = [image for image in images if image not in skipped]
    _link_equal_files(requested, folder, previous)
    available = sorted([*skipped, *source_input.fetch_files(requested, folder)])
    return Installer(
        text=text,
        where=where,
        files={image.path: os.path.join(folder, image.path) for image in available},
        checksums={image.path: image.checksum for image in available},
        remarks=(*remarks, *_boot_remarks(source_input, {image.path for image in available})),
    )


def published_installer(published: PublishedGeneration, remarks: Iterable[str]) -> Installer:
    """Return the installer of a generation that was made from the same installers.

    remarks  those of the build that made it
    """
    treeinfo_path = os.path.join(published.folder, treeinfo.FILE_NAME)
    if not os.path.exists(treeinfo_path):
        return Installer(remarks=tuple(remarks))
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
        remarks=tuple(remarks),
    )


def _choose_input(inputs: Sequence[Input], arch: str) -> tuple[Optional[int], str]:
    """Return the number of the source with the installer, or None and the reason."""
    texts = []
    others = []
    for source_input in inputs:
        installer = source_input.installer
        tree_arch = treeinfo.read_arch(installer.text, installer.where) if installer.text else ""
        if tree_arch and _family(tree_arch) != _family(arch):
            others.append(
                f'the installer of source "{source_input.source.name}" is for {tree_arch}'
            )
            texts.append(("", installer.where))
        else:
            texts.append((installer.text, installer.where))
    number = treeinfo.choose_base(texts)
    return number, "" if number is not None else _no_installer(inputs, others)


def _no_installer(inputs: Sequence[Input], others: Sequence[str]) -> str:
    reason = " and ".join(others) or "no source has an installer (.treeinfo and images)"
    hint = "add a vendor's BaseOS tree, a kickstart tree or an installation medium as a source"
    for source_input in inputs:
        medium = enclosing_medium(source_input.source)
        if medium:
            hint = f"the medium {medium} has one: give it as a source instead of its repositories"
    return f"{NO_BOOT}: {reason}; {hint}"


def _family(arch: str) -> str:
    """Return the architecture without its level: x86_64 for x86_64_v2."""
    return arch.partition("_v")[0]


def _boot_remarks(source_input: Input, available: set[str]) -> tuple[str, ...]:
    installer = source_input.installer
    missing = [
        f"{what} ({path})" if path else what
        for what, path in treeinfo.boot_files(installer.text, installer.where).items()
        if path not in available
    ]
    if not missing:
        return ()
    name = source_input.source.name
    return (
        f'{NO_BOOT}: the installer of source "{name}" has no {" and no ".join(missing)};'
        " copy the tree again, or add another source with an installer",
    )


def _state_folder(store: StorePaths, source_input: Input, images: Sequence[TreeFile]) -> str:
    """Make the folder for one state of a source's installer; files in that folder never change.

    Images with other expected checksums are another state.

    The newest states are kept, because a running build can still read an older one.
    """
    source = source_input.source
    parent = os.path.join(store.cache, "trees", _key(source.url, source.path))
    folder = os.path.join(parent, _key(*source_input.installer, *map(str, images)))
    os.makedirs(folder, exist_ok=True)
    with os.scandir(parent) as entries:
        others = [entry for entry in entries if entry.is_dir() and entry.path != folder]
    others.sort(key=lambda entry: (entry.stat().st_mtime_ns, entry.name), reverse=True)
    for entry in others[KEPT_SNAPSHOTS - 1 :]:
        shutil.rmtree(entry.path, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{entry.path}.lock")
    return folder


def _key(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:KEY_DIGITS]


def _link_equal_files(
    requested: Sequence[TreeFile], folder: str, previous: Optional[PublishedGeneration]
) -> None:
    """Link files that the previous generation has with the same checksum, to fetch them no more."""
    for file in requested:
        target = os.path.join(folder, file.path)
        if (
            previous
            and file.checksum
            and previous.index.files.get(file.path) == file.checksum
            and not os.path.exists(target)
        ):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.link(os.path.join(previous.folder, file.path), target)
