# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""KVM where a guest really runs under it, else emulation.

A device that opens proves nothing: under a software KVM it opens, and no guest gets beyond its firmware. So a guest
is booted, once per boot of this host.
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
    """``kvm`` or ``tcg``; what an earlier call of this boot found is not tried again."""
    if not os.access(DEVICE, os.W_OK):
        return TCG
    found = cache.folder() / "accelerator"
    boot = BOOT_ID.read_text().strip()
    known = found.read_text().split() if found.exists() else []
    if known[:1] != [boot]:
        known = [boot, KVM if _guest_runs() else TCG]
        found.write_text(" ".join(known) + "\n")
    return known[1]


def _guest_runs() -> bool:
    images = tree()
    argv = ["qemu-system-x86_64", "-machine", "q35", *ACCELERATION[KVM], "-m", "512", "-nographic", "-no-reboot", "-nic", "none",
            "-kernel", str(images / IMAGES["kernel"]), "-initrd", str(images / IMAGES["initrd"]),
            "-append", "console=ttyS0 quiet inst.lab.probe"]  # fmt: skip
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return PROOF.encode() in done.stdout
