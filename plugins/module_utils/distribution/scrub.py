# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare a generation with its own checksums, and name the files that are damaged or missing.

Disks forget, and root can write anywhere.  ``repomd.xml`` has the checksums of the metadata, the
metadata has those of the packages, and ``.treeinfo`` those of the installer.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
from typing import Iterator, NamedTuple

from .. import files
from .build.tree import BUILD_FOLDER
from .metadata import treeinfo
from .metadata.index import PRIMARY, PublishedGeneration
from .metadata.repomd import parse_repomd
from .storage.pool import file_digest

REPOMD = "repodata/repomd.xml"
TREEINFO = ".treeinfo"


class Expected(NamedTuple):
    """A file of a generation, and the checksum that it should have."""

    path: str
    """Below the folder of the generation."""
    checksum: str
    checksum_type: str = "sha256"


class Damage(NamedTuple):
    """A file that is not as it was published."""

    path: str
    """Below the folder of the generation."""
    fault: str


class ScrubResult(NamedTuple):
    checked: int
    """Number of files."""
    damaged: list[Damage]


def scrub(generation: PublishedGeneration) -> ScrubResult:
    """Read every file of a generation that has a checksum, and return those that differ.

    Damaged metadata is reported first, and alone: it does not state what the packages should be.
    """
    metadata = list(_metadata_files(generation))
    damaged = _compare(generation.folder, metadata)
    if damaged:
        return ScrubResult(len(metadata), damaged)
    others = [*_packages(generation), *_installer(generation), *_descriptions(generation)]
    return ScrubResult(len(metadata) + len(others), _compare(generation.folder, others))


def _metadata_files(generation: PublishedGeneration) -> Iterator[Expected]:
    path = os.path.join(generation.folder, REPOMD)
    for record in parse_repomd(files.read_bytes(path), path).records:
        yield Expected(record.location, record.checksum, record.checksum_type)


def _packages(generation: PublishedGeneration) -> Iterator[Expected]:
    for shard in sorted(generation.index.shards):
        for package in generation.packages_from_xml(shard):
            yield Expected(package.location, package.checksum, package.checksum_type)
    generation.unload(PRIMARY)


def _installer(generation: PublishedGeneration) -> Iterator[Expected]:
    path = os.path.join(generation.folder, TREEINFO)
    if os.path.exists(path):
        for file in treeinfo.installer_files(files.read_text(path), path):
            if file.checksum:
                yield Expected(file.path, file.checksum)


def _descriptions(generation: PublishedGeneration) -> Iterator[Expected]:
    for path, text in sorted(generation.build_files().items()):
        yield Expected(f"{BUILD_FOLDER}/{path}", hashlib.sha256(text.encode()).hexdigest())


def _compare(folder: str, expected: list[Expected]) -> list[Damage]:
    """Return the files that differ, in the order of ``expected``; several are read at a time."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        faults = threads.map(lambda file: _fault(folder, file), expected)
        return [Damage(file.path, fault) for file, fault in zip(expected, faults) if fault]


def _fault(folder: str, file: Expected) -> str:
    """Return what is wrong with a file; empty if nothing is."""
    try:
        actual = file_digest(os.path.join(folder, file.path), file.checksum_type)
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if actual != file.checksum:
        return f"its {file.checksum_type} is {actual[:16]}…, it was {file.checksum[:16]}…"
    return ""
