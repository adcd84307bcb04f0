# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The operations on a distribution: build it, publish another generation, promote it, remove it.

Each one takes the lock that it needs.  With ``dry_run`` it returns the result without any change.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from typing import TYPE_CHECKING, Callable, Collection, ContextManager, Optional

from ..errors import DescriptionError, NotFound
from . import publish
from .build import optional_imports, pipeline, validation
from .build.result import BuildResult, describe_generation
from .build.url_variables import replace_variables
from .metadata.index import PublishedGeneration, open_published
from .model import Distribution, ProgressCallback, ignore_progress
from .sources.repository_access import SourceChanged
from .storage import pool
from .storage.pool import StorePaths

if TYPE_CHECKING:
    from .build.profile_hook import ProfileHook

MAX_ATTEMPTS = 3
"""Builds until a source that changes during the build is an error."""


@dataclasses.dataclass(frozen=True)
class PublishOptions:
    keep: int = 3
    """Number of generations to keep, with the published one."""
    in_use: Collection[str] = ()
    """Names of generations to keep in addition."""
    wait: float = 0.0
    """Seconds to wait for another process that builds or publishes the distribution."""


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
    """Build the distribution, publish it, and remove old generations.

    root  the folder of all distributions
    hook  compiles the profiles

    Raises DescriptionError, NotFound or Conflict for a fault of the description, a source or a
    package, and Unavailable if a source does not answer or changes during each attempt, or if the
    disk is full.  The published generation then stays as it was.
    """
    distribution = replace_variables(distribution)
    validation.check(distribution)
    optional_imports.check(distribution)
    name = distribution.name
    arch = distribution.policy.arch
    store = StorePaths(root)
    build = functools.partial(
        pipeline.build, distribution, store, hook=hook, dry_run=dry_run, progress=progress
    )
    lock: ContextManager[None] = contextlib.nullcontext()
    if not dry_run:
        lock = publish.build_lock(store, name, arch, options.wait)
    with lock:
        action = f'the build of distribution "{name}"'
        with publish.translate_os_errors(store, action), pool.shared_lock(store):
            result = _retry(build)
        if not dry_run:
            publish.prune(store, name, arch, keep=options.keep, in_use=options.in_use)
    return result


def _retry(build: Callable[[], BuildResult]) -> BuildResult:
    """Run a build, and run it again if a source changed during the build."""
    for _attempt in range(MAX_ATTEMPTS - 1):
        with contextlib.suppress(SourceChanged):
            return build()
    return build()


def switch_generation(
    root: str,
    name: str,
    arch: str,
    generation: str,
    *,
    options: PublishOptions = DEFAULT_OPTIONS,
    dry_run: bool = False,
) -> BuildResult:
    """Publish an existing generation.

    generation  its name, the beginning of its name, or ``previous``
    """
    validation.check_names(name, arch)
    if not generation:
        raise DescriptionError(
            "generation is empty", f'distribution "{name}"', "name one, or omit the option to build"
        )
    store = StorePaths(root)
    if dry_run:
        identity = publish.find_generation(store, name, arch, generation)
        return _preview_publish(store, name, arch, origin=name, identity=identity)
    with publish.build_lock(store, name, arch, options.wait):
        identity = publish.find_generation(store, name, arch, generation)
        result = _preview_publish(store, name, arch, origin=name, identity=identity)
        publish.publish(store, name, arch, identity)
    return result


def promote(
    root: str,
    name: str,
    arch: str,
    origin: str,
    *,
    options: PublishOptions = DEFAULT_OPTIONS,
    dry_run: bool = False,
) -> BuildResult:
    """Publish under ``name`` the published generation of the distribution ``origin``.

    Raises NotFound if ``origin`` has none.
    """
    validation.check_names(name, arch)
    validation.check_names(origin, arch)
    store = StorePaths(root)
    identity = publish.current_generation(store, origin, arch)
    result = _preview_publish(store, name, arch, origin=origin, identity=identity)
    if dry_run:
        return result
    with publish.build_lock(store, name, arch, options.wait):
        publish.copy_generation(store, origin, name, arch, generation=identity)
        publish.publish(store, name, arch, identity)
        publish.prune(store, name, arch, keep=options.keep, in_use=options.in_use)
    promoted = dataclasses.replace(
        result.generation, path=store.generation_folder(name, arch, identity)
    )
    return dataclasses.replace(result, generation=promoted)


def remove(
    root: str,
    name: str,
    arch: str,
    *,
    options: PublishOptions = DEFAULT_OPTIONS,
    dry_run: bool = False,
) -> bool:
    """Remove the distribution with all its generations; False if it does not exist."""
    validation.check_names(name, arch)
    store = StorePaths(root)
    exists = bool(
        publish.history(store, name, arch) or publish.current_generation(store, name, arch)
    )
    # A removal that was killed leaves a folder without generations, which the lock cleans.
    if dry_run or not (exists or os.path.isdir(store.generations_folder(name, arch))):
        return exists
    with publish.build_lock(store, name, arch, options.wait):
        return publish.remove(store, name, arch, options.in_use)


def open_generation(store: StorePaths, name: str, arch: str, identity: str) -> PublishedGeneration:
    """Open a generation by its full name.

    Raises NotFound if it does not exist or was not built by this collection.
    """
    generation = None
    if identity:
        generation = open_published(store.generation_folder(name, arch, identity))
    if generation is None:
        what = f'has no generation "{identity}"' if identity else "has no published generation"
        raise NotFound(f'distribution "{name}" {what} for {arch}', hint="build it with rocks_dist")
    return generation


def _preview_publish(
    store: StorePaths, name: str, arch: str, *, origin: str, identity: str
) -> BuildResult:
    """Describe what publishing the generation ``identity`` of ``origin`` under ``name`` changes."""
    generation = open_generation(store, origin, arch, identity)
    current = publish.current_generation(store, name, arch)
    published = open_generation(store, name, arch, current) if current else None
    return describe_generation(name, generation, published)
