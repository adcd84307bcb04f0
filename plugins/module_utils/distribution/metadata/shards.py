# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Divide a distribution into 128 shards by package name, so that a build only redoes what changed.

All packages of a name are in one shard, and only packages of one name compete with each other.  So
a shard can be resolved, written and linked without the others.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Iterable, Mapping, Sequence

from ..evr import package_key
from ..model import Package, Verdict

SHARDS = 128
# Changes when the same sources get other metadata than before.
DESCRIPTION = "checked XML\n"


def shard_of(name: str) -> int:
    """Return the number of the shard of a package name."""
    return zlib.crc32(name.encode()) % SHARDS


def shard_folder(shard: int) -> str:
    """Return the folder of a shard's packages in the tree."""
    return f"Packages/{shard:02x}"


def split_by_shard(packages: Iterable[Package]) -> dict[int, list[Package]]:
    """Group packages by shard; shards without packages are absent."""
    shards: dict[int, list[Package]] = {}
    for package in packages:
        shards.setdefault(shard_of(package.name), []).append(package)
    return shards


def sort_packages(packages: Iterable[Package]) -> list[Package]:
    """Sort the packages of a shard by name, architecture and version."""
    return sorted(
        packages,
        key=lambda package: (package.name, package.arch, package_key(package), package.checksum),
    )


def file_names(packages: Sequence[Package]) -> list[str]:
    """Return the file name of each package in its shard's folder.

    packages  in the order of ``sort_packages``

    The epoch is not part of a file name: where two packages differ in nothing else, the name of the
    later one begins with its checksum.
    """
    names: list[str] = []
    used_names: set[str] = set()
    for package in packages:
        name = package.file_name
        if name in used_names:
            name = f"{package.checksum[:12]}-{name}"
        used_names.add(name)
        names.append(name)
    return names


def content_digest(packages: Sequence[Package], names: Sequence[str]) -> str:
    """Return a digest of the files in a shard's folder, and of their names.

    Their sources do not matter.
    """
    lines = "".join(f"{package.checksum} {name}\n" for package, name in zip(packages, names))
    return hashlib.sha256(lines.encode()).hexdigest()[:32]


def metadata_digest(
    packages: Sequence[Package], names: Sequence[str], origins: Mapping[str, str]
) -> str:
    """Return a digest of what a shard's metadata is made from.

    origins  source name -> identity of its metadata, because two sources can describe one file
             differently
    """
    lines = DESCRIPTION + "".join(
        f"{package.checksum} {name} {origins[package.source]}\n"
        for package, name in zip(packages, names)
    )
    return hashlib.sha256(lines.encode()).hexdigest()[:32]


def directory_digest(packages: Iterable[Package]) -> str:
    """Return a digest of the candidates that a directory has in one shard."""
    lines = "".join(f"{package.checksum} {package.location}\n" for package in sorted(packages))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def encode_verdicts(verdicts: Sequence[Verdict]) -> bytes:
    """Return verdicts as text: one line each, with fields separated by tabs."""
    return "".join(
        "\t".join(map(str, (*verdict.package, int(verdict.chosen), verdict.reason))) + "\n"
        for verdict in verdicts
    ).encode()


def decode_verdicts(text: bytes) -> list[Verdict]:
    """Return the verdicts that ``encode_verdicts`` encoded.  Raises ValueError for other text."""
    return [_verdict(line.split("\t")) for line in text.decode().splitlines()]


def _verdict(fields: list[str]) -> Verdict:
    name, arch, epoch, version, release, checksum, kind, size, location, source, chosen, reason = (
        fields
    )
    # Positional, because keywords take twice as long and this runs for every candidate.
    package = Package(
        name, arch, int(epoch), version, release, checksum, kind, int(size), location, source
    )
    return Verdict(package, chosen == "1", reason)
