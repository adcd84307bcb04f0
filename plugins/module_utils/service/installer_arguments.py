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
# From EL 8 on: an error or a missing answer ends the installation instead of asking a question. The
# option of the kickstart's command `text` has the same effect, but only through dracut.
NEVER_ASK = (*ANACONDA_ARGUMENTS, "inst.noninteractive")
MODERN = Installer(NEVER_ASK)
# Up to EL 8, only `linuxefi` starts a kernel under Secure Boot; later GRUBs have one command.
WITH_LINUXEFI = Installer(NEVER_ASK, efi_linux="linuxefi", efi_initrd="initrdefi")

INSTALLERS = {
    "rhel7": WITH_LINUXEFI._replace(arguments=ANACONDA_ARGUMENTS),
    "rhel8": WITH_LINUXEFI,
    "rhel9": MODERN,
    "rhel10": MODERN,
    "fedora": MODERN,
}


def installer_for(release: str) -> Installer:
    """Return the row of a release (``rhel9``, ``fedora42``), for an unknown one the newest."""
    family = "fedora" if release.startswith("fedora") else release
    return INSTALLERS.get(family, INSTALLERS["fedora"])
