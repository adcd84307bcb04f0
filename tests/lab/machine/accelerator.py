# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Use KVM if a guest really runs under it, else emulation.

An accessible device is not enough: under a software KVM no guest gets beyond its firmware. So a
guest is booted, once per boot of this host.
"""

from __future__ import annotations

import os
import pathlib
import subprocess

from .. import cache
from ..image.tree import IMAGES, tree
from .hardware import ACCELERATION, KVM, TCG

DEVICE = pathlib.Path("/dev/kvm")
BOOT_ID = pathlib.Path("/proc/sys/kernel/random/boot_id")
PROBE_SECONDS = 20.0
PROOF = "the guest runs"


def accelerator() -> str:
    """Return ``kvm`` or ``tcg``; the result of the first call is kept until the host reboots."""
    if not os.access(DEVICE, os.W_OK):
        return TCG
    record = cache.folder() / "accelerator"
    boot = BOOT_ID.read_text().strip()
    result = record.read_text().split() if record.exists() else []
    if result[:1] != [boot]:
        result = [boot, KVM if _guest_runs() else TCG]
        record.write_text(" ".join(result) + "\n")
    return result[1]


def _guest_runs() -> bool:
    images = tree()
    argv = ["qemu-system-x86_64", "-machine", "q35", *ACCELERATION[KVM], "-m", "512",
            "-nographic", "-no-reboot", "-nic", "none",
            "-kernel", str(images / IMAGES["kernel"]), "-initrd", str(images / IMAGES["initrd"]),
            "-append", "console=ttyS0 quiet inst.lab.probe"]  # fmt: skip
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return PROOF.encode() in done.stdout
