# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the packages of a published tree from its metadata (repomd, primary), and compare two trees.

Only names and versions, for people. The metadata is parsed as a stream, so that a large
distribution needs little memory.
"""

from __future__ import annotations

import functools
import html
import re
from typing import IO, Iterator, Mapping, NamedTuple

from .repodata import open_record

CHUNK = 1 << 20
MAX_HEAD = 1 << 16  # more than the part of a package that has its name, architecture and version
PACKAGE = re.compile(
    rb'<package type="rpm">\s*<name>([^<]+)</name>\s*<arch>([^<]+)</arch>\s*<version ([^>]*?)/?>',
    re.DOTALL,
)
VERSION = re.compile(rb'(epoch|ver|rel)="([^"]*)"')

Packages = Mapping[str, tuple[str, ...]]  # name.arch -> its versions, sorted


class Difference(NamedTuple):
    """The packages that differ between two trees, by ``name.arch``, with their versions."""

    added: tuple[tuple[str, str], ...]
    removed: tuple[tuple[str, str], ...]
    changed: tuple[tuple[str, str, str], ...]
    """Name, version before, version after."""


def compare_packages(before: Packages, after: Packages) -> Difference:
    """Return the packages that were added, removed or changed."""
    return Difference(
        added=tuple((name, ", ".join(after[name])) for name in sorted(set(after) - set(before))),
        removed=tuple((name, ", ".join(before[name])) for name in sorted(set(before) - set(after))),
        changed=tuple(
            (name, ", ".join(before[name]), ", ".join(after[name]))
            for name in sorted(set(before) & set(after))
            if before[name] != after[name]
        ),
    )


@functools.lru_cache(maxsize=4)
def read_packages(tree: str) -> Packages:
    """Return the packages of a generation, which never changes.

    Raises NotFound, DescriptionError, or Unavailable when zstandard is not installed.
    """
    versions: dict[str, list[str]] = {}
    with open_record(tree, "primary") as file:
        for name, version in _parse_packages(file):
            versions.setdefault(name, []).append(version)
    return {name: tuple(sorted(values)) for name, values in versions.items()}


def _parse_packages(file: IO[bytes]) -> Iterator[tuple[str, str]]:
    """Yield name.arch and version of each package, also of one that is split between two chunks."""
    remainder = b""
    while chunk := file.read(CHUNK):
        text = remainder + chunk
        end = 0
        for match in PACKAGE.finditer(text):
            fields = dict(VERSION.findall(match.group(3)))
            epoch = fields.get(b"epoch", b"0")
            version = b"%s-%s" % (fields.get(b"ver", b""), fields.get(b"rel", b""))
            yield (
                _decode(match.group(1) + b"." + match.group(2)),
                _decode(version if epoch == b"0" else epoch + b":" + version),
            )
            end = match.end()
        remainder = text[max(end, len(text) - MAX_HEAD) :]


def _decode(data: bytes) -> str:
    return html.unescape(data.decode("utf-8", "replace"))
