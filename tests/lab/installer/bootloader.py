# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""GRUB on the disk of the installed machine, for BIOS and for UEFI."""

from __future__ import annotations

import pathlib
import shutil
from typing import Any

from . import disks, screen
from .model import InstallError, Plan
from .programs import SYSROOT, run

# Arguments that anaconda copies from its own command line.
PRESERVED = ("console=", "net.ifnames=", "biosdevname=", "nomodeset", "mitigations=", "quiet")
ID = "lab"
CONFIGURATION = """\
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
load_env
set default=0
if [ "${{next_entry}}" ] ; then
    set default="${{next_entry}}"
    set next_entry=
    save_env next_entry
fi
set timeout={timeout}
menuentry "{title}" --id {version} {{
    search --no-floppy --fs-uuid --set=root {boot_uuid}
    linux {prefix}/vmlinuz-{version} root=UUID={root_uuid} ro {arguments}
    initrd {prefix}/initramfs-{version}.img
}}
if [ -f $prefix/custom.cfg ]; then
    source $prefix/custom.cfg
fi
"""


def install(kickstart: Any, plan: Plan) -> None:
    """Install GRUB and its configuration where the bootloader command requires it."""
    command = kickstart.bootloader
    if command.disabled or command.location == "none":
        return
    if plan.boot_disk is None:
        raise InstallError("bootloader: the boot disk is unknown.")
    screen.show("Installing boot loader")
    target = ["--target=x86_64-efi", f"--bootloader-id={ID}", f"--efi-directory={SYSROOT}/boot/efi"]
    argv = target if disks.efi() else ["--target=i386-pc", f"/dev/{plan.boot_disk}"]
    run(["grub-install", "--recheck", f"--boot-directory={SYSROOT}/boot", *argv])
    if disks.efi():
        _install_fallback(SYSROOT / "boot/efi/EFI")
    text = _configuration(plan, command.appendLine, command.timeout or 0)
    (SYSROOT / "boot/grub/grub.cfg").write_text(text)
    grub2 = SYSROOT / "boot/grub2"
    if not grub2.exists():
        grub2.symlink_to("grub")


def _install_fallback(folder: pathlib.Path) -> None:
    """Install what firmware starts from a disk without a boot entry, as Red Hat's shim does too."""
    (folder / "BOOT").mkdir(exist_ok=True)
    shutil.copy(folder / ID / "grubx64.efi", folder / "BOOT/BOOTX64.EFI")


def kernel_version() -> str:
    """Return the newest kernel of the installed system."""
    versions = sorted(path.name.partition("-")[2] for path in (SYSROOT / "boot").glob("vmlinuz-*"))
    if not versions:
        raise InstallError("No kernel was installed.")
    return versions[-1]


def arguments(append: str) -> str:
    """Return the arguments of the installed kernel, without its root."""
    installer_words = pathlib.Path("/proc/cmdline").read_text().split()
    words = [word for word in installer_words if word.startswith(PRESERVED)] + (
        append or ""
    ).split()
    return " ".join(dict.fromkeys(words))


def _configuration(plan: Plan, append: str, timeout: int) -> str:
    root = plan.at("/")
    boot = plan.at("/boot")
    if root is None:
        raise InstallError("bootloader: the root file system is missing.")
    release = dict(
        line.split("=", 1)
        for line in (SYSROOT / "etc/os-release").read_text().splitlines()
        if "=" in line
    )
    return CONFIGURATION.format(
        timeout=timeout,
        title=release.get("PRETTY_NAME", "Linux").strip('"'),
        version=kernel_version(),
        boot_uuid=disks.uuid((boot or root).device),
        root_uuid=disks.uuid(root.device),
        prefix="" if boot else "/boot",
        arguments=arguments(append),
    )
