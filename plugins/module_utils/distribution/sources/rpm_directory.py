# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Directories of RPM files: read the packages in one from their headers.

A header is read once.  Its content is cached under the path, size, time and inode of the file.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from typing import Any, Iterator, NamedTuple

from ... import files
from ...errors import DescriptionError, NotFound, RocksError
from ..model import Package, Progress, ProgressCallback, Source, ignore_progress
from . import rpm_validation
from .rpm_identity import read_identity

FORMAT = 3
MAX_CHANGELOGS = 10
SHOWN_ERRORS = 20

# Size, time of modification and inode of a file; equal while the file does not change.
Stamp = tuple[int, int, int]


class ScannedFile(NamedTuple):
    """An RPM file in a directory."""

    location: str
    """Path relative to the directory."""
    stamp: Stamp


class HeaderSet(NamedTuple):
    """The packages of a directory."""

    packages: list[Package]
    newest_timestamp: int
    """Build time of the newest package, in seconds since 1970."""
    modular: frozenset[str]
    """Locations of the packages whose header names a module."""


def scan(source: Source) -> list[ScannedFile]:
    """Return the RPM files of a directory, sorted by path.  Raises NotFound without a directory."""
    if not os.path.isdir(source.path):
        raise NotFound("directory not found", source.where, "create it, or remove the source")
    return sorted(_walk(source.path, "", ()))


def read_headers(
    source: Source,
    scanned: list[ScannedFile],
    cache: str,
    report: ProgressCallback = ignore_progress,
) -> HeaderSet:
    """Return the packages of these files.

    cache  folder that stores the headers between runs

    Raises DescriptionError that lists every file that cannot be used, with the reason.
    """
    cache_file = os.path.join(cache, "headers", _cache_name(source))
    cached_rows = _load_cache(cache_file)
    rows: dict[str, list[Any]] = {}
    errors: list[str] = []
    read_count = 0
    for number, file in enumerate(scanned):
        row = cached_rows.get(file.location)
        if row is None or tuple(row[:3]) != file.stamp:
            event = Progress(
                step="headers",
                source=source.name,
                current=file.location,
                files=number,
                files_total=len(scanned),
            )
            report(event)
            read_count += 1
            try:
                row = [*file.stamp, *_read_package(source, file.location)]
            except RocksError as error:
                errors.append(str(error))
                continue
        rows[file.location] = row
    if read_count or len(rows) != len(cached_rows):
        os.makedirs(os.path.dirname(cache_file), exist_ok=True)
        files.replace(cache_file, json.dumps(rows, separators=(",", ":"), sort_keys=True))
    if errors:
        raise _combined_error(source, errors)
    return HeaderSet(
        packages=[Package._make(row[5:]) for row in rows.values()],
        newest_timestamp=max((row[3] for row in rows.values()), default=0),
        modular=frozenset(location for location, row in rows.items() if row[4]),
    )


def package_xml(path: str, location: str, checksum: str) -> dict[str, bytes]:
    """Return the elements of primary, filelists and other that describe an RPM file.

    location  path of the file in the distribution
    checksum  SHA-256 of the file when its header was read
    """
    import createrepo_c  # here, because loading it takes a third of the time of an unchanged build

    package = createrepo_c.package_from_rpm(
        path,
        checksum_type=createrepo_c.SHA256,
        location_href=location,
        changelog_limit=MAX_CHANGELOGS,
    )
    if package.pkgId != checksum:
        raise DescriptionError(
            "the file changed while the distribution was built", path, "run again"
        )
    package.location_href = location
    package.time_file = package.time_build  # copies of one file have different times
    try:
        primary, filelists, other = createrepo_c.xml_dump(package)[:3]
    except createrepo_c.CreaterepoCError as error:
        raise DescriptionError(
            f"its header cannot be described in XML ({error})", path, "rebuild the package"
        ) from error
    return {"primary": primary.encode(), "filelists": filelists.encode(), "other": other.encode()}


def _walk(root: str, below: str, parents: tuple[tuple[int, int], ...]) -> Iterator[ScannedFile]:
    """Yield the files of a folder and of its folders; links to folders are followed."""
    folder = os.path.join(root, below)
    status = os.stat(folder)
    identity = (status.st_dev, status.st_ino)
    if identity in parents:
        raise DescriptionError(
            "it is a link to a folder that contains it", folder.rstrip("/"), "remove the link"
        )
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "repodata":
                continue
            location = f"{below}{entry.name}"
            if entry.is_dir():
                yield from _walk(root, f"{location}/", (*parents, identity))
            elif entry.name.endswith(".rpm") or entry.is_symlink():
                stamp = _stamp(entry, root, location)
                if entry.name.endswith(".rpm"):
                    yield ScannedFile(location, stamp)


def _stamp(entry: os.DirEntry[str], root: str, location: str) -> Stamp:
    path = os.path.join(root, location)
    try:
        status = entry.stat()
    except FileNotFoundError:
        raise NotFound("it is a broken link", path, "remove it") from None
    if not stat.S_ISREG(status.st_mode):
        raise DescriptionError("it is not a regular file", path, "remove it")
    return status.st_size, status.st_mtime_ns, status.st_ino


def _read_package(source: Source, location: str) -> tuple[Any, ...]:
    """Check an RPM file, and return its build time, its module and the fields of its Package."""
    import createrepo_c

    path = os.path.join(source.path, location)
    where = f'source "{source.name}", {path}'
    try:
        rpm_validation.check_rpm(path, where)
        package = createrepo_c.package_from_rpm(path, createrepo_c.SHA256)
        module = read_identity(path).module
    except OSError as error:
        raise DescriptionError(f"cannot be read ({error.strerror})", where) from error
    except createrepo_c.CreaterepoCError as error:
        raise DescriptionError(
            f"rpm cannot read it ({error})", where, "rebuild the package"
        ) from error
    result = Package(
        name=package.name,
        arch=package.arch,
        epoch=int(package.epoch or 0),
        version=package.version,
        release=package.release,
        checksum=package.pkgId,
        checksum_type="sha256",
        size=package.size_package,
        location=location,
        source=source.name,
    )
    return (package.time_build, module, *result)


def _cache_name(source: Source) -> str:
    """Return the name of the cache file: one per path and name, because rows contain the name."""
    identity = json.dumps([FORMAT, os.path.realpath(source.path), source.name])
    return hashlib.sha256(identity.encode()).hexdigest()[:16] + ".json"


def _load_cache(path: str) -> dict[str, Any]:
    try:
        rows = json.loads(files.read_bytes(path))
    except (NotFound, ValueError):
        return {}
    return rows if isinstance(rows, dict) else {}


def _combined_error(source: Source, errors: list[str]) -> DescriptionError:
    shown = "\n".join(errors[:SHOWN_ERRORS])
    more = f"\nand {len(errors) - SHOWN_ERRORS} more" if len(errors) > SHOWN_ERRORS else ""
    return DescriptionError(
        f"{len(errors)} of its files cannot be published\n{shown}{more}", source.where
    )
