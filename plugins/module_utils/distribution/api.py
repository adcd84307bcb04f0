# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an administrator does with a distribution, each as one call that holds the lock: rebuild it, go back to a
generation, take over another distribution's, remove it.  Every one of them can say beforehand what it would change.
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Collection, NamedTuple, Optional

from ..errors import NotFound
from . import publish
from .build.pipeline import BuildResult, build, compare_generations
from .metadata.index import PublishedGeneration, open_published
from .model import Changes, Distribution, Generation, ProgressCallback, ignore_progress
from .storage.pool import StorePaths

if TYPE_CHECKING:
    from .build.profile_hook import ProfileHook


class PublishOptions(NamedTuple):
    """What is kept, and how long another builder is waited for.

    keep    how many generations stay, the published one included
    in_use  identities of generations that stay in any case
    wait    seconds
    """

    keep: int = 3
    in_use: Collection[str] = ()
    wait: float = 0.0


DEFAULT_OPTIONS = PublishOptions()


def rebuild(
    distribution: Distribution,
    root: str,
    *,
    hook: Optional[ProfileHook] = None,
    options: PublishOptions = DEFAULT_OPTIONS,
    dry_run: bool = False,
    progress: ProgressCallback = ignore_progress,
) -> BuildResult:
    """Build the distribution, publish it, and remove the generations that are not kept."""
    if dry_run:
        return build(distribution, root, hook=hook, dry_run=True, progress=progress)
    name, arch, store = distribution.name, distribution.policy.arch, StorePaths(root)
    with publish.build_lock(store, name, arch, options.wait):
        built = build(distribution, root, hook=hook, progress=progress)
        publish.publish(store, name, arch, built.generation.identity)
        publish.prune(store, name, arch, options.keep, options.in_use)
    return built


def switch_generation(
    root: str,
    name: str,
    arch: str,
    wanted: str,
    *,
    options: PublishOptions = DEFAULT_OPTIONS,
    dry_run: bool = False,
) -> BuildResult:
    """Publish a generation that is there: its identity, the beginning of it, or ``previous``."""
    store = StorePaths(root)
    if dry_run:
        return _would_be(
            store, name, arch, name, publish.find_generation(store, name, arch, wanted)
        )
    with publish.build_lock(store, name, arch, options.wait):
        identity = publish.find_generation(store, name, arch, wanted)
        built = _would_be(store, name, arch, name, identity)
        publish.publish(store, name, arch, identity)
    return built


def promote(
    root: str,
    name: str,
    arch: str,
    origin: str,
    *,
    options: PublishOptions = DEFAULT_OPTIONS,
    dry_run: bool = False,
) -> BuildResult:
    """Publish under ``name`` the generation that the distribution ``origin`` publishes."""
    store = StorePaths(root)
    identity = publish.current_generation(store, origin, arch)
    if not identity:
        raise NotFound(
            f'distribution "{origin}" has published nothing for {arch}', hint="build it first"
        )
    built = _would_be(store, name, arch, origin, identity)
    if dry_run:
        return built
    with publish.build_lock(store, name, arch, options.wait):
        publish.copy_generation(store, origin, name, arch, identity)
        publish.publish(store, name, arch, identity)
        publish.prune(store, name, arch, options.keep, options.in_use)
    moved = dataclasses.replace(built.generation, path=_folder(store, name, arch, identity))
    return built._replace(generation=moved)


def remove(
    root: str,
    name: str,
    arch: str,
    *,
    options: PublishOptions = DEFAULT_OPTIONS,
    dry_run: bool = False,
) -> bool:
    """Withdraw the distribution and remove its generations; False when it is not there."""
    store = StorePaths(root)
    if dry_run:
        return bool(
            publish.history(store, name, arch) or publish.current_generation(store, name, arch)
        )
    with publish.build_lock(store, name, arch, options.wait):
        return publish.remove(store, name, arch, options.in_use)


def open_generation(store: StorePaths, name: str, arch: str, identity: str) -> PublishedGeneration:
    """A generation.  Raises NotFound when it is not there, or was built by another program."""
    found = open_published(_folder(store, name, arch, identity)) if identity else None
    if found is None:
        what = f'has no generation "{identity}"' if identity else "has published nothing"
        raise NotFound(f'distribution "{name}" {what} for {arch}', hint="build it: rocks_dist")
    return found


def _would_be(store: StorePaths, name: str, arch: str, origin: str, identity: str) -> BuildResult:
    """What publishing the generation ``identity`` of ``origin`` under ``name`` comes to."""
    wanted = open_generation(store, origin, arch, identity)
    published = publish.current_generation(store, name, arch)
    before = open_generation(store, name, arch, published) if published else None
    same = published == identity
    shards = wanted.index.shards.values()
    return BuildResult(
        Generation(name, arch, identity, wanted.folder, wanted.index.counts),
        not same,
        Changes() if same else compare_generations(before, wanted),
        tuple(clash for shard in shards for clash in shard.clashes),
        tuple(remark for shard in shards for remark in shard.remarks),
        (),
        (),
        lambda: [verdict for number in wanted.index.shards for verdict in wanted.verdicts(number)],
    )


def _folder(store: StorePaths, name: str, arch: str, identity: str) -> str:
    return os.path.join(store.generations_folder(name, arch), identity)
