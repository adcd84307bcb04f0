# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A machine without a network starts the installer from a medium (paper, 6.2)."""

from __future__ import annotations

import pathlib
import shutil

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.media.boot_menu import (
    Entry,
    Menu,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.media.iso import make
from lab.image.tree import tree
from lab.machine.accelerator import accelerator
from lab.machine.hardware import ACCELERATION, OVMF_CODE, OVMF_VARIABLES
from support.daemons import daemon
from support.waiting import until

MENU = Menu(
    "ROCKS", (Entry("Install the frontend", kickstart="text\n"),), timeout=0, console="ttyS0"
)
SECONDS = 240
# Printed by the installer's first stage, which detects that the machine has no network.
PROOF = "[stage 1"


@pytest.mark.parametrize("drive", ["cd", "stick"])
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_a_machine_starts_the_installer_from_the_medium(
    folder: pathlib.Path, firmware: str, drive: str
) -> None:
    medium = folder / "rocks.iso"
    console = folder / "console"
    make(str(tree()), str(medium), MENU, packages=False)
    argv = ["qemu-system-x86_64", "-machine", "q35", *ACCELERATION[accelerator()], "-m", "1536"]
    argv += [
        "-display",
        "none",
        "-monitor",
        "none",
        "-nic",
        "none",
        "-no-reboot",
        "-serial",
        f"file:{console}",
    ]
    argv += (
        ["-cdrom", str(medium)]
        if drive == "cd"
        else ["-drive", f"file={medium},format=raw,readonly=on,if=virtio"]
    )
    if firmware == "uefi":
        shutil.copy(OVMF_VARIABLES, folder / "variables")
        argv += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF_CODE}"]
        argv += ["-drive", f"if=pflash,format=raw,file={folder / 'variables'}"]
    console.touch()
    with daemon(argv, folder / "qemu.log"):
        until(
            lambda: PROOF in console.read_text(errors="replace"),
            SECONDS,
            f"{firmware} to start the {drive}",
        )
    output = console.read_text(errors="replace")
    assert (
        "Command line: BOOT_IMAGE=/images/pxeboot/vmlinuz inst.stage2=hd:LABEL=ROCKS "
        "inst.ks=hd:LABEL=ROCKS:/ks/1.cfg" in output
    )
    assert ("efi: EFI v" in output) == (firmware == "uefi")
