"""A scratch root: the host's programs, and folders of its own; nothing outside can be changed.

A script runs in it with no network but its own loopback, no other process, and no device but
/dev/null.  What it writes below /usr is a layer of the root's own.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import stat
from typing import NamedTuple

from ansible_collections.npaci.rocks.plugins.module_utils import process

OWN = ("dev", "etc", "tmp", "root", "var/log", "opt", "boot", "lib/svc/method", "export")
LAYER = ".usr"
ENTER = f"""
set -e
mount --make-rprivate /
mkdir -p "$1/{LAYER}/upper" "$1/{LAYER}/work"
mount -t overlay -o lowerdir=/usr,upperdir="$1/{LAYER}/upper",workdir="$1/{LAYER}/work" overlay "$1/usr"
ip link set lo up
mount -t tmpfs none "$1/dev"; mknod -m 666 "$1/dev/null" c 1 3
cd "$1"; exec chroot . /bin/bash -s
"""
NAMESPACES = ("--mount", "--pid", "--uts", "--ipc", "--net", "--fork", "--kill-child")


class Entry(NamedTuple):
    """The permissions and the content of a file."""

    mode: int
    content: bytes


def make(folder: pathlib.Path) -> pathlib.Path:
    """Create an empty scratch root in ``folder``."""
    for name in (*OWN, "usr"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib64"):
        (folder / name).symlink_to(f"usr/{name}")
    for name in os.listdir("/lib"):
        if not (folder / "lib" / name).exists():
            (folder / "lib" / name).symlink_to(f"/usr/lib/{name}")
    # The targets of many programs' links.
    shutil.copytree(
        "/etc/alternatives", folder / "etc/alternatives", symlinks=True, dirs_exist_ok=True
    )
    for name in ("passwd", "group"):
        (folder / "etc" / name).write_bytes(pathlib.Path("/etc", name).read_bytes())
    return folder


def run(root: pathlib.Path, script: str, seconds: float = 60) -> process.ProgramResult:
    """Run a script with bash in the scratch root, to its end, whatever its status."""
    argv = ["unshare", *NAMESPACES, "bash", "-c", ENTER, "enter", str(root)]
    return process.run(
        argv, stdin=script or ":", timeout=seconds, ok=range(256), env={"HOME": "/root"}
    )


def files(root: pathlib.Path) -> dict[str, Entry]:
    """Return all files of the root's own folders."""
    entries = {}
    for name in OWN:
        for path in sorted((root / name).rglob("*")):
            state = path.lstat()
            if stat.S_ISREG(state.st_mode):
                entries[f"/{path.relative_to(root)}"] = Entry(
                    stat.S_IMODE(state.st_mode), path.read_bytes()
                )
    return entries
