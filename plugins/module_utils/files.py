# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read and replace whole files atomically: a reader sees the old content or the new one, never a
part.

The library writes every file under a temporary name, flushes it to the disk and renames it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from typing import Callable, Iterator, Optional, Union

from .errors import Conflict, DescriptionError, NotFound

ASIDE_PREFIX = ".rocks-new-"


def read_text(path: str) -> str:
    """Return the content of a UTF-8 file.

    Raises NotFound, or DescriptionError with the line of a byte that is not UTF-8.
    """
    return decode(read_bytes(path), path)


def decode(data: bytes, where: str) -> str:
    """Return the text of a UTF-8 file; ``where`` names it in errors.

    Raises DescriptionError with the line of a byte that is not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DescriptionError(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            f"{where}:{line}",
            "save the file as UTF-8",
        ) from None


def read_bytes(path: str) -> bytes:
    """Return the content of a file.

    Raises NotFound, or DescriptionError when it cannot be read.
    """
    try:
        if stat.S_ISFIFO(os.stat(path).st_mode):
            raise DescriptionError("it is a named pipe, not a file", path, "remove it")
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise NotFound("no such file", path) from None
    except OSError as error:
        raise DescriptionError(f"cannot be read ({error.strerror})", path) from error


def replace(
    path: str,
    content: Union[str, bytes],
    mode: Optional[int] = None,
    *,
    mtime: Optional[int] = None,
) -> bool:
    """Replace the content of ``path`` atomically; return False when the file is already the same.

    mode   permission bits; None keeps those of the replaced file, or is 0644 for a new one
    mtime  modification time of a file that is written, in seconds since 1970; None: now

    The directory must exist.  Owner and group of a replaced file are kept where the caller may set
    them.  Raises DescriptionError when the file cannot be written.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    before = _stat(path)
    if before and stat.S_ISDIR(before.st_mode):
        raise DescriptionError("it is a folder", path, "give the path of a file")
    if mode is None:
        mode = before.st_mode & 0o7777 if before else 0o644
    if (
        before
        and before.st_mode & 0o7777 == mode
        and before.st_size == len(data)
        and read_bytes(path) == data
    ):
        return False
    directory = os.path.dirname(os.path.abspath(path))
    try:
        descriptor, aside = tempfile.mkstemp(prefix=ASIDE_PREFIX, dir=directory)
    except OSError as error:
        raise DescriptionError(f"cannot be written ({error.strerror})", path) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(descriptor, mode)
            if before and (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(PermissionError):
                    os.fchown(descriptor, before.st_uid, before.st_gid)
            file.flush()
            if mtime is not None:
                os.utime(descriptor, (mtime, mtime))
            os.fsync(descriptor)
        os.rename(aside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)
        raise
    sync_directory(directory)
    return True


def sync_directory(path: str) -> None:
    """Flush a directory, so that the names in it survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def lock(path: str, wait: float = 0.0, *, shared: bool = False) -> Iterator[None]:
    """Lock ``path``; the kernel releases the lock however the process ends.

    wait    seconds to wait for another holder.  Raises Conflict when the lock is still held then.
    shared  take a shared lock, which excludes only exclusive ones
    """
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        take(
            lambda: fcntl.flock(descriptor, mode | fcntl.LOCK_NB),
            wait,
            Conflict(
                f"still locked by another process after {wait:g} s",
                path,
                "wait until it has ended, then run this again",
            ),
        )
        yield
    finally:
        os.close(descriptor)


def take(attempt: Callable[[], object], wait: float, conflict: Conflict) -> None:
    """Repeat ``attempt``, a non-blocking request for a lock, while another process holds the lock.

    wait  seconds; then ``conflict`` is raised
    """
    deadline = time.monotonic() + wait
    while True:
        try:
            attempt()
            return
        except (BlockingIOError, PermissionError):  # fcntl(2) allows either
            if time.monotonic() >= deadline:
                raise conflict from None
            time.sleep(0.05)  # the kernel's locks have no time limit of their own


def _stat(path: str) -> Optional[os.stat_result]:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
