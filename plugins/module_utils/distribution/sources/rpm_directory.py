# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Directories of RPM files: which packages lie in one, from their own headers.

A header is read once: what it said is remembered under the file's path, size, time and inode.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Iterator, NamedTuple

from ... import files
from ...errors import DescriptionError, NotFound, RocksError
from ..model import Package, Progress, ProgressCallback, Source, ignore_progress
from . import rpm_validation

FORMAT = 2
CHANGELOGS = 10
FAULTS_SHOWN = 20

# What tells that a file is still the one that was read.
Stamp = tuple[int, int, int]


class ScannedFile(NamedTuple):
    """An RPM file in a directory, its path relative to it."""

    location: str
    stamp: Stamp


class HeaderSet(NamedTuple):
    """The packages of a directory, and when the newest of them was built, in seconds since 1970."""

    packages: list[Package]
    newest_timestamp: int


def scan(source: Source) -> list[ScannedFile]:
    """The RPM files of a directory, sorted by path.  Raises NotFound when the directory is not there."""
    if not os.path.isdir(source.path):
        raise NotFound("no such directory", source.where, "create it, or remove the source")
    return sorted(_walk(source.path, ""))


def read_headers(
    source: Source,
    found: list[ScannedFile],
    cache: str,
    progress: ProgressCallback = ignore_progress,
) -> HeaderSet:
    """The packages of these files; ``cache`` is a folder for what is remembered.

    Raises DescriptionError that lists every file that is no good, and says why.
    """
    memory = os.path.join(cache, "headers", _key(source))
    known = _recall(memory)
    rows: dict[str, list[Any]] = {}
    faults: list[str] = []
    fresh = 0
    for number, file in enumerate(found):
        row = known.get(file.location)
        if row is None or tuple(row[:3]) != file.stamp:
            progress(Progress("headers", source.name, file.location, number, len(found), 0, 0, 0.0))
            fresh += 1
            try:
                row = [*file.stamp, *_package(source, file.location)]
            except RocksError as error:
                faults.append(str(error))
                continue
        rows[file.location] = row
    if fresh or len(rows) != len(known):
        os.makedirs(os.path.dirname(memory), exist_ok=True)
        files.replace(memory, json.dumps(rows, separators=(",", ":"), sort_keys=True))
    if faults:
        raise _collected(source, faults)
    packages = [Package._make(row[4:]) for row in rows.values()]
    return HeaderSet(packages, max((row[3] for row in rows.values()), default=0))


def package_xml(path: str, location: str, checksum: str) -> dict[str, bytes]:
    """The elements of primary, filelists and other that describe an RPM file, lying at ``location``."""
    import createrepo_c  # here, because it takes a third of the time in which an unchanged distribution is recognised

    package = createrepo_c.package_from_rpm(path, createrepo_c.SHA256, location, None, CHANGELOGS)
    if package.pkgId != checksum:
        raise DescriptionError(
            "the file changed while the distribution was built", path, "run again"
        )
    package.location_href = location
    package.time_file = package.time_build  # the file's own time differs from copy to copy
    primary, filelists, other = createrepo_c.xml_dump(package)[:3]
    return {"primary": primary.encode(), "filelists": filelists.encode(), "other": other.encode()}


def _walk(root: str, below: str) -> Iterator[ScannedFile]:
    with os.scandir(os.path.join(root, below)) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "repodata":
                continue
            location = f"{below}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, f"{location}/")
            elif entry.name.endswith(".rpm"):
                yield ScannedFile(location, _stamp(entry, root, location))


def _stamp(entry: os.DirEntry[str], root: str, location: str) -> Stamp:
    try:
        status = entry.stat()
    except FileNotFoundError:
        raise NotFound(
            "it is a link to nothing", os.path.join(root, location), "remove it"
        ) from None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _package(source: Source, location: str) -> tuple[Any, ...]:
    """When a file was built, and what it holds, after everything that can be checked about it was checked."""
    import createrepo_c

    path = os.path.join(source.path, location)
    where = f'source "{source.name}", {path}'
    try:
        rpm_validation.check_rpm(path, where)
        package = createrepo_c.package_from_rpm(path, createrepo_c.SHA256)
    except OSError as error:
        raise DescriptionError(f"cannot be read ({error.strerror})", where) from error
    except createrepo_c.CreaterepoCError as error:
        raise DescriptionError(
            f"rpm cannot read it ({error})", where, "rebuild the package"
        ) from error
    found = Package(
        package.name,
        package.arch,
        int(package.epoch or 0),
        package.version,
        package.release,
        package.pkgId,
        "sha256",
        package.size_package,
        location,
        source.name,
    )
    if os.path.basename(location) != found.file_name:
        raise DescriptionError(
            f"the header says that it is {found.nevra}",
            where,
            f"rename the file to {found.file_name}",
        )
    return (package.time_build, *found)


def _key(source: Source) -> str:
    """The memory's file: one per place and name, because a package carries its source's name."""
    identity = json.dumps([FORMAT, os.path.realpath(source.path), source.name])
    return hashlib.sha256(identity.encode()).hexdigest()[:16] + ".json"


def _recall(path: str) -> dict[str, Any]:
    try:
        known = json.loads(files.read_bytes(path))
    except (NotFound, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _collected(source: Source, faults: list[str]) -> DescriptionError:
    shown = "\n".join(faults[:FAULTS_SHOWN])
    more = f"\nand {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
    return DescriptionError(
        f"{len(faults)} of its files are no packages that can be published\n{shown}{more}",
        source.where,
    )
