# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Paths below the root of the distributions, and the pool that stores every RPM once.

    <root>/<distribution>/<arch>          link to the published generation
    <root>/.generations/<distribution>/<arch>/<generation>/
    <root>/.pool/<ab>/<checksum>.rpm      every package once, never written to again
    <root>/.pool/sets/<digest>/           the packages of a shard: links to the pool by file name
    <root>/.cache/                        fetched and parsed files; can be deleted at any time

Generations link whole sets, so two generations, or a parent and its child, share equal sets.  The
number of hard links of a package shows whether it is used: a package with one link is in no set.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from typing import Callable, Iterable, Iterator, Mapping, Sequence

from ... import files, tree_paths
from ...errors import DescriptionError, NotFound
from ..model import DIGESTS, Package, pool_path

CHUNK = 1 << 20
# ioctl of linux/fs.h: share the blocks of another file.
FICLONE = 0x40049409
# With more files than this, flushing the whole file system is faster than flushing each file.
MAX_SINGLE_FLUSHES = 64
FLUSH_THREADS = 8
# Seconds within which garbage collection of a large pool ends.
GC_TIMEOUT = 120.0
# Folder below the pool for unfinished files.  Only a holder of the exclusive lock may remove it.
NEW = ".new"
# Prefix of the files below the pool that request garbage collection.
GC_REQUEST = ".sweep-"
# Folders of a generation that contain links to sets.
LINKED = ("Packages", "Mirrors")


@dataclasses.dataclass(frozen=True)
class StorePaths:
    """Paths of the folders below one root."""

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
        """Folder of files that are needed only while profiles are compiled."""
        return os.path.join(self.root, ".cache", "profiles")

    def generations_folder(self, distribution: str, arch: str) -> str:
        return tree_paths.generations_folder(self.root, distribution, arch)

    def generation_folder(self, distribution: str, arch: str, generation: str) -> str:
        return tree_paths.generation_folder(self.root, distribution, arch, generation)

    def published_link(self, distribution: str, arch: str) -> str:
        return tree_paths.published_link(self.root, distribution, arch)


def import_package(path: str, package: Package, pool: str, where: str, *, copy: bool) -> bool:
    """Link or copy a local file into the pool if its checksum is right.

    where  names the file in errors
    copy   the file may be written to later, so do not share it with the pool

    Returns False when the pool already contains the package.  Raises NotFound, or DescriptionError
    when the content differs from the metadata.
    """
    target = pool_path(pool, package.checksum)
    if os.path.exists(target):
        return False
    aside = os.path.join(pool, NEW, f"{package.checksum}-{os.getpid()}")
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise DescriptionError("it is not a regular file", where, "copy the package again")
        link_or_copy(path, aside, copy=copy)
    except FileNotFoundError:
        raise NotFound(
            "file not found", where, "the metadata lists it: create the metadata again"
        ) from None
    actual = file_digest(aside, package.checksum_type)
    if actual != package.checksum:
        os.unlink(aside)
        what = (
            f"its {package.checksum_type} is {actual[:16]}…,"
            f" the metadata states {package.checksum[:16]}…"
        )
        raise DescriptionError(what, where, "the file is damaged or was changed; copy it again")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    os.rename(aside, target)
    return True


def link_or_copy(path: str, target: str, *, copy: bool) -> None:
    """Link a file, or a copy of it, to ``target``, which is replaced if it exists."""
    folder, name = os.path.split(target)
    os.makedirs(folder, exist_ok=True)
    aside = os.path.join(folder, f"{files.ASIDE_PREFIX}{name}-{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(aside)
    if copy or not _try_link(path, aside):
        _copy(path, aside)
    os.rename(aside, target)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(aside)  # rename(2) leaves both names when they are links to one file


def file_digest(path: str, kind: str = "sha256") -> str:
    """Return the checksum of a file's content in hexadecimal; ``kind`` is a key of DIGESTS."""
    state = hashlib.new(DIGESTS[kind].hashlib_name)
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            state.update(piece)
    return state.hexdigest()


def create_set(
    store: StorePaths, name: str, packages: Sequence[Package], file_names: Sequence[str]
) -> bool:
    """Create the set ``name``, a folder of links to packages in the pool.

    file_names  name of each package in the folder

    Returns False when the set exists.
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
    """Flush new files and folders to the disk, several at a time."""
    if len(paths) > MAX_SINGLE_FLUSHES:
        from .staging import sync_file_system

        sync_file_system(root)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(FLUSH_THREADS) as threads:
        for future in [threads.submit(_flush_file, path) for path in paths]:
            future.result()


def _flush_file(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def linked_sets(generation: str) -> set[str]:
    """Return the sets that a generation links, in either layout.

    A generation that another process removes at this moment links none.
    """
    sets = set()
    for folder in (os.path.join(generation, name) for name in LINKED):
        for name in _names(folder):
            with contextlib.suppress(FileNotFoundError):
                sets.add(_set_of(f"{folder}/{name}"))
    return sets


def _set_of(path: str) -> str:
    """Return the name of the set that a link, or each link in a folder, leads to."""
    try:
        return os.readlink(path).rpartition("/")[2]
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    # A folder: in the layout "symlink" every file is a link into the set.
    target = os.readlink(os.path.join(path, os.listdir(path)[0]))
    return os.path.basename(os.path.dirname(target))


def remove_sets(store: StorePaths, unused: Mapping[str, Iterable[str]]) -> None:
    """Remove sets that no generation uses, and those of their packages that are in no other set.

    unused  name of a set -> the checksums of its packages

    The caller must hold the exclusive lock, because packages of a current build are in no set yet.
    """
    for name in sorted(unused):
        _remove_set(store, name)
    checksums = {checksum for packages in unused.values() for checksum in packages}
    for path in sorted(pool_path(store.pool, checksum) for checksum in checksums):
        with contextlib.suppress(FileNotFoundError):
            if os.stat(path).st_nlink == 1:
                os.unlink(path)


def _remove_set(store: StorePaths, name: str) -> None:
    """Rename a set, then remove it: a builder that finds its name finds all of its packages."""
    aside = os.path.join(store.sets, files.ASIDE_PREFIX + name.removeprefix(files.ASIDE_PREFIX))
    shutil.rmtree(aside, ignore_errors=True)  # left by an interrupted removal
    with contextlib.suppress(FileNotFoundError):  # removed by the previous holder of the lock
        os.rename(os.path.join(store.sets, name), aside)
        shutil.rmtree(aside)


def request_gc(store: StorePaths) -> str:
    """Create a file that requests garbage collection, and return its path.

    Create it before sets or packages can become unused: if the process is killed, the file remains,
    and the next run collects the garbage.
    """
    os.makedirs(store.pool, exist_ok=True)
    descriptor, request = tempfile.mkstemp(prefix=GC_REQUEST, dir=store.pool)
    os.close(descriptor)
    return request


def pending_gc(store: StorePaths) -> set[str]:
    """Return the paths of all requests for garbage collection."""
    return {
        os.path.join(store.pool, name) for name in _names(store.pool) if name.startswith(GC_REQUEST)
    }


def cancel_gc(request: str) -> None:
    """Remove a request for garbage collection."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(request)


@contextlib.contextmanager
def gc_on_failure(store: StorePaths) -> Iterator[None]:
    """Request garbage collection for the case that the block raises or the process is killed."""
    request = request_gc(store)
    yield
    cancel_gc(request)


def collect_garbage(store: StorePaths, used_sets: Callable[[], Iterable[str]]) -> None:
    """Remove all other sets than ``used_sets`` returns, and all packages that are in no set.

    The caller must hold the exclusive lock.
    """
    # Read the requests first: a later one can be about a set that was in use when it was looked at.
    requests = pending_gc(store)
    used = set(used_sets())
    for name in _names(store.sets):
        if name not in used:
            _remove_set(store, name)
    for folder in _names(store.pool):
        if len(folder) == 2:
            _remove_unlinked(os.path.join(store.pool, folder))
    for request in requests:
        cancel_gc(request)


def _remove_unlinked(folder: str) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.stat(follow_symlinks=False).st_nlink == 1:
                os.unlink(entry.path)


def remove_leftovers(store: StorePaths) -> bool:
    """Remove the unfinished files of killed builders, and return whether garbage must be collected.

    The caller must hold the exclusive lock.
    """
    unfinished = os.path.join(store.pool, NEW)
    has_unfinished = bool(_names(unfinished))
    if has_unfinished:
        shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(store.scratch, ignore_errors=True)
    for cache in ("builds", "headers", "trees"):
        for folder, _folders, names in os.walk(os.path.join(store.cache, cache)):
            for name in names:
                if name.startswith(files.ASIDE_PREFIX):
                    os.unlink(os.path.join(folder, name))
    return has_unfinished or bool(pending_gc(store))


@contextlib.contextmanager
def shared_lock(store: StorePaths) -> Iterator[None]:
    """Hold the lock of a build: several builds can run, but no garbage collection."""
    os.makedirs(store.root, exist_ok=True)
    with files.lock(_lock(store), wait=GC_TIMEOUT, shared=True):
        yield


@contextlib.contextmanager
def exclusive_lock(store: StorePaths) -> Iterator[None]:
    """Hold the lock that excludes all builds.  Raises Conflict at once when a build is running."""
    os.makedirs(store.root, exist_ok=True)
    with files.lock(_lock(store)):
        yield


def _lock(store: StorePaths) -> str:
    return os.path.join(store.root, ".lock")


def _try_link(path: str, target: str) -> bool:
    """Link the file, and return whether the file system can."""
    try:
        os.link(os.path.realpath(path), target)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            return False
        raise
    return True


def _copy(path: str, target: str) -> None:
    """Share the blocks of the file if the file system can, or else copy them."""
    with open(path, "rb") as source, open(target, "xb") as copy:
        try:
            fcntl.ioctl(copy.fileno(), FICLONE, source.fileno())
        except OSError:
            shutil.copyfileobj(source, copy, CHUNK)


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
