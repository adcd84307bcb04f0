# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The packages of a published tree, read from its standard metadata (repomd, primary), and what differs between two.

Only names and versions, for people to look at; a stream, so that a large distribution costs little memory.
"""

from __future__ import annotations

import functools
import gzip
import html
import os
import re
from typing import IO, Iterator, Mapping, NamedTuple, cast

from ..errors import DescriptionError, NotFound, Unavailable
from ..files import read_text

PIECE = 1 << 20
LONGEST = 1 << 16  # more than any package's head, where name, architecture and version stand
PRIMARY = re.compile(r'<data type="primary">.*?<location href="([^"]+)"', re.DOTALL)
PACKAGE = re.compile(
    rb'<package type="rpm">\s*<name>([^<]+)</name>\s*<arch>([^<]+)</arch>\s*<version ([^>]*?)/?>',
    re.DOTALL,
)
VERSION = re.compile(rb'(epoch|ver|rel)="([^"]*)"')

Packages = Mapping[str, tuple[str, ...]]  # name.arch -> its versions, sorted


class Difference(NamedTuple):
    """Names with their versions; ``changed``: name, before, after."""

    added: tuple[tuple[str, str], ...]
    removed: tuple[tuple[str, str], ...]
    changed: tuple[tuple[str, str, str], ...]


def difference(before: Packages, after: Packages) -> Difference:
    """What one tree has that another has not."""
    return Difference(
        tuple((name, ", ".join(after[name])) for name in sorted(set(after) - set(before))),
        tuple((name, ", ".join(before[name])) for name in sorted(set(before) - set(after))),
        tuple(
            (name, ", ".join(before[name]), ", ".join(after[name]))
            for name in sorted(set(before) & set(after))
            if before[name] != after[name]
        ),
    )


@functools.lru_cache(maxsize=4)
def packages(tree: str) -> Packages:
    """The packages of a generation, which never changes.  Raises NotFound or DescriptionError."""
    repomd = os.path.join(tree, "repodata", "repomd.xml")
    found = PRIMARY.search(read_text(repomd))
    if not found or ".." in found.group(1):
        raise DescriptionError(
            "it names no primary metadata", repomd, "build the distribution again"
        )
    versions: dict[str, list[str]] = {}
    with _open(os.path.join(tree, found.group(1))) as file:
        for name, version in _heads(file):
            versions.setdefault(name, []).append(version)
    return {name: tuple(sorted(found)) for name, found in versions.items()}


def _heads(file: IO[bytes]) -> Iterator[tuple[str, str]]:
    """name.arch and version of each package; a piece that ends within a head is read on with the next."""
    rest = b""
    while piece := file.read(PIECE):
        text, end = rest + piece, 0
        for match in PACKAGE.finditer(text):
            given = dict(VERSION.findall(match.group(3)))
            epoch = given.get(b"epoch", b"0")
            shown = b"%s-%s" % (given.get(b"ver", b""), given.get(b"rel", b""))
            yield (
                _text(match.group(1) + b"." + match.group(2)),
                _text(shown if epoch == b"0" else epoch + b":" + shown),
            )
            end = match.end()
        rest = text[max(end, len(text) - LONGEST) :]


def _text(data: bytes) -> str:
    return html.unescape(data.decode("utf-8", "replace"))


def _open(path: str) -> IO[bytes]:
    try:
        if path.endswith(".zst"):
            return _zstd(path)
        return cast(IO[bytes], gzip.open(path)) if path.endswith(".gz") else open(path, "rb")
    except FileNotFoundError:
        raise NotFound("no such file", path) from None


def _zstd(path: str) -> IO[bytes]:
    try:
        import zstandard  # here, so that a site without distributions of its own needs none
    except ImportError:
        raise Unavailable(
            "zstandard is not installed for this Python", path, "install python3-zstandard"
        ) from None
    return cast(
        IO[bytes],
        zstandard.ZstdDecompressor().stream_reader(
            open(path, "rb"), read_across_frames=True, closefd=True
        ),
    )
