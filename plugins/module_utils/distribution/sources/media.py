# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Installation media: their root contains .treeinfo and images, and folders with repositories."""

from __future__ import annotations

import dataclasses
import os

from ...errors import DescriptionError, NotFound
from ..metadata import treeinfo
from ..model import Source
from .local import REPOMD, local_path, read_installer
from .local_tree import open_tree
from .repository_access import InstallerTree


def medium_repositories(source: Source) -> list[Source]:
    """Return the repositories of an installation medium, each as a source; empty if it is none.

    The name of each is that of the source and of its folder in small letters: ``dvd-baseos``.
    Raises NotFound or DescriptionError that explains what is in the place of a repository.
    """
    if source.folder or source.type == "parent":
        return []
    path = local_path(source)
    installer = _installer(source, path)
    if not installer.text:
        if path:
            _explain_folder(source, path)
        return []
    folders = treeinfo.repository_folders(installer.text, installer.where)
    if path:
        tree = open_tree(path)
        missing = [folder for folder in folders if not tree.stamp(os.path.join(folder, REPOMD))]
        if missing:
            raise NotFound(
                f"the medium has no repository in {' and '.join(missing)}, which its"
                f" {os.path.basename(installer.where)} lists",
                source.where,
                "copy the whole medium; a medium that only boots (boot.iso) has no packages",
            )
    return [
        dataclasses.replace(source, name=f"{source.name}-{_name(folder)}", folder=folder)
        for folder in folders
    ]


def enclosing_medium(source: Source) -> str:
    """Return the installation medium of which a local source is only a repository, or ``""``."""
    path = os.path.dirname(os.path.realpath(local_path(source)))
    is_part = local_path(source) and not source.folder
    return path if is_part and read_installer(open_tree(path)).text else ""


def _installer(source: Source, path: str) -> InstallerTree:
    if path:
        return read_installer(open_tree(path))
    from . import mirror  # here, because loading its libraries takes longer than an unchanged build

    return mirror.read_installer(source)


def _name(folder: str) -> str:
    return folder.lower().replace("/", "-")


def _explain_folder(source: Source, path: str) -> None:
    """Raise the error that helps most with a folder without a repository, if there is one."""
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise NotFound(
                "the folder does not exist",
                source.where,
                "correct the path; if it is on another file system, mount that",
            )
        return
    names = sorted(os.listdir(path))
    if not names:
        raise NotFound(
            "the folder is empty", source.where, "if another file system belongs here, mount it"
        )
    repositories = [name for name in names if os.path.exists(os.path.join(path, name, REPOMD))]
    if repositories:
        raise DescriptionError(
            f"the folder contains the repositories {', '.join(repositories)} and no .treeinfo",
            source.where,
            "give each of them as a source; if it is a copy of an installation medium, copy its"
            " .treeinfo too, which `cp -r /mnt/*` leaves out",
        )
    if any(name.endswith(".rpm") for name in names):
        raise DescriptionError(
            "the folder contains RPM files and no repodata",
            source.where,
            "set type: directory for a folder of RPM files",
        )
