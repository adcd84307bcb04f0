# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stock tree for aarch64, for the frontend only: the lab cannot run such machines.

It has all packages that the profiles list, without content, the installer's files, and an EFI image
with boot loaders.
"""

from __future__ import annotations

import configparser
import pathlib
import re

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.profile import installer_packages
from support import rpms

from .. import cache
from ..distribution import comps

ARCH = "aarch64"
RELEASE = "9.4"
SECONDS = 60.0
KERNEL, INITRD, STAGE2, EFI = (
    f"images/{name}"
    for name in ("pxeboot/vmlinuz", "pxeboot/initrd.img", "install.img", "efiboot.img")
)
LOADERS = ("BOOTAA64.EFI", "grubaa64.efi")
EFI_KILOBYTES = 2880
PACKAGE = re.compile(r'<package(?! type="meta")[^>]*>([^<]+)</package>')
MEMBER = re.compile(r"<packagereq[^>]*>([^<]+)<")


def tree(folder: pathlib.Path) -> pathlib.Path:
    """Create the tree in ``folder``."""
    packages = [rpms.Rpm(name, arch=ARCH) for name in sorted(_package_names())]
    release = rpms.Rpm("lab-release", RELEASE, provides=[f"system-release = {RELEASE}"])
    rpms.repository(folder, [*packages, release], extra={"group": comps.text()})
    for path in (KERNEL, INITRD, STAGE2):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"{path} of {ARCH}\n")
    _efi_image(folder / EFI)
    with (folder / ".treeinfo").open("w") as file:
        _treeinfo().write(file)
    return folder


def _package_names() -> set[str]:
    """Return the packages of all node files, of the groups, and of the installer."""
    texts = [path.read_text() for path in sorted((cache.ROOT / "xml/nodes").glob("*.xml"))]
    names = [name for text in texts for words in PACKAGE.findall(text) for name in words.split()]
    names += [*MEMBER.findall(comps.text()), *installer_packages.all_names()]
    return {name for name in names if "&" not in name}


def _efi_image(path: pathlib.Path) -> None:
    """Create a FAT file system with shim and GRUB, as in a vendor's boot image."""
    for name in LOADERS:
        (path.parent / name).write_text(f"{name} of {ARCH}\n")
    with path.open("wb") as file:
        file.truncate(EFI_KILOBYTES << 10)
    for argv in (
        ["mformat", "-i", str(path), "-f", str(EFI_KILOBYTES), "::"],
        ["mmd", "-i", str(path), "::EFI", "::EFI/BOOT"],
        ["mcopy", "-i", str(path), *(str(path.parent / name) for name in LOADERS), "::EFI/BOOT"],
    ):
        process.run(argv, timeout=SECONDS)


def _treeinfo() -> configparser.ConfigParser:
    info = configparser.ConfigParser(interpolation=None)
    family = "Lab Enterprise Linux"
    info.read_dict({
        "header": {"type": "productmd.treeinfo", "version": "1.2"},
        "release": {"name": family, "short": "LAB", "version": RELEASE},
        "tree": {"arch": ARCH, "build_timestamp": "1700000000", "platforms": ARCH,
                 "variants": "BaseOS"},
        "general": {"arch": ARCH, "family": family, "name": f"{family} {RELEASE}",
                    "packagedir": "Packages", "platforms": ARCH, "repository": ".",
                    "timestamp": "1700000000", "variant": "BaseOS", "variants": "BaseOS",
                    "version": RELEASE},
        f"images-{ARCH}": {"kernel": KERNEL, "initrd": INITRD, "efiboot.img": EFI},
        "stage2": {"mainimage": STAGE2},
        "variant-BaseOS": {"id": "BaseOS", "name": "BaseOS", "packages": "Packages",
                           "repository": ".", "type": "variant", "uid": "BaseOS"},
    })  # fmt: skip
    return info
