# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How each release's installer is started: the kernel's arguments, and the words of the GRUB that boots it.

One row per family; where a release differs, its row says so, and no code does.
"""

from __future__ import annotations

from typing import NamedTuple


class Installer(NamedTuple):
    """A family of releases.

    arguments  of the kernel; {url} is the frontend, {host} its address, {tree} the generation, {mac} the MAC of the
               interface that the machine booted by, with dashes
    efi_verbs  what GRUB's commands for kernel and initial RAM disk are called under UEFI
    """

    arguments: tuple[str, ...]
    efi_verbs: tuple[str, str] = ("linux", "initrd")


# anaconda's boot options: inst.ks.sendmac sends the MAC headers, inst.syslog the installer's logs as they are written,
# BOOTIF names the interface that the machine booted by: of several it is the one that reaches the frontend.
USUAL = (
    "inst.ks={url}/rocks/kickstart",
    "inst.ks.sendmac",
    "inst.repo={tree}",
    "inst.stage2={tree}",
    "inst.syslog={host}:514",
    "ip=dhcp",
    "BOOTIF=01-{mac}",
)
# Until EL 8 only `linuxefi` starts a kernel under Secure Boot; later GRUBs know one command.
OLD_VERBS = ("linuxefi", "initrdefi")

INSTALLERS = {
    "rhel7": Installer(USUAL, OLD_VERBS),
    "rhel8": Installer(USUAL, OLD_VERBS),
    "rhel9": Installer(USUAL),
    "rhel10": Installer(USUAL),
    "fedora": Installer(USUAL),
}


def installer(release: str) -> Installer:
    """The row of a release (``rhel9``, ``fedora42``); an unknown one is like the newest."""
    family = "fedora" if release.startswith("fedora") else release
    return INSTALLERS.get(family, INSTALLERS["fedora"])
