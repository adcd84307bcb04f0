# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Publishing: which generation a distribution's link names, and which generations are kept.

The link is switched by one rename, so that a client sees one generation or the other.  A generation that an
installation reads stays as long as its name is given as in use.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import Collection, Iterator

from .. import files
from ..errors import Conflict, NotFound, Refused, Unavailable
from ..tree_paths import GENERATIONS, HISTORY
from .metadata.index import open_published
from .storage import pool
from .storage.pool import StorePaths

STAGING, REMOVED_PREFIX, PREVIOUS = ".new", ".old-", "previous"


@contextlib.contextmanager
def build_lock(store: StorePaths, distribution: str, arch: str, wait: float) -> Iterator[None]:
    """Be the only one who builds or publishes this distribution; what a killed builder left is removed first.

    wait  seconds to wait for another builder.  Raises Conflict when it is still at work then.
    """
    folder = store.generations_folder(distribution, arch)
    with contextlib.ExitStack() as stack:
        stack.enter_context(translate_os_errors(distribution))
        os.makedirs(folder, exist_ok=True)
        try:
            stack.enter_context(files.lock(os.path.join(folder, ".lock"), wait))
        except Conflict:
            raise Conflict(
                f'distribution "{distribution}" is being built by another process, for {wait:g} s by now',
                hint="wait for it to end, then run again",
            ) from None
        _clean(folder)
        with contextlib.suppress(Conflict), pool.exclusive_lock(store):
            if pool.remove_leftovers(store):
                pool.collect_garbage(store, lambda: referenced_sets(store))
        yield


@contextlib.contextmanager
def translate_os_errors(distribution: str) -> Iterator[None]:
    """What the disk refuses to do, as an error of ours: Unavailable, with the file."""
    try:
        yield
    except OSError as error:
        where = " -> ".join(str(name) for name in (error.filename, error.filename2) if name)
        raise Unavailable(
            f'{error.strerror} while distribution "{distribution}" was built',
            where,
            "what is published stays as it was; make room or repair it, and run again",
        ) from error


def current_generation(store: StorePaths, distribution: str, arch: str) -> str:
    """The identity of the published generation; empty when there is none."""
    link = store.published_link(distribution, arch)
    return os.path.basename(os.readlink(link)) if os.path.islink(link) else ""


def history(store: StorePaths, distribution: str, arch: str) -> list[str]:
    """The identities of the generations that are there, in the order in which they were published last."""
    folder = store.generations_folder(distribution, arch)
    there = sorted(
        name
        for name in _names(folder)
        if not name.startswith(".") and os.path.isdir(os.path.join(folder, name))
    )
    try:
        known = json.loads(files.read_bytes(os.path.join(folder, HISTORY)))
    except (NotFound, ValueError):
        known = []
    return [name for name in known if name in there] + [name for name in there if name not in known]


def find_generation(store: StorePaths, distribution: str, arch: str, name: str) -> str:
    """A generation by its identity, the beginning of it, or ``previous``.  Raises NotFound that lists what is there."""
    there = history(store, distribution, arch)
    if name == PREVIOUS:
        published = current_generation(store, distribution, arch)
        before = there[: there.index(published)] if published in there else there
        matches = before[-1:]
    else:
        matches = [identity for identity in there if identity.startswith(name)]
    if len(matches) != 1 or not name:
        what = (
            f'distribution "{distribution}" has no generation "{name}"'
            if not matches
            else f'"{name}" names several generations'
        )
        raise NotFound(what, hint=f"there are {', '.join(there) or 'none'}")
    return matches[0]


def publish(store: StorePaths, distribution: str, arch: str, identity: str) -> bool:
    """Let the distribution's link name this generation; False when it does already.  The caller is ``alone``."""
    link = store.published_link(distribution, arch)
    target = os.path.join(store.generations_folder(distribution, arch), identity)
    if not os.path.isdir(target):
        raise NotFound(f'distribution "{distribution}" has no generation "{identity}"')
    if os.path.lexists(link) and not os.path.islink(link):
        raise Refused(
            "this is not a link, and we would have to replace it", link, "move it out of the way"
        )
    value = os.path.relpath(target, os.path.dirname(link))
    if os.path.islink(link) and os.readlink(link) == value:
        return False
    os.makedirs(os.path.dirname(link), exist_ok=True)
    aside = os.path.join(os.path.dirname(link), f".{os.path.basename(link)}.new")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(aside)
    os.symlink(value, aside)
    os.rename(aside, link)
    files.sync_directory(os.path.dirname(link))
    order = [name for name in history(store, distribution, arch) if name != identity]
    files.replace(_history_file(store, distribution, arch), json.dumps([*order, identity]))
    return True


def copy_generation(
    store: StorePaths, origin: str, distribution: str, arch: str, name: str = ""
) -> str:
    """Make another distribution's generation one of this distribution's, and return its identity.

    name  which one; empty: the one that it publishes now

    Nothing is built or fetched: the same files get another name.  The caller is ``alone``, and publishes it then.
    """
    identity = (
        find_generation(store, origin, arch, name)
        if name
        else current_generation(store, origin, arch)
    )
    if not identity:
        raise NotFound(
            f'distribution "{origin}" has published nothing for {arch}', hint="build it first"
        )
    source = os.path.join(store.generations_folder(origin, arch), identity)
    target = os.path.join(store.generations_folder(distribution, arch), identity)
    if not os.path.isdir(target):
        aside = os.path.join(store.generations_folder(distribution, arch), STAGING)
        # Nobody sweeps meanwhile; but the origin may go on, and remove this generation of its own.
        with pool.shared_lock(store), _source_exists(source):
            _link_tree(source, aside)
            pool.flush_files(store.root, [folder for folder, _names, _files in os.walk(aside)])
            os.rename(aside, target)
            files.sync_directory(os.path.dirname(target))
    return identity


def _link_tree(source: str, target: str) -> None:
    """The same files in a folder of the same depth, so that relative links lead to the same sets."""
    os.mkdir(target)
    for name in sorted(os.listdir(source)):
        path, copy = os.path.join(source, name), os.path.join(target, name)
        if os.path.islink(path):
            os.symlink(os.readlink(path), copy)
        elif os.path.isdir(path):
            _link_tree(path, copy)
        else:
            os.link(path, copy)


@contextlib.contextmanager
def _source_exists(generation: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if os.path.isdir(generation):
            raise
        raise NotFound("it was removed in this moment", generation, "run again") from error


def prune(
    store: StorePaths, distribution: str, arch: str, keep: int, in_use: Collection[str] = ()
) -> list[str]:
    """Remove all but the last ``keep`` published generations; return the identities that went.

    in_use  identities that stay in any case; the published one always stays

    The caller is ``alone``.
    """
    there = history(store, distribution, arch)
    published = current_generation(store, distribution, arch)
    others = [name for name in there if name != published]
    kept = {published, *in_use, *others[max(0, len(others) - keep + 1) :]}
    gone = [name for name in others if name not in kept]
    if gone:
        _drop(store, distribution, arch, gone)
    return gone


def _drop(store: StorePaths, distribution: str, arch: str, names: Collection[str]) -> None:
    """Remove generations, and from the pool what only they used."""
    doomed = [os.path.join(store.generations_folder(distribution, arch), name) for name in names]
    spent = _unreferenced_sets(store, doomed)
    linked = {name for path in doomed for name in pool.linked_sets(path)}
    note = pool.request_gc(store)
    for path in doomed:
        aside = os.path.join(os.path.dirname(path), REMOVED_PREFIX + os.path.basename(path))
        os.rename(path, aside)
        shutil.rmtree(aside)
    try:
        with pool.exclusive_lock(store):
            # Others may owe something of which this knows nothing, and so may a whole mirror that went.
            only, used = pool.pending_gc(store) == {note}, referenced_sets(store)
            if only and linked - used <= spent.keys():
                pool.remove_sets(store, {name: spent[name] for name in spent.keys() - used})
                pool.cancel_gc(note)
            else:
                pool.collect_garbage(store, lambda: referenced_sets(store))
    except Conflict:
        # While others build, what they have just brought looks unused: then a later run sweeps.  The note from before
        # may go with a sweep that saw these generations still.
        pool.request_gc(store)


def _unreferenced_sets(store: StorePaths, doomed: Collection[str]) -> dict[str, list[str]]:
    """The sets that only these generations use -> the checksums of the packages in them."""
    still = referenced_sets(store, but=doomed)
    spent: dict[str, list[str]] = {}
    for path in doomed:
        published = open_published(path)
        for number, shard in published.index.shards.items() if published else ():
            if published and shard.packages and shard.content_digest not in still:
                spent[shard.content_digest] = [
                    package.checksum for package in published.packages(number)
                ]
    return spent


def remove(store: StorePaths, distribution: str, arch: str, in_use: Collection[str] = ()) -> bool:
    """Withdraw a distribution and remove its generations; False when it is not there.  The caller is ``alone``.

    Raises Refused when one of them is in use.
    """
    there = history(store, distribution, arch)
    used = sorted(set(there) & set(in_use))
    if used:
        raise Refused(
            f'generation {", ".join(used)} of distribution "{distribution}" is in use',
            hint="wait until its installations have ended, or cancel them",
        )
    link = store.published_link(distribution, arch)
    if os.path.islink(link):
        os.unlink(link)
        files.sync_directory(os.path.dirname(link))
    elif not there:
        return False
    _drop(store, distribution, arch, there)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_history_file(store, distribution, arch))
    with contextlib.suppress(OSError):
        os.rmdir(os.path.dirname(link))
    return True


def referenced_sets(store: StorePaths, but: Collection[str] = ()) -> set[str]:
    """The sets that some generation links, the folders ``but`` left out."""
    return {
        name
        for folder in _generations(store)
        if folder not in but
        for name in pool.linked_sets(folder)
    }


def _generations(store: StorePaths) -> Iterator[str]:
    top = os.path.join(store.root, GENERATIONS)
    for distribution in _names(top):
        for arch in _names(os.path.join(top, distribution)):
            for name in _names(os.path.join(top, distribution, arch)):
                if not name.startswith("."):
                    yield os.path.join(top, distribution, arch, name)


def _clean(folder: str) -> None:
    for name in _names(folder):
        if name.startswith((STAGING, REMOVED_PREFIX, files.ASIDE_PREFIX)):
            path = os.path.join(folder, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)


def _history_file(store: StorePaths, distribution: str, arch: str) -> str:
    return os.path.join(store.generations_folder(distribution, arch), HISTORY)


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
