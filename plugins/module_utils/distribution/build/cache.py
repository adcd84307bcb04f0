# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the last build was made from, and what it came to: so that an unchanged distribution is recognised at once.

A memory and no truth: without it a build takes longer and gives the same.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Mapping, NamedTuple, Sequence

from ... import files
from ...errors import NotFound, RocksError
from ..metadata.index import FORMAT
from ..model import Distribution, Source
from ..sources.base import Directory, Input
from ..storage.pool import StorePaths


class BuildCache(NamedTuple):
    """One build.

    inputs      digest of everything that the build read
    generation  what it came to
    unmet       what it does not have
    warnings    what the XML of its profiles should not say
    paths       file path that a package requires -> content digest of the shard that has it; empty: none has it
    """

    inputs: str = ""
    generation: str = ""
    unmet: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    paths: Mapping[str, str] = {}


def load(store: StorePaths, distribution: str, arch: str) -> BuildCache:
    """What is remembered; an empty Memory when nothing is, or nothing that can be read."""
    try:
        fields = json.loads(files.read_bytes(_path(store, distribution, arch)))
        told = tuple(fields["unmet"]), tuple(fields["warnings"])
        return BuildCache(fields["inputs"], fields["generation"], *told, dict(fields["paths"]))
    except (RocksError, ValueError, KeyError, TypeError):
        return BuildCache()


def save(store: StorePaths, distribution: str, arch: str, memory: BuildCache) -> None:
    """Keep it for the next build."""
    path = _path(store, distribution, arch)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    files.replace(path, json.dumps(memory._asdict(), sort_keys=True))


def inputs_digest(distribution: Distribution, inputs: Sequence[Input], hook: str) -> str:
    """Everything that a build reads, as far as it can be told without reading it."""
    found = [
        FORMAT,
        _plain(distribution),
        rules_digest(distribution),
        [one.origin for one in inputs],
        [one.stamps() for one in inputs if isinstance(one, Directory)],
        [_listing(folder) for folder in distribution.xml],
        hook,
    ]
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def rules_digest(distribution: Distribution) -> str:
    """What decides about a package besides the packages: the policy, and what the sources ask for and let in."""
    found = [
        _plain(distribution.policy),
        [
            [
                source.name,
                source.effective_priority,
                source.wins,
                source.include,
                source.exclude,
                _signatures(source),
            ]
            for source in distribution.sources
        ],
    ]
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def _signatures(source: Source) -> list[str]:
    return [_content(path) for path in source.gpg_keys] if source.checks_packages else []


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def _content(path: str) -> str:
    try:
        return files.read_text(path)
    except NotFound:
        raise NotFound("no such key file", path) from None


def _listing(folder: str) -> list[tuple[str, int, int, int]]:
    """Names, sizes, times and inodes of the files below a folder."""
    rows = []
    for below, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            status = os.stat(os.path.join(below, name))
            rows.append(
                (os.path.join(below, name), status.st_size, status.st_mtime_ns, status.st_ino)
            )
    return sorted(rows)


def _path(store: StorePaths, distribution: str, arch: str) -> str:
    return os.path.join(store.cache, "builds", f"{distribution}-{arch}.json")
