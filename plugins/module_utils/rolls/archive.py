# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unpack a tarball that contains one roll, and put the roll into its place."""

from __future__ import annotations

import contextlib
import filecmp
import os
import posixpath
import tarfile
import tempfile
from typing import Iterator

from ..errors import DescriptionError
from ..files import ASIDE_PREFIX, replace, sync_directory
from ..xml_folders import ROLL
from .model import Roll
from .reader import read_roll

MAX_FILES = 10_000
MAX_SIZE = 64 << 20
"""Bytes of all files of a roll together."""


@contextlib.contextmanager
def unpacked(archive: str, name: str, place: str, where: str) -> Iterator[Roll]:
    """Unpack the roll ``name`` into a temporary folder next to ``place``, and read it.

    archive  a tar file, compressed or not, with roll.yml at its top or in one folder

    Raises DescriptionError for what is not such an archive, and for a faulty roll.
    """
    os.makedirs(place, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=ASIDE_PREFIX, dir=place) as scratch:
        folder = os.path.join(scratch, name)
        try:
            with tarfile.open(archive) as tar:
                _unpack(tar, folder, where)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise DescriptionError(f"it cannot be unpacked ({error})", where) from error
        yield read_roll(folder)


def install(roll: Roll, place: str) -> None:
    """Rename the folder of a roll into ``place``, where it replaces one of the same name."""
    target = os.path.join(place, roll.name)
    old = os.path.join(os.path.dirname(roll.folder), f"old-{roll.name}")
    if os.path.lexists(target):
        os.rename(target, old)
    try:
        os.rename(roll.folder, target)
    except BaseException:
        if os.path.lexists(old):
            os.rename(old, target)
        raise
    sync_directory(place)


def remove(name: str, place: str) -> None:
    """Remove a roll from ``place``: it disappears at once, and its files afterwards."""
    with tempfile.TemporaryDirectory(prefix=ASIDE_PREFIX, dir=place) as scratch:
        os.rename(os.path.join(place, name), os.path.join(scratch, name))
        sync_directory(place)


def copy_folder(source: str, archive: str) -> None:
    """Pack a folder as a tar file, so that it is read by the same rules as an archive."""
    with tarfile.open(archive, "w") as tar:
        tar.add(source, arcname=os.path.basename(os.path.abspath(source)))


def is_same(first: str, second: str) -> bool:
    """Return whether two folders contain the same files with the same content."""
    if not os.path.isdir(second):
        return False
    paths = sorted(_files(first))
    return paths == sorted(_files(second)) and not any(
        filecmp.cmpfiles(first, second, paths, shallow=False)[1:]
    )


def _files(folder: str) -> Iterator[str]:
    for parent, _folders, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(parent, name), folder)


def _unpack(tar: tarfile.TarFile, folder: str, where: str) -> None:
    members = _checked_members(tar, where)
    tops = [path for path in members if posixpath.basename(path) == ROLL and path.count("/") < 2]
    if len(tops) != 1:
        raise DescriptionError(
            f"it contains {len(tops)} files {ROLL}", where, "give an archive of one roll"
        )
    prefix = posixpath.dirname(tops[0])
    for path, member in members.items():
        relative = posixpath.relpath(path, prefix or ".")
        content = tar.extractfile(member)
        if content is None or relative.startswith(".."):
            raise DescriptionError(f'"{path}" is outside the folder of the roll', where)
        target = os.path.join(folder, relative)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with content:
            replace(target, content.read(), 0o755 if member.mode & 0o100 else 0o644)


def _checked_members(tar: tarfile.TarFile, where: str) -> dict[str, tarfile.TarInfo]:
    """Return the regular files of an archive: path -> member.  Folders are made as needed."""
    members: dict[str, tarfile.TarInfo] = {}
    size = 0
    for member in tar:
        path = posixpath.normpath(member.name)
        if member.isdir():
            continue
        if not member.isfile():
            raise DescriptionError(f'"{member.name}" is not a regular file', where, "remove it")
        if path.startswith(("/", "../")) or ".." in path.split("/"):
            raise DescriptionError(f'"{member.name}" leads out of the archive', where)
        size += member.size
        members[path] = member
        if size > MAX_SIZE or len(members) > MAX_FILES:
            raise DescriptionError(
                f"it has more than {MAX_FILES:,} files or {MAX_SIZE:,} bytes",
                where,
                "put large files into packages",
            )
    return members
