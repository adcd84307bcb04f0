# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How each release's installer is started: kernel arguments, and the commands of its GRUB.

There is one row for each family of releases; a difference between releases is data here, never
code.
"""

from __future__ import annotations

from typing import NamedTuple


class Installer(NamedTuple):
    """A family of releases."""

    arguments: tuple[str, ...]
    """Kernel arguments. {url} is the frontend, {host} its address, {tree} the generation, {mac} the
    MAC of the interface that the machine booted from, with dashes."""
    efi_linux: str = "linux"
    """GRUB's command under UEFI that loads a kernel."""
    efi_initrd: str = "initrd"
    """GRUB's command under UEFI that loads an initial RAM disk."""


# anaconda's boot options: inst.ks.sendmac sends the MAC headers, inst.syslog the installer's logs
# as they are written; BOOTIF names the interface that the machine booted from: of several
# interfaces, the one that reaches the frontend.
ANACONDA_ARGUMENTS = (
    "inst.ks={url}/rocks/kickstart",
    "inst.ks.sendmac",
    "inst.repo={tree}",
    "inst.stage2={tree}",
    "inst.syslog={host}:514",
    "ip=dhcp",
    "BOOTIF=01-{mac}",
)
MODERN = Installer(ANACONDA_ARGUMENTS)
# Up to EL 8, only `linuxefi` starts a kernel under Secure Boot; later GRUBs have one command.
WITH_LINUXEFI = Installer(ANACONDA_ARGUMENTS, efi_linux="linuxefi", efi_initrd="initrdefi")

INSTALLERS = {
    "rhel7": WITH_LINUXEFI,
    "rhel8": WITH_LINUXEFI,
    "rhel9": MODERN,
    "rhel10": MODERN,
    "fedora": MODERN,
}


def installer_for(release: str) -> Installer:
    """Return the row of a release (``rhel9``, ``fedora42``), for an unknown one the newest."""
    family = "fedora" if release.startswith("fedora") else release
    return INSTALLERS.get(family, INSTALLERS["fedora"])
