"""A node's key survives a power cut at any moment of a reinstallation.

The preserved partition is a loop device whose file is on a file system with reflinks: a clone of
the file is what the disk contains at that moment, without unmounting anything. At every moment of
reinstallations the disk is cloned; then each clone is a disk after a power cut, and the real %pre
of the next installation reads the key from it.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import fcntl
import os
import pathlib
import shutil
import subprocess
from typing import Any, Callable, Iterator, NamedTuple

import progress
import pytest

from support.profiles import PROGRAMS, kickstart, scripts

LABEL = "RK_STATE1"
DISK_MIB = 320
HOST_MIB = 2048
SECONDS = 120
LEAST_MOMENTS = 50
MAKE = {"xfs": ["mkfs.xfs", "-q", "-L", LABEL], "ext4": ["mkfs.ext4", "-q", "-F", "-L", LABEL]}
FICLONE = 0x40049409  # ioctl_ficlone(2)
OLD = "0" * 64
NEW = "1" * 64
STEPS = (("the same key", OLD), ("a new key", NEW), ("the new key again", NEW))
CLONE_NEWNS = 0x20000  # unshare(2)
LIBC = ctypes.CDLL(None, use_errno=True)
IOCTL = fcntl.ioctl  # a test replaces fcntl's own by a function that clones the disk
SYSTEM_CALLS = ((os, "open"), (os, "fsync"), (os, "rename"), (os, "close"), (fcntl, "ioctl"))


class Moment(NamedTuple):
    """A clone of the disk, and the keys that the next installation can accept there."""

    name: str
    clone: pathlib.Path
    keys: frozenset[str]


class Disk:
    """The preserved partition, with its file system mounted, and its clones."""

    def __init__(self, file: pathlib.Path, root: pathlib.Path) -> None:
        self.file = file
        self.root = root
        self.moments: list[Moment] = []
        self.keys = frozenset((OLD,))

    @property
    def key(self) -> pathlib.Path:
        return self.root / "rocks/node.key"

    def cut(self, name: str) -> None:
        """Clone the disk as it would be after a power cut now."""
        clone = self.file.with_name(f"moment-{len(self.moments):03}")
        with self.file.open("rb") as source, clone.open("wb") as target:
            IOCTL(target.fileno(), FICLONE, source.fileno())
        self.moments.append(Moment(name, clone, self.keys))


def sh(*argv: str) -> str:
    """Run a program that must succeed, and return its output."""
    return subprocess.run(
        argv, capture_output=True, text=True, check=True, timeout=SECONDS
    ).stdout.strip()


@contextlib.contextmanager
def loop(file: pathlib.Path) -> Iterator[str]:
    device = sh("losetup", "--find", "--show", str(file))
    try:
        yield device
    finally:
        sh("losetup", "--detach", device)


@contextlib.contextmanager
def mounted(file: pathlib.Path, point: pathlib.Path) -> Iterator[None]:
    with loop(file) as device:
        sh("mount", device, str(point))
        try:
            yield
        finally:
            sh("umount", str(point))


def blank(file: pathlib.Path, mib: int) -> pathlib.Path:
    with file.open("wb") as new:
        new.truncate(mib << 20)
    return file


@contextlib.contextmanager
def folder_with_reflinks(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield a folder on a file system with reflinks."""
    file = blank(tmp_path / "host", HOST_MIB)
    sh("mkfs.xfs", "-q", "-m", "reflink=1", str(file))
    folder = tmp_path / "folder"
    folder.mkdir()
    with mounted(file, folder):
        yield folder


def isolated(body: Callable[[], None]) -> None:
    """Run ``body`` in a thread with a mount namespace of its own.

    Otherwise a process that copies this one's namespace meanwhile would keep the disks mounted.
    """

    def run() -> None:
        assert LIBC.unshare(CLONE_NEWNS) == 0, os.strerror(ctypes.get_errno())
        sh("mount", "--make-rprivate", "/")
        body()

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


def at_each_system_call(
    monkeypatch: pytest.MonkeyPatch, disk: Disk, label: str, action: Callable[[], object]
) -> None:
    """Run ``action``, and clone the disk before and after each of its system calls."""

    def watched(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            disk.cut(f"{label}: before {name}")
            try:
                return original(*arguments, **options)
            finally:
                disk.cut(f"{label}: after {name}")

        return call

    with monkeypatch.context() as patch:
        for module, name in SYSTEM_CALLS:
            patch.setattr(module, name, watched(name, getattr(module, name)))
        action()


@pytest.fixture
def reading(tmp_path: pathlib.Path) -> Callable[[str], str]:
    """Return a function that runs the %pre of the next installation; it returns the key."""
    (script,) = (
        section.text
        for section in scripts(kickstart("compute", "rhel9"), "rhel9")
        if section.kind == "pre" and section.node == "secrets"
    )
    run = tmp_path / "run"
    shutil.copytree(PROGRAMS, run / "bin")
    (run / "bin/fetch-secrets").chmod(0o755)
    programs = tmp_path / "bin"
    programs.mkdir()

    def read(device: str) -> str:
        (run / "secrets-fetched").touch()  # the frontend is not part of this test
        (run / "node.key").unlink(missing_ok=True)
        blkid = programs / "blkid"
        blkid.write_text(f"#!/bin/sh\necho {device}\n", encoding="utf-8")
        blkid.chmod(0o755)
        prepare = f"mkdir -p /run/rocks; mount --bind {run} /run/rocks; exec bash -s"
        subprocess.run(
            ["unshare", "--mount", "bash", "-c", prepare],
            input=script,
            text=True,
            check=True,
            timeout=SECONDS,
            env={"PATH": f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        key = run / "node.key"
        return key.read_text(encoding="utf-8") if key.exists() else ""

    return read


def write_files(disk: Disk, label: str) -> None:
    """Write what else an installation writes: files and folders that nobody synchronizes."""
    for number in range(200):
        if number % 25 == 0:
            disk.cut(f"{label} ({number} files)")
        path = disk.root / f"home/user{number}/file"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("data\n" * 100, encoding="utf-8")


def reinstall(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, source: pathlib.Path, key: str, label: str
) -> None:
    """Do to the preserved partition what a reinstallation does that receives this key."""
    source.write_text(key, encoding="utf-8")
    write_files(disk, f"{label}: packages are installed")
    disk.keys |= {key}
    at_each_system_call(
        monkeypatch, disk, label, lambda: progress.store_key(str(source), str(disk.key))
    )
    disk.keys = frozenset((key,))
    write_files(disk, f"{label}: later scripts")


@pytest.mark.parametrize("fstype", ["xfs", "ext4"])
def test_the_key_is_read_after_a_power_cut_at_every_moment(
    tmp_path: pathlib.Path,
    reading: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    fstype: str,
) -> None:
    def body() -> None:
        with disk_with_old_key(tmp_path, fstype) as disk:
            for label, key in STEPS:
                with mounted(disk.file, disk.root):
                    reinstall(disk, monkeypatch, tmp_path / "node_key", key, label)
                disk.cut(f"{label}: unmounted")
            assert len(disk.moments) >= LEAST_MOMENTS
            assert unread_keys(disk, reading) == {}

    isolated(body)


@pytest.mark.parametrize("fstype", ["xfs", "ext4"])
def test_a_key_that_is_only_in_the_log_is_read(
    tmp_path: pathlib.Path, reading: Callable[[str], str], fstype: str
) -> None:
    """Earlier releases stored the key with sync alone, which writes the log."""

    def body() -> None:
        with disk_with_old_key(tmp_path, fstype) as disk:
            with mounted(disk.file, disk.root):
                disk.key.with_suffix(".new").write_text(NEW, encoding="utf-8")
                disk.key.with_suffix(".new").rename(disk.key)
                sh("sync", str(disk.key), str(disk.key.parent))
                disk.keys = frozenset((NEW,))
                disk.cut("synchronized")
            assert unread_keys(disk, reading) == {}

    isolated(body)


@contextlib.contextmanager
def disk_with_old_key(tmp_path: pathlib.Path, fstype: str) -> Iterator[Disk]:
    """Yield the disk of a node that was installed and shut down."""
    with folder_with_reflinks(tmp_path) as folder:
        file = blank(folder / "disk", DISK_MIB)
        sh(*MAKE[fstype], str(file))
        root = tmp_path / "state"
        root.mkdir()
        with mounted(file, root):
            (root / "rocks").mkdir(mode=0o700)
            (root / "rocks/node.key").write_text(OLD, encoding="utf-8")
        yield Disk(file, root)


def unread_keys(disk: Disk, reading: Callable[[str], str]) -> dict[str, str]:
    """Return the moments after which the next installation does not read a right key."""
    faults = {}
    for moment in disk.moments:
        with loop(moment.clone) as device:
            key = reading(device)
        if key not in moment.keys:
            faults[moment.name] = key or "no key"
    return faults


def test_an_equal_key_is_not_written_again(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "node_key"
    target = tmp_path / "state/rocks/node.key"
    source.write_text(OLD, encoding="utf-8")
    assert progress.store_key(str(source), str(target)) == 0
    before = target.stat()
    assert progress.store_key(str(source), str(target)) == 0
    after = target.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert (before.st_mode & 0o777, target.parent.stat().st_mode & 0o777) == (0o600, 0o700)
