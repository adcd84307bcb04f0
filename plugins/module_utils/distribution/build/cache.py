# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Inputs and result of the last build, to skip an unchanged one.

If you delete it, the next build takes longer and has the same result.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from typing import Any, Mapping, Sequence

from ... import files
from ...errors import NotFound, RocksError
from ..metadata.index import FORMAT
from ..model import Distribution, Source
from ..sources.base import Directory, Input
from ..storage.pool import StorePaths


@dataclasses.dataclass(frozen=True)
class BuildCache:
    """What is known of the last build of one distribution."""

    inputs_digest: str = ""
    """Digest of everything that the build read."""
    generation: str = ""
    """Name of the generation that it made."""
    unmet: tuple[str, ...] = ()
    """Missing requirements."""
    warnings: tuple[str, ...] = ()
    """Warnings of the profile compiler."""
    file_owners: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Path that a package requires -> content digest of a shard that has this file, or empty."""
    installers_digest: str = ""
    """Digest of the installers of all sources."""
    installer_remarks: tuple[str, ...] = ()
    """Why no node can boot from the generation."""
    source_remarks: tuple[str, ...] = ()
    """What is unusual about sources and patterns."""
    pattern_remarks: tuple[str, ...] = ()
    """The part of them that is valid while the rules and the mirrors stay the same."""


def load(store: StorePaths, distribution: Distribution) -> BuildCache:
    """Return the cache of a distribution; an empty one if there is none or it is damaged."""
    try:
        fields = json.loads(files.read_bytes(_path(store, distribution)))
        return BuildCache(
            inputs_digest=fields["inputs_digest"],
            generation=fields["generation"],
            unmet=tuple(fields["unmet"]),
            warnings=tuple(fields["warnings"]),
            file_owners=dict(fields["file_owners"]),
            installers_digest=fields["installers_digest"],
            installer_remarks=tuple(fields["installer_remarks"]),
            source_remarks=tuple(fields["source_remarks"]),
            pattern_remarks=tuple(fields["pattern_remarks"]),
        )
    except (RocksError, ValueError, KeyError, TypeError):
        return BuildCache()


def save(store: StorePaths, distribution: Distribution, build_cache: BuildCache) -> None:
    """Save the cache for the next build."""
    path = _path(store, distribution)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    files.replace(path, json.dumps(dataclasses.asdict(build_cache), sort_keys=True))


def inputs_digest(distribution: Distribution, inputs: Sequence[Input], hook_key: str) -> str:
    """Return a digest of all inputs of a build, computed without reading packages or XML.

    Files of directories and XML folders count by name, size, time and inode.
    """
    values = [
        FORMAT,
        _to_json(distribution),
        rules_digest(distribution),
        [[source_input.origin, source_input.installer] for source_input in inputs],
        [
            source_input.scanned_files()
            for source_input in inputs
            if isinstance(source_input, Directory)
        ],
        [_list_files(folder) for folder in distribution.xml],
        hook_key,
    ]
    return _digest(values)


def rules_digest(distribution: Distribution) -> str:
    """Return a digest of everything that decides about packages, except the packages themselves."""
    values = [
        _to_json(distribution.policy),
        [
            [
                source.name,
                source.effective_priority,
                source.wins,
                source.include,
                source.exclude,
                source.skip_metadata,
                _key_texts(source),
            ]
            for source in distribution.sources
        ],
    ]
    return _digest(values)


def _digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _key_texts(source: Source) -> list[str]:
    return [_read_key(path) for path in source.gpg_keys] if source.checks_packages else []


def _to_json(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {name: _to_json(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, (list, tuple)):
        return [_to_json(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def _read_key(path: str) -> str:
    try:
        return files.read_text(path)
    except NotFound:
        raise NotFound(
            "the key file does not exist",
            path,
            "install the vendor's package with its keys, or copy the file there from the medium",
        ) from None


def _list_files(folder: str) -> list[tuple[str, int, int, int]]:
    """Return path, size, time and inode of every file below a folder."""
    rows = []
    for parent, _folders, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            # A link to nothing counts too: its file can appear later.
            status = os.stat(path) if os.path.exists(path) else os.lstat(path)
            rows.append((path, status.st_size, status.st_mtime_ns, status.st_ino))
    return sorted(rows)


def _path(store: StorePaths, distribution: Distribution) -> str:
    file_name = f"{distribution.name}-{distribution.policy.arch}.json"
    return os.path.join(store.cache, "builds", file_name)
