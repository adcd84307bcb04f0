# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Publish generations: switch the link of a distribution, and remove old generations.

One rename switches the link, so that a client sees either the old generation or the new one.
A generation that installations use is kept as long as the caller lists it as in use.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from typing import Collection, Iterator, Optional

from .. import files
from ..errors import Conflict, NotFound, Refused, Unavailable
from ..tree_paths import GENERATIONS, HISTORY, published_generation
from . import places
from .metadata.index import PublishedGeneration, open_published
from .storage import pool
from .storage.pool import StorePaths

STAGING_FOLDER = ".new"
"""Name of a generation's folder until it is complete."""
REMOVED_PREFIX = ".old-"
"""Prefix of the folder names of generations that are being removed."""
PREVIOUS = "previous"


@contextlib.contextmanager
def build_lock(store: StorePaths, distribution: str, arch: str, wait: float) -> Iterator[None]:
    """Exclude other processes that build or publish this distribution.

    wait  seconds to wait for another process

    The remains of killed builds are removed first.  Raises Conflict if the other process does not
    finish in time.
    """
    folder = store.generations_folder(distribution, arch)
    with contextlib.ExitStack() as stack:
        action = f'the build of distribution "{distribution}"'
        stack.enter_context(translate_os_errors(store, action))
        os.makedirs(folder, exist_ok=True)
        try:
            stack.enter_context(files.lock(os.path.join(folder, ".lock"), wait))
        except Conflict:
            raise Conflict(
                f'distribution "{distribution}" is being built by another process '
                f"(waited {wait:g} s)",
                hint="wait until it has finished, then run again",
            ) from None
        _remove_leftovers(folder)
        with contextlib.suppress(Conflict), pool.exclusive_lock(store):
            if pool.remove_leftovers(store):
                pool.collect_garbage(store, lambda: referenced_sets(store))
        yield


@contextlib.contextmanager
def translate_os_errors(
    store: StorePaths, action: str, outcome: str = "the published generation is unchanged"
) -> Iterator[None]:
    """Raise Unavailable with the path for an OSError of the block, such as a full disk.

    action   what failed, after "during"
    outcome  what is published if the block fails
    """
    try:
        yield
    except OSError as error:
        where = " -> ".join(str(name) for name in (error.filename, error.filename2) if name)
        hint = f"{outcome}; {_remedy(store, error)}, and run again"
        raise Unavailable(f"{error.strerror} during {action}", where, hint) from error


def _remedy(store: StorePaths, error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"run as root, or set path to a folder that you can write to (now {store.root})"
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return "repair the disk"
    status = os.statvfs(store.root)
    free = status.f_bavail * status.f_frsize
    return (
        f"free some space on the file system of {store.root}, which has {free:,} bytes and"
        f" {status.f_favail:,} inodes free"
    )


def current_generation(store: StorePaths, distribution: str, arch: str) -> str:
    """Return the name of the published generation, or an empty text."""
    return published_generation(store.root, distribution, arch)


def open_current(store: StorePaths, distribution: str, arch: str) -> Optional[PublishedGeneration]:
    """Open the published generation; None if there is none that this collection has built."""
    identity = current_generation(store, distribution, arch)
    if not identity:
        return None
    return open_published(store.generation_folder(distribution, arch, identity))


def history(store: StorePaths, distribution: str, arch: str) -> list[str]:
    """Return the names of the existing generations, ordered by their last publication."""
    folder = store.generations_folder(distribution, arch)
    existing = sorted(
        name
        for name in _list_folder(folder)
        if not name.startswith(".") and os.path.isdir(os.path.join(folder, name))
    )
    try:
        recorded = json.loads(files.read_bytes(os.path.join(folder, HISTORY)))
    except (NotFound, ValueError):
        recorded = []
    return [name for name in recorded if name in existing] + [
        name for name in existing if name not in recorded
    ]


def find_generation(store: StorePaths, distribution: str, arch: str, name: str) -> str:
    """Find a generation by its name, the beginning of its name, or ``previous``.

    Raises NotFound that lists the existing generations.
    """
    generations = history(store, distribution, arch)
    if name == PREVIOUS:
        published = current_generation(store, distribution, arch)
        if published in generations:
            generations = generations[: generations.index(published)]
        matches = generations[-1:]
    else:
        matches = [identity for identity in generations if identity.startswith(name)]
    if len(matches) != 1 or not name:
        what = (
            f'"{name}" matches several generations'
            if matches
            else f'distribution "{distribution}" has no generation "{name}"'
        )
        existing = ", ".join(history(store, distribution, arch)) or "none"
        raise NotFound(what, hint=f"existing generations: {existing}")
    return matches[0]


def publish(store: StorePaths, distribution: str, arch: str, identity: str) -> bool:
    """Switch the link to a generation; False if it is published already.

    The caller holds ``build_lock``.  Raises NotFound for an unknown generation, and Refused if the
    path of the link is something else.
    """
    link = store.published_link(distribution, arch)
    target = store.generation_folder(distribution, arch, identity)
    if not os.path.isdir(target):
        raise NotFound(f'distribution "{distribution}" has no generation "{identity}"')
    if os.path.lexists(link) and not os.path.islink(link):
        raise Refused(
            "a file or folder is in the place of the distribution's link", link, "move it away"
        )
    value = os.path.relpath(target, os.path.dirname(link))
    if os.path.islink(link) and os.readlink(link) == value:
        return False
    os.makedirs(os.path.dirname(link), exist_ok=True)
    new_link = os.path.join(os.path.dirname(link), f".{os.path.basename(link)}.new")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new_link)
    os.symlink(value, new_link)
    os.rename(new_link, link)
    action = f'the publication of distribution "{distribution}"'
    with translate_os_errors(store, action, f"generation {identity} is published"):
        files.sync_directory(os.path.dirname(link))
        others = [name for name in history(store, distribution, arch) if name != identity]
        files.replace(_history_file(store, distribution, arch), json.dumps([*others, identity]))
    return True


def copy_generation(
    store: StorePaths, origin: str, distribution: str, arch: str, *, generation: str = ""
) -> str:
    """Make a generation of the distribution ``origin`` one of ``distribution``; return its name.

    generation  as for ``find_generation``; empty: the published one

    The copy consists of hard links.  The caller holds ``build_lock`` of ``distribution``.
    """
    if generation:
        identity = find_generation(store, origin, arch, generation)
    else:
        identity = current_generation(store, origin, arch)
    if not identity:
        raise NotFound(
            f'distribution "{origin}" has no published generation for {arch}', hint="build it first"
        )
    source = store.generation_folder(origin, arch, identity)
    target = store.generation_folder(distribution, arch, identity)
    if not os.path.isdir(target):
        staging = os.path.join(store.generations_folder(distribution, arch), STAGING_FOLDER)
        # The lock stops garbage collection, but another process can still prune the origin.
        with pool.shared_lock(store), _source_exists(source):
            _link_tree(source, staging)
            pool.flush_files(store.root, [folder for folder, _names, _files in os.walk(staging)])
            os.rename(staging, target)
            files.sync_directory(os.path.dirname(target))
    return identity


def _link_tree(source: str, target: str) -> None:
    """Link a tree into a folder of the same depth, in which relative links stay valid."""
    os.mkdir(target)
    for name in sorted(os.listdir(source)):
        path = os.path.join(source, name)
        new_path = os.path.join(target, name)
        if os.path.islink(path):
            os.symlink(os.readlink(path), new_path)
        elif os.path.isdir(path):
            _link_tree(path, new_path)
        else:
            os.link(path, new_path)


@contextlib.contextmanager
def _source_exists(generation: str) -> Iterator[None]:
    """Raise NotFound if the block fails because the generation was removed."""
    try:
        yield
    except OSError as error:
        if os.path.isdir(generation):
            raise
        raise NotFound(
            "the generation was removed by another process", generation, "run again"
        ) from error


def prune(
    store: StorePaths, distribution: str, arch: str, *, keep: int, in_use: Collection[str] = ()
) -> list[str]:
    """Remove all but the last ``keep`` published generations, and return the removed names.

    in_use  generations that are kept in addition; the published one is always kept

    The caller holds ``build_lock``.
    """
    published = current_generation(store, distribution, arch)
    others = [name for name in history(store, distribution, arch) if name != published]
    kept_names = {published, *in_use, *others[max(0, len(others) - keep + 1) :]}
    removed = [name for name in others if name not in kept_names]
    action = f'the removal of old generations of distribution "{distribution}"'
    with translate_os_errors(store, action, f"generation {published} is published"):
        if removed:
            _remove_generations(store, distribution, arch, removed)
    return removed


def _remove_generations(
    store: StorePaths, distribution: str, arch: str, names: Collection[str]
) -> None:
    """Remove generations, and the packages that only they used from the pool."""
    folders = [store.generation_folder(distribution, arch, name) for name in names]
    unreferenced = _unreferenced_sets(store, folders)
    linked = {name for folder in folders for name in pool.linked_sets(folder)}
    gc_request = pool.request_gc(store)
    for folder in folders:
        removed_folder = os.path.join(
            os.path.dirname(folder), REMOVED_PREFIX + os.path.basename(folder)
        )
        os.rename(folder, removed_folder)
        shutil.rmtree(removed_folder)
    try:
        with pool.exclusive_lock(store):
            used = referenced_sets(store)
            # Removing single sets is faster, but it does not serve the requests of other
            # processes, nor a source that was fetched whole.
            if pool.pending_gc(store) == {gc_request} and linked - used <= unreferenced.keys():
                removable = unreferenced.keys() - used
                pool.remove_sets(store, {name: unreferenced[name] for name in removable})
                pool.cancel_gc(gc_request)
            else:
                pool.collect_garbage(store, lambda: referenced_sets(store))
    except Conflict:
        # While others build, their new packages are not referenced yet: a later run collects the
        # garbage.  A second request is needed, because a collection that still saw these
        # generations can cancel the first one.
        pool.request_gc(store)


def _unreferenced_sets(store: StorePaths, folders: Collection[str]) -> dict[str, list[str]]:
    """Return the sets that only these generations use: name -> checksums of the packages."""
    used_by_others = referenced_sets(store, except_folders=folders)
    unreferenced: dict[str, list[str]] = {}
    for folder in folders:
        generation = open_published(folder)
        if generation is None:
            continue
        for number, shard in generation.index.shards.items():
            if shard.packages and shard.content_digest not in used_by_others:
                unreferenced[shard.content_digest] = [
                    package.checksum for package in generation.packages(number)
                ]
    return unreferenced


def remove(store: StorePaths, distribution: str, arch: str, in_use: Collection[str] = ()) -> bool:
    """Remove a distribution and its generations; False if it does not exist.

    The caller holds ``build_lock``.  Raises Refused if a generation is in use.
    """
    generations = history(store, distribution, arch)
    used = sorted(set(generations) & set(in_use))
    if used:
        raise Refused(
            f'generation {", ".join(used)} of distribution "{distribution}" is in use',
            hint="wait until the installations have finished, or cancel them",
        )
    link = store.published_link(distribution, arch)
    if os.path.islink(link):
        os.unlink(link)
    elif not generations:
        return False
    action = f'the removal of distribution "{distribution}"'
    with translate_os_errors(store, action, "the distribution is no longer published"):
        if os.path.isdir(os.path.dirname(link)):
            files.sync_directory(os.path.dirname(link))
        _remove_generations(store, distribution, arch, generations)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_history_file(store, distribution, arch))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(places.path(store, distribution, arch))
    with contextlib.suppress(OSError):
        os.rmdir(os.path.dirname(link))
    return True


def referenced_sets(store: StorePaths, except_folders: Collection[str] = ()) -> set[str]:
    """Return the sets that any generation links, without the generations in ``except_folders``."""
    return {
        name
        for folder in _all_generations(store)
        if folder not in except_folders
        for name in pool.linked_sets(folder)
    }


def _all_generations(store: StorePaths) -> Iterator[str]:
    """Yield the folder of every generation of every distribution."""
    top = os.path.join(store.root, GENERATIONS)
    for distribution in _list_folder(top):
        for arch in _list_folder(os.path.join(top, distribution)):
            for name in _list_folder(os.path.join(top, distribution, arch)):
                if not name.startswith("."):
                    yield os.path.join(top, distribution, arch, name)


def _remove_leftovers(folder: str) -> None:
    """Remove what a killed process left in the folder of the generations."""
    for name in _list_folder(folder):
        if name.startswith((STAGING_FOLDER, REMOVED_PREFIX, files.ASIDE_PREFIX)):
            path = os.path.join(folder, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)


def _history_file(store: StorePaths, distribution: str, arch: str) -> str:
    return os.path.join(store.generations_folder(distribution, arch), HISTORY)


def _list_folder(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
