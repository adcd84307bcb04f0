# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a boot loader is told: start the installer, boot from the local disk, or ask again.

Two forms: an iPXE script, and a configuration for GRUB, which reads it over HTTP from the same address.  Pure text.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional
from urllib.parse import urlsplit

from ..errors import DescriptionError
from .installer_arguments import Installer

IPXE, GRUB = "ipxe", "grub"
FORMS = (IPXE, GRUB)
KERNEL, INITRD = "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"

# What neither loader's language gives a meaning to.
PLAIN = re.compile(r"[A-Za-z0-9_.,:/=@+%\[\]-]+")

DISCOVERY_SECONDS = 15
# How often an unknown machine is asked to wait within this time; then it goes on to its next boot device.  iPXE waits and
# asks again by itself, ten minutes in all; GRUB cannot, and the machine restarts, which may take minutes each time.
DISCOVERY_TRIES = {IPXE: 40, GRUB: 8}
DISCOVERY_WINDOW = 2 * 3600

# GRUB holds the connection over which it reads its configuration until it has run that to the end, and begins with the
# same source port at each start: a machine that restarted from within would meet its own old connection, which the
# server keeps, and get no answer.  The entries of a menu run when the file is closed.
LOCAL = {
    # UEFI goes on to its next boot entry only when the loader says that it failed; SeaBIOS goes on either way.
    IPXE: "#!ipxe\necho {node}: {reason}, booting from the local disk\niseq ${{platform}} efi && exit 1 || exit\n",
    GRUB: 'set timeout=0\nmenuentry "{node}: {reason}, booting from the local disk" {{\n  exit 1\n}}\n',
}
INSTALL = {
    IPXE: (
        "#!ipxe\necho {node}: installing {distribution} {generation}\n"
        "kernel {tree}/{kernel} initrd=initrd.img {arguments}\ninitrd --name initrd.img {tree}/{initrd}\nboot\n"
    ),
    GRUB: (
        'set timeout=0\nmenuentry "{node}: installing {distribution} {generation}" {{\n'
        '  if [ "$grub_platform" = efi ]; then\n'
        "    {efi_linux} {place}/{kernel} {arguments}\n    {efi_initrd} {place}/{initrd}\n"
        "  else\n    linux {place}/{kernel} {arguments}\n    initrd {place}/{initrd}\n  fi\n}}\n"
    ),
}
# The lease is asked for again as well: a machine that was just entered gets its own address then.  The script replaces
# itself: a script that was called would end in the one that called it.
WAITING = "no node has {address}: waiting for rocks_insert_ethers, or rocks_interface for a further interface"
DISCOVERY = {
    IPXE: (
        f"#!ipxe\necho {WAITING}\nsleep {{seconds}}\ndhcp || exit 1\n"
        "chain --replace {url}/rocks/boot?form=ipxe || exit 1\n"
    ),
    GRUB: f'set timeout={{seconds}}\nmenuentry "{WAITING}" {{{{\n  reboot\n}}}}\n',
}


class Start(NamedTuple):
    """All that an installation is started with.

    mac    of the interface that the machine booted by; empty: the installer tries all that it has
    tree   URL of the pinned generation
    extra  further kernel arguments of the node, in order
    """

    node: str
    mac: str
    distribution: str
    generation: str
    url: str
    tree: str
    installer: Installer
    extra: tuple[str, ...] = ()


def form(asked: str, agent: str) -> Optional[str]:
    """The loader's language: what it asks for, else what its name for itself tells; None when neither does."""
    if asked:
        return asked if asked in FORMS else None
    return next((known for known in FORMS if agent.lower().startswith(known)), None)


def install(form: str, start: Start) -> str:
    """Start the installer.  Raises DescriptionError when a node's argument would mean something to the loader."""
    arguments = kernel_arguments(start)
    return INSTALL[form].format(
        **start._asdict(),
        arguments=" ".join(arguments),
        kernel=KERNEL,
        initrd=INITRD,
        place=_grub_place(start.tree),
        efi_linux=start.installer.efi_verbs[0],
        efi_initrd=start.installer.efi_verbs[1],
    )


def kernel_arguments(start: Start) -> tuple[str, ...]:
    """The kernel's arguments of this installation; a kexec into the installer uses the same."""
    usual = [
        text.format(
            url=start.url,
            host=urlsplit(start.url).hostname,
            tree=start.tree,
            mac=start.mac.replace(":", "-"),
        )
        for text in start.installer.arguments
        if start.mac or "{mac}" not in text
    ]
    for text in start.extra:
        if not PLAIN.fullmatch(text):
            raise DescriptionError(
                f"the kernel argument {text!r} has characters that a boot loader would read as its own",
                start.node,
                "its attributes installer_console and installer_arguments take letters, digits and _.,:/=@+%[]-",
            )
    return (*usual, *start.extra)


def local(form: str, node: str, reason: str) -> str:
    """Boot from the local disk.  ``reason`` is ours: it holds nothing that a loader would read."""
    return LOCAL[form].format(node=node, reason=reason)


def discovery(form: str, address: str, url: str) -> str:
    """Wait and ask again.  It is for the caller to end that after DISCOVERY_TRIES."""
    return DISCOVERY[form].format(address=address, url=url, seconds=DISCOVERY_SECONDS)


def _grub_place(tree: str) -> str:
    """A URL as GRUB names it: ``(http,host:port)/path``."""
    parts = urlsplit(tree)
    return f"({parts.scheme},{parts.netloc}){parts.path}"
