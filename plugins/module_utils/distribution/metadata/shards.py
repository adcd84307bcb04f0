# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A distribution in 128 parts by package name, so that work is in proportion to what changed.

All packages of a name are in one shard, and names only compete with themselves: a shard is resolved, written and
linked without looking at the others.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Iterable, Mapping, Sequence

from ..evr import package_key
from ..model import Package, Verdict

SHARDS = 128


def shard_of(name: str) -> int:
    """The shard of a package name."""
    return zlib.crc32(name.encode()) % SHARDS


def shard_folder(shard: int) -> str:
    """Where the packages of a shard lie in the tree."""
    return f"Packages/{shard:02x}"


def split_by_shard(packages: Iterable[Package]) -> dict[int, list[Package]]:
    """Packages by shard; shards without one are absent."""
    shards: dict[int, list[Package]] = {}
    for package in packages:
        shards.setdefault(shard_of(package.name), []).append(package)
    return shards


def sort_packages(packages: Iterable[Package]) -> list[Package]:
    """The one order of packages within a shard: by name, architecture, version."""
    return sorted(
        packages,
        key=lambda package: (package.name, package.arch, package_key(package), package.checksum),
    )


def file_names(packages: Sequence[Package]) -> list[str]:
    """The name of each package's file in its shard's folder; the packages come in their one order.

    The epoch is not part of a file's name: of two that differ in nothing else, the later one gets its checksum too.
    """
    names: list[str] = []
    taken: set[str] = set()
    for package in packages:
        name = package.file_name
        if name in taken:
            name = f"{package.checksum[:12]}-{name}"
        taken.add(name)
        names.append(name)
    return names


def content_digest(packages: Sequence[Package], names: Sequence[str]) -> str:
    """What a shard's folder holds: equal for equal files under equal names, whatever source they are from."""
    lines = "".join(f"{package.checksum} {name}\n" for package, name in zip(packages, names))
    return hashlib.sha256(lines.encode()).hexdigest()[:32]


def metadata_digest(
    packages: Sequence[Package], names: Sequence[str], origins: Mapping[str, str]
) -> str:
    """What a shard's metadata is made from.

    origins  source name -> what its packages' XML is taken from: two sources describe one file in different words
    """
    lines = "".join(
        f"{package.checksum} {name} {origins[package.source]}\n"
        for package, name in zip(packages, names)
    )
    return hashlib.sha256(lines.encode()).hexdigest()[:32]


def directory_digest(packages: Iterable[Package]) -> str:
    """A shard's candidates from one source."""
    lines = "".join(f"{package.checksum} {package.location}\n" for package in sorted(packages))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def encode_verdicts(verdicts: Sequence[Verdict]) -> bytes:
    """Verdicts as text: a line each, its fields parted by tabs, which none of them holds."""
    return "".join(
        "\t".join(map(str, (*one.package, int(one.chosen), one.reason))) + "\n" for one in verdicts
    ).encode()


def decode_verdicts(text: bytes) -> list[Verdict]:
    """What ``pack`` was given.  Raises ValueError for anything else."""
    return [_verdict(line.split("\t")) for line in text.decode().splitlines()]


def _verdict(fields: list[str]) -> Verdict:
    name, arch, epoch, version, release, checksum, kind, size, location, source, chosen, reason = (
        fields
    )
    package = Package(
        name, arch, int(epoch), version, release, checksum, kind, int(size), location, source
    )
    return Verdict(package, chosen == "1", reason)
