# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read and replace whole files, so that a reader sees the old content or the new one and never a part.

Every write of the rooms goes aside, is flushed to the disk, and takes its name in one rename.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from typing import Callable, Iterator, Optional, Union

from .errors import Conflict, DescriptionError, NotFound

ASIDE_PREFIX = ".rocks-new-"


def read_text(path: str) -> str:
    """The content of a UTF-8 file.  Raises NotFound, or DescriptionError that names the line of a wrong byte."""
    data = read_bytes(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DescriptionError(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            f"{path}:{line}",
            "save the file as UTF-8",
        ) from None


def read_bytes(path: str) -> bytes:
    """The content of a file.  Raises NotFound, or DescriptionError when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise NotFound("no such file", path) from None
    except OSError as error:
        raise DescriptionError(f"cannot be read ({error.strerror})", path) from error


def replace(path: str, content: Union[str, bytes], mode: Optional[int] = None) -> bool:
    """Give ``path`` this content in one step; False when it has it already, and nothing is written then.

    mode  permission bits; None keeps those of the file that is replaced, or 0644 for a new one

    The directory must exist.  Owner and group of a replaced file are kept where the caller may set them.  Raises
    DescriptionError when nothing can be written there.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    before = _stat(path)
    wanted = mode if mode is not None else (before.st_mode & 0o7777 if before else 0o644)
    if (
        before
        and before.st_mode & 0o7777 == wanted
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
            os.fchmod(descriptor, wanted)
            if before and (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(PermissionError):
                    os.fchown(descriptor, before.st_uid, before.st_gid)
            file.flush()
            os.fsync(descriptor)
        os.rename(aside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)
        raise
    sync_directory(directory)
    return True


def sync_directory(path: str) -> None:
    """Make the names in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def lock(path: str, wait: float = 0.0, *, shared: bool = False) -> Iterator[None]:
    """Hold ``path`` alone; the kernel releases it however the holder ends.

    wait    seconds to wait for another holder.  Raises Conflict when it is still held then.
    shared  hold it together with others who share it, against those who want it alone
    """
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        take(
            lambda: fcntl.flock(descriptor, mode | fcntl.LOCK_NB),
            wait,
            Conflict(
                f"held by another process after {wait:g} s",
                path,
                "wait for it to end, then run again",
            ),
        )
        yield
    finally:
        os.close(descriptor)


def take(attempt: Callable[[], object], wait: float, conflict: Conflict) -> None:
    """Repeat ``attempt``, a request for a lock that does not block, while another process holds the lock.

    wait  seconds; then ``conflict`` is raised
    """
    deadline = time.monotonic() + wait
    while True:
        try:
            attempt()
            return
        except (BlockingIOError, PermissionError):  # fcntl(2) may say either
            if time.monotonic() >= deadline:
                raise conflict from None
            time.sleep(0.05)  # the kernel's locks have no time limit of their own


def _stat(path: str) -> Optional[os.stat_result]:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
