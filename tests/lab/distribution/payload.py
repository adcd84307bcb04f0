# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unpack .deb files into a build root, and list the files of each package."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tarfile
from typing import IO, Callable, Iterable, Iterator, Mapping, cast

from ansible_collections.npaci.rocks.plugins.module_utils import process

from .model import ConversionError, File

MERGED_DIRECTORIES = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
UNPACK_SECONDS = 120.0
UNITS_DIRECTORY = "/usr/lib/systemd/system/"

Keep = Callable[[str], bool]


def unpack(deb: pathlib.Path, root: pathlib.Path, keep: Keep) -> Iterator[File]:
    """Unpack the payload of ``deb`` into ``root`` with /usr merged; yield the unpacked files.

    keep  decides for a path whether it is unpacked
    """
    config = _conffiles(deb)
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as unpacker,
        tarfile.open(fileobj=cast(IO[bytes], unpacker.stdout), mode="r|") as archive,
    ):
        for member in archive:
            path = merge_usr(member.name)
            if path != "/" and keep(path):
                _place(archive, member, root, path)
                yield File(
                    path=path,
                    directory=member.isdir(),
                    config=path in config,
                    owner=member.uname or "root",
                    group=member.gname or "root",
                )
    if unpacker.returncode:
        raise ConversionError(f"{deb.name} cannot be unpacked")


def merge_usr(name: str) -> str:
    """Return the path of a tar member where /bin, /sbin and /lib* are links into /usr."""
    path = "/" + name.lstrip("./").rstrip("/")
    first = path.split("/")[1]
    return f"/usr{path}" if first in MERGED_DIRECTORIES else path


def excluding(patterns: Iterable[str]) -> Keep:
    """Return a filter that rejects these directories and the paths below them."""
    unwanted = tuple(patterns)
    return lambda path: (
        not any(path == prefix or path.startswith(f"{prefix}/") for prefix in unwanted)
    )


def rename_units(root: pathlib.Path, files: Iterable[File], names: Mapping[str, str]) -> list[File]:
    """Rename systemd units; remove an Alias that equals the new name."""
    renamed = []
    for file in files:
        new = names.get(file.path.removeprefix(UNITS_DIRECTORY))
        if new:
            old_path = root / file.path[1:]
            new_path = root / UNITS_DIRECTORY[1:] / new
            lines = old_path.read_text().splitlines(keepends=True)
            new_path.write_text(
                "".join(line for line in lines if not line.startswith(f"Alias={new}"))
            )
            old_path.unlink()
            file = file._replace(path=UNITS_DIRECTORY + new)
        renamed.append(file)
    return renamed


def add(source: pathlib.Path, root: pathlib.Path) -> Iterator[File]:
    """Copy the tree below ``source`` into ``root``."""
    for path in sorted(source.rglob("*")):
        name = f"/{path.relative_to(source)}"
        target = root / name[1:]
        if path.is_dir() and not path.is_symlink():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)
        yield File(name, config=name.startswith("/etc/"))


def link(links: Mapping[str, str], root: pathlib.Path) -> Iterator[File]:
    """Create symbolic links in ``root``: path -> target."""
    for path, target in links.items():
        link_path = root / path[1:]
        link_path.parent.mkdir(parents=True, exist_ok=True)
        link_path.symlink_to(target)
        yield File(path)


def _conffiles(deb: pathlib.Path) -> frozenset[str]:
    output = process.run(
        ["dpkg-deb", "--info", str(deb), "conffiles"], timeout=UNPACK_SECONDS, ok=(0, 2)
    ).stdout
    return frozenset(merge_usr(line.strip()) for line in output.splitlines() if line.strip())


def _place(
    archive: tarfile.TarFile, member: tarfile.TarInfo, root: pathlib.Path, path: str
) -> None:
    target = root / path[1:]
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        target.chmod(member.mode & 0o7777)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.exists():
        raise ConversionError(f"{path} comes from two packages: exclude it from one of them")
    if member.issym():
        target.symlink_to(member.linkname)
    elif member.islnk():
        os.link(root / merge_usr(member.linkname)[1:], target)
    else:
        content = archive.extractfile(member)
        if content is None:
            raise ConversionError(f"{path} is not a file, a directory or a link")
        with target.open("wb") as file:
            shutil.copyfileobj(content, file)
        target.chmod(member.mode & 0o7777)
        os.utime(target, (member.mtime, member.mtime))
