# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where everything lies below the distributions' root, and the pool that holds every RPM once.

    <root>/<distribution>/<arch>          link to the published generation
    <root>/.generations/<distribution>/<arch>/<generation>/
    <root>/.pool/<ab>/<checksum>.rpm      every package once, never written again
    <root>/.pool/sets/<digest>/           hard links to the pool under the packages' own names: one shard's folder
    <root>/.cache/                        what was fetched or read before; may be deleted at any time

Generations link whole sets, so that two of them, or a parent and its child, share what is equal in both.  The file
system counts who uses a package: one that only the pool holds is used by nobody.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from typing import Callable, Iterable, Iterator, Mapping, Sequence

from ... import files, tree_paths
from ...errors import DescriptionError, NotFound
from ..model import DIGESTS, Package, pool_path

PIECE = 1 << 20
# linux/fs.h: share the blocks of another file.
FICLONE = 0x40049409
# From here on one flush of the whole file system is cheaper than one of each file.
SINGLY = 64
FLUSHERS = 8
# Seconds after which a sweep of a large pool has ended.
SWEEP_TIME = 120.0
# Below the pool: what is being made.  Whoever is alone may remove it.
NEW = ".new"
# Below the pool, too: how the names of notes begin that a sweep is owed.
OWED = ".sweep-"
# The folders of a generation that hold links to sets.
LINKED = ("Packages", "Mirrors")


@dataclasses.dataclass(frozen=True)
class StorePaths:
    """The folders below one root."""

    root: str

    @property
    def pool(self) -> str:
        return os.path.join(self.root, ".pool")

    @property
    def sets(self) -> str:
        return os.path.join(self.root, ".pool", "sets")

    @property
    def cache(self) -> str:
        return os.path.join(self.root, ".cache")

    @property
    def scratch(self) -> str:
        return os.path.join(self.root, ".cache", "profiles")

    def generations_folder(self, distribution: str, arch: str) -> str:
        return tree_paths.generations_folder(self.root, distribution, arch)

    def generation_folder(self, distribution: str, arch: str, generation: str) -> str:
        return tree_paths.generation_folder(self.root, distribution, arch, generation)

    def published_link(self, distribution: str, arch: str) -> str:
        return tree_paths.published_link(self.root, distribution, arch)


def import_package(path: str, package: Package, pool: str, where: str, *, copy: bool) -> bool:
    """Bring a local file into the pool, after its content was compared with its checksum; False: it was there.

    copy  the file may be written in place later, so that it must not be shared with the pool
    where names the file in errors

    Raises NotFound, or DescriptionError when the content is not what the metadata promises.
    """
    target = pool_path(pool, package.checksum)
    if os.path.exists(target):
        return False
    aside = os.path.join(pool, NEW, f"{package.checksum}-{os.getpid()}")
    try:
        link_or_copy(path, aside, copy=copy)
    except FileNotFoundError:
        raise NotFound(
            "no such file", where, "the metadata names it: make the metadata again"
        ) from None
    found = file_digest(aside, package.checksum_type)
    if found != package.checksum:
        os.unlink(aside)
        what = f"its {package.checksum_type} is {found[:16]}…, the metadata promises {package.checksum[:16]}…"
        raise DescriptionError(what, where, "the file is damaged or was changed; copy it again")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    os.rename(aside, target)
    return True


def link_or_copy(path: str, target: str, *, copy: bool) -> None:
    """Give a file a second name, or the name to a copy of it; whatever had the name before loses it."""
    folder, name = os.path.split(target)
    os.makedirs(folder, exist_ok=True)
    aside = os.path.join(folder, f"{files.ASIDE_PREFIX}{name}-{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(aside)
    if copy or not _linked(path, aside):
        _copied(path, aside)
    os.rename(aside, target)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(aside)  # rename(2) leaves both names where they are one file already


def file_digest(path: str, kind: str = "sha256") -> str:
    """The checksum of a file's content."""
    state = hashlib.new(DIGESTS[kind][0])
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            state.update(piece)
    return state.hexdigest()


def create_set(
    store: StorePaths, name: str, packages: Sequence[Package], file_names: Sequence[str]
) -> bool:
    """Make the set ``name``: each package under its file name; False: it was there.

    The packages must be in the pool.
    """
    target = os.path.join(store.sets, name)
    if os.path.isdir(target):
        return False
    aside = os.path.join(store.pool, NEW, f"{name}-{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    os.makedirs(aside)
    for package, file_name in zip(packages, file_names):
        os.link(pool_path(store.pool, package.checksum), f"{aside}/{file_name}")
    try:
        os.rename(aside, target)
    except OSError:
        # Another builder was faster; two sets of one name are equal.
        if not os.path.isdir(target):
            raise
        shutil.rmtree(aside)
    return True


def flush_files(root: str, paths: Sequence[str]) -> None:
    """Make new files and folders survive a power cut; several at a time, so that the disk can take them together."""
    if len(paths) > SINGLY:
        from .staging import sync_file_system

        sync_file_system(root)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(FLUSHERS) as threads:
        for done in [threads.submit(_flush_one, path) for path in paths]:
            done.result()


def _flush_one(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def linked_sets(generation: str) -> set[str]:
    """The sets that a generation links, in either of its layouts; none when somebody has just removed it."""
    found = set()
    for folder in (os.path.join(generation, name) for name in LINKED):
        for name in _names(folder):
            with contextlib.suppress(FileNotFoundError):
                found.add(_set_of(f"{folder}/{name}"))
    return found


def _set_of(path: str) -> str:
    try:
        return os.readlink(path).rpartition("/")[2]
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    # A folder: in the paper's layout every file is a link into the set.
    target = os.readlink(os.path.join(path, os.listdir(path)[0]))
    return os.path.basename(os.path.dirname(target))


def remove_sets(store: StorePaths, spent: Mapping[str, Iterable[str]]) -> None:
    """Remove sets that no generation uses any more, and those of their packages that are in no other set.

    spent  name of a set -> the checksums of its packages

    The caller is ``alone``: a package that a builder has just brought is in no set yet.
    """
    for name in sorted(spent):
        _discard(store, name)
    for path in sorted(
        {pool_path(store.pool, checksum) for some in spent.values() for checksum in some}
    ):
        with contextlib.suppress(FileNotFoundError):
            if os.stat(path).st_nlink == 1:
                os.unlink(path)


def _discard(store: StorePaths, name: str) -> None:
    """Remove a set, in one step for those who look for it by its name: they take one that is there for whole."""
    aside = os.path.join(store.sets, files.ASIDE_PREFIX + name.removeprefix(files.ASIDE_PREFIX))
    shutil.rmtree(aside, ignore_errors=True)  # one whose removal was cut off
    with contextlib.suppress(FileNotFoundError):  # who was alone before us has swept it
        os.rename(os.path.join(store.sets, name), aside)
        shutil.rmtree(aside)


def request_gc(store: StorePaths) -> str:
    """Note that something may become unused: whoever is killed before it is removed leaves the note.

    Returns the note's path, which no other builder's note has.
    """
    os.makedirs(store.pool, exist_ok=True)
    descriptor, note = tempfile.mkstemp(prefix=OWED, dir=store.pool)
    os.close(descriptor)
    return note


def pending_gc(store: StorePaths) -> set[str]:
    """The notes that are there."""
    return {os.path.join(store.pool, name) for name in _names(store.pool) if name.startswith(OWED)}


def cancel_gc(note: str) -> None:
    """Take a note away."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(note)


@contextlib.contextmanager
def gc_on_failure(store: StorePaths) -> Iterator[None]:
    """Owe a sweep, unless the block ends well."""
    note = request_gc(store)
    yield
    cancel_gc(note)


def collect_garbage(store: StorePaths, used_sets: Callable[[], Iterable[str]]) -> None:
    """Remove every set but these, and then every package that no set holds.  The caller is ``alone``."""
    # Who notes something after this may have seen it used no more after it was looked at.
    notes = pending_gc(store)
    used = set(used_sets())
    for name in _names(store.sets):
        if name not in used:
            _discard(store, name)
    for folder in _names(store.pool):
        if len(folder) == 2:
            _sweep_folder(os.path.join(store.pool, folder))
    for note in notes:
        cancel_gc(note)


def _sweep_folder(folder: str) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.stat(follow_symlinks=False).st_nlink == 1:
                os.unlink(entry.path)


def remove_leftovers(store: StorePaths) -> bool:
    """Remove what killed builders left half-made; whether a sweep is owed.  The caller is ``alone``."""
    half = os.path.join(store.pool, NEW)
    half_made = bool(_names(half))
    if half_made:
        shutil.rmtree(half, ignore_errors=True)
    shutil.rmtree(store.scratch, ignore_errors=True)
    for cache in ("builds", "headers", "trees"):
        for folder, _folders, names in os.walk(os.path.join(store.cache, cache)):
            for name in names:
                if name.startswith(files.ASIDE_PREFIX):
                    os.unlink(os.path.join(folder, name))
    return half_made or bool(pending_gc(store))


@contextlib.contextmanager
def shared_lock(store: StorePaths) -> Iterator[None]:
    """Build, together with builders of other distributions: nobody sweeps meanwhile."""
    os.makedirs(store.root, exist_ok=True)
    with files.lock(_lock(store), wait=SWEEP_TIME, shared=True):
        yield


@contextlib.contextmanager
def exclusive_lock(store: StorePaths) -> Iterator[None]:
    """Be the only one who uses the pool.  Raises Conflict at once when somebody builds."""
    os.makedirs(store.root, exist_ok=True)
    with files.lock(_lock(store)):
        yield


def _lock(store: StorePaths) -> str:
    return os.path.join(store.root, ".lock")


def _linked(path: str, target: str) -> bool:
    try:
        os.link(os.path.realpath(path), target)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            return False
        raise
    return True


def _copied(path: str, target: str) -> None:
    """Share the blocks where the file system can, else copy them."""
    with open(path, "rb") as source, open(target, "xb") as copy:
        try:
            fcntl.ioctl(copy.fileno(), FICLONE, source.fileno())
        except OSError:
            shutil.copyfileobj(source, copy, PIECE)


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
