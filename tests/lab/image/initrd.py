# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stage 1: an initramfs of busybox, curl and the drivers of a virtual machine."""

from __future__ import annotations

import gzip
import pathlib
import re
import shutil

from ansible_collections.npaci.rocks.plugins.module_utils import process

from ..distribution import kernel, sources
from . import stage2

HERE = pathlib.Path(__file__).parent
DIRECTORIES = (
    "bin",
    "dev",
    "etc",
    "lib",
    "lib64",
    "modules",
    "proc",
    "root",
    "run",
    "sys",
    "sysroot",
    "tmp",
    "usr/bin",
)
# What it takes to get stage 2 and mount it, and what finds disks; file systems are loaded when they
# are mounted.
MODULES = (
    "virtio_pci", "virtio_net", "virtio_blk", "virtio_scsi", "sd_mod", "sr_mod", "isofs", "nvme", "virtio_console", "virtio-rng", "af_packet",
    "loop", "squashfs", "overlay", "efivarfs",
)  # fmt: skip
BUILDSTAMP = "[Main]\nProduct=Lab Enterprise Linux\nVersion={release}\nIsFinal=True\nUUID=202311140000.x86_64\n"
SECONDS = 60.0


def make(path: pathlib.Path, release: str, work: pathlib.Path) -> None:
    """Write the initrd of ``release`` to ``path``."""
    root = work / "initrd"
    lay_out(root)
    (root / ".buildstamp").write_text(BUILDSTAMP.format(release=release))
    version = next((sources.sources() / "kernel/lib/modules").iterdir()).name
    tree = sources.sources() / "kernel"
    for number, module in enumerate(kernel.load_order(tree, version, MODULES), 100):
        shutil.copy(module, root / "modules" / f"{number}-{module.name}")
    names = "".join(f"{found.relative_to(root)}\n" for found in sorted(root.rglob("*")))
    archive = work / "initrd.cpio"
    argv = ["cpio", "--create", "--format=newc", "--owner=+0:+0", "--quiet", "--file", str(archive)]
    process.run(argv, timeout=SECONDS, stdin=names, cwd=str(root))
    path.write_bytes(gzip.compress(archive.read_bytes(), 1, mtime=0))


def lay_out(root: pathlib.Path) -> None:
    """Programs, libraries and scripts of stage 1, without drivers: what a light node starts with,
    too.
    """
    for name in DIRECTORIES:
        (root / name).mkdir(parents=True, exist_ok=True)
    environment = stage2.root()
    shutil.copy(environment / "usr/bin/busybox", root / "bin/busybox")
    listed = process.run([str(root / "bin/busybox"), "--list"], timeout=SECONDS).stdout.split()
    for name in listed:
        # It lists itself: a link of that name would replace the program by a loop.
        if name != "busybox":
            (root / "bin" / name).symlink_to("busybox")
    _copy_program(environment, root, "/usr/bin/curl")
    shutil.copytree(HERE / "stage1", root, dirs_exist_ok=True)


def _copy_program(source: pathlib.Path, root: pathlib.Path, program: str) -> None:
    """Copy a program and the libraries that its loader finds for it."""
    shown = process.run(["chroot", str(source), "ldd", program], timeout=SECONDS).stdout
    for path in [program, *re.findall(r"(/\S+) \(0x", shown)]:
        target = root / path[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / path[1:], target)
