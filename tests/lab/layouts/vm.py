# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Boot the guest: stage 2 of the lab's installer, with mdadm, LVM and all RAID levels."""

from __future__ import annotations

import gzip
import json
import pathlib
import shutil
import subprocess
from typing import Any, Mapping

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support.ansible import ROOT

from .. import cache
from ..distribution import archive, kernel, sources
from ..image import stage2
from ..machine.accelerator import accelerator
from ..machine.hardware import ACCELERATION

HERE = pathlib.Path(__file__).parent
MODULES = (
    *("virtio_pci", "virtio_blk", "squashfs", "overlay", "xfs", "ext4"),
    *("raid0", "raid1", "raid10", "raid456", "dm-mod"),
)
PROGRAMS = ("mdadm", "lvm", "dmsetup")
# They name the devices, and assemble arrays; volume groups are activated by systemd, which is not
# here.
RULES = (
    *("55-dm", "56-lvm", "60-persistent-storage-dm", "95-dm-notify"),
    *("63-md-raid-arrays", "64-md-raid-assembly"),
)
NODE_PROGRAMS = "partition*.py"
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib/x86_64-linux-gnu"}
DISKS = 6
DISK_MIB = 1024
SECONDS = 60.0
BOOT_SECONDS = 1500.0
MARK = "RESULT "


def run_layouts(layouts: Mapping[str, str], work: pathlib.Path) -> list[dict[str, Any]]:
    """Install each layout twice in a virtual machine; return the results of guest.py."""
    initrd = work / "initrd"
    _make_initrd(initrd, layouts, work)
    argv = ["qemu-system-x86_64", "-machine", "q35", *ACCELERATION[accelerator()], "-m", "1024",
            "-nographic", "-no-reboot", "-nic", "none",
            "-kernel", str(sources.sources() / "kernel/vmlinuz"), "-initrd", str(initrd),
            "-append", "console=ttyS0 quiet panic=-1",
            "-drive", f"file={stage2.image()},format=raw,if=virtio,readonly=on"]  # fmt: skip
    for number in range(DISKS):
        disk = work / f"disk{number}"
        with disk.open("wb") as file:
            file.truncate(DISK_MIB << 20)
        argv += ["-drive", f"file={disk},format=raw,if=virtio,cache=unsafe"]
    console = work / "console"
    with console.open("wb") as output:
        subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=output, timeout=BOOT_SECONDS, check=True
        )
    text = console.read_text(errors="replace")
    results = [json.loads(line.partition(MARK)[2]) for line in text.splitlines() if MARK in line]
    assert "GUEST ENDED 0" in text, text[-2000:]
    return results


def _make_initrd(path: pathlib.Path, layouts: Mapping[str, str], work: pathlib.Path) -> None:
    root = work / "root"
    for folder in ("dev", "proc", "sys", "modules", "extra", "usr/bin"):
        (root / folder).mkdir(parents=True)
    for link, target in LINKS.items():
        (root / link).symlink_to(target)
    _copy_program("busybox", root)
    shutil.copy(HERE / "init", root / "init")
    (root / "init").chmod(0o755)
    version, tree = _modules()
    for number, module in enumerate(kernel.load_order(tree, version, MODULES), 100):
        shutil.copy(module, root / "modules" / f"{number}-{module.name}")
    extra = root / "extra"
    guest = extra / "usr/lib/lab/layouts"
    guest.mkdir(parents=True)
    shutil.copy(HERE / "guest.py", guest)
    (guest / "layouts.json").write_text(json.dumps(dict(layouts)))
    for program in PROGRAMS:
        _copy_program(program, extra)
    rules = pathlib.Path("usr/lib/udev/rules.d")
    (extra / rules).mkdir(parents=True)
    for name in RULES:
        shutil.copy(f"/{rules}/{name}.rules", extra / rules)
    for file in (ROOT / "xml" / "programs").glob(NODE_PROGRAMS):
        (extra / "usr/lib/lab/rocks").mkdir(exist_ok=True)
        shutil.copy(file, extra / "usr/lib/lab/rocks")
    names = "".join(f"{found.relative_to(root)}\n" for found in sorted(root.rglob("*")))
    archived = work / "initrd.cpio"
    argv = ["cpio", "--create", "--format=newc", "--owner=+0:+0", "--quiet", "--file"]
    process.run([*argv, str(archived)], timeout=SECONDS, stdin=names, cwd=str(root))
    path.write_bytes(gzip.compress(archived.read_bytes(), 1, mtime=0))


def _modules() -> tuple[str, pathlib.Path]:
    """Return the kernel's version and a tree with all its modules; the lab has a part of them."""
    version = next((sources.sources() / "kernel/lib/modules").iterdir()).name

    def build(out: pathlib.Path) -> None:
        name = f"linux-image-{version}"
        deb = archive.parse(archive.available()[name])
        package = archive.download([deb], out)[name]
        process.run(["dpkg-deb", "--extract", str(package), str(out)], timeout=SECONDS)
        kernel.depmod(out, version)

    return version, cache.part("modules", cache.key_of(more=[version]), build)


def _copy_program(name: str, root: pathlib.Path) -> None:
    """Copy a program of this machine with its libraries."""
    program = shutil.which(name, path="/usr/sbin:/usr/bin")
    assert program, f"{name} is not installed: tests/install-packages"
    output = process.run(["ldd", program], timeout=SECONDS).stdout
    paths = [word for word in output.split() if word.startswith("/")]
    for path in [program, *paths]:
        source = pathlib.Path(path).resolve()
        target = root / source.relative_to("/").parent / pathlib.Path(path).name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
