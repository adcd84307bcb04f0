# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the script for a boot loader: start the installer, boot the local disk, or retry.

There are two loaders: iPXE reads a script, and GRUB a configuration, both over HTTP from the same
address. Pure text.
"""

from __future__ import annotations

import re
from typing import Literal, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit

from ..errors import DescriptionError
from .installer_arguments import Installer

Loader = Literal["ipxe", "grub"]
IPXE: Loader = "ipxe"
GRUB: Loader = "grub"
LOADERS = (IPXE, GRUB)
# Red Hat's GRUB uses the firmware's HTTP client (UEFI 2.10, 29.6).
USER_AGENTS = (*LOADERS, "uefihttpboot")
KERNEL = "images/pxeboot/vmlinuz"
INITRD = "images/pxeboot/initrd.img"

# Characters without a special meaning in both loaders' languages.
PLAIN = re.compile(r"[A-Za-z0-9_.,:/=@+%\[\]-]+")

# An unknown machine retries this often within DISCOVERY_WINDOW, then goes on to its next boot
# device. iPXE waits and retries by itself, for ten minutes in all; GRUB cannot, so the machine
# restarts, which may take minutes each time.
DISCOVERY_SECONDS = 15
DISCOVERY_TRIES: Mapping[Loader, int] = {IPXE: 40, GRUB: 8}
DISCOVERY_WINDOW = 2 * 3600

# GRUB keeps the connection over which it reads its configuration open until it has run all of it,
# and starts with the same source port each time: a machine that restarts while the configuration
# runs would collide with its own old connection, which the server keeps, and get no response. The
# entries of a menu run after the file is closed.
LOCAL_SCRIPTS: Mapping[Loader, str] = {
    # UEFI tries its next boot entry only when the loader reports failure; SeaBIOS always does.
    IPXE: (
        "#!ipxe\necho {node}: {reason}, booting from the local disk\n"
        "iseq ${{platform}} efi && exit 1 || exit\n"
    ),
    GRUB: (
        "set timeout=0\n"
        'menuentry "{node}: {reason}, booting from the local disk" {{\n  exit 1\n}}\n'
    ),
}
INSTALL_SCRIPTS: Mapping[Loader, str] = {
    IPXE: (
        "#!ipxe\necho {node}: installing {distribution} {generation}\n{prompt}"
        "kernel {tree}/{kernel} initrd=initrd.img {arguments}\n"
        "initrd --name initrd.img {tree}/{initrd}\nboot\n"
    ),
    GRUB: (
        "set timeout={timeout}\n"
        'menuentry "{node}: installing {distribution} {generation}{prompt}" {{\n'
        '  if [ "$grub_platform" = efi ]; then\n'
        "    {efi_linux} {path}/{kernel} {arguments}\n    {efi_initrd} {path}/{initrd}\n"
        "  else\n    linux {path}/{kernel} {arguments}\n    initrd {path}/{initrd}\n  fi\n}}\n"
    ),
}
# A person enters the one-time code of the order.  iPXE reads it; signed images of GRUB cannot, so
# that menu waits until somebody has edited the entry.
CODE_ARGUMENT = "rocks.code"
CODE_PROMPTS: Mapping[Loader, str] = {
    IPXE: "echo -n Code of the install order: ${}\nread code\n",
    GRUB: f": press e, then add {CODE_ARGUMENT}=CODE to the line of the kernel",
}
CODE_ARGUMENTS: Mapping[Loader, str] = {IPXE: f" {CODE_ARGUMENT}=${{code}}", GRUB: ""}
NO_TIMEOUT = -1
# The script also requests a new lease, because a machine that was just added gets its own address
# then. It replaces itself: a script that was called would return to its caller.
WAITING = (
    "no node has {address}: waiting for rocks_insert_ethers,"
    " or rocks_interface for a further interface"
)
DISCOVERY_SCRIPTS: Mapping[Loader, str] = {
    IPXE: (
        f"#!ipxe\necho {WAITING}\nsleep {{seconds}}\ndhcp || exit 1\n"
        "chain --replace {url}/rocks/boot?form=ipxe || exit 1\n"
    ),
    GRUB: f'set timeout={{seconds}}\nmenuentry "{WAITING}" {{{{\n  reboot\n}}}}\n',
}


class BootParameters(NamedTuple):
    """The values that an installation starts with."""

    node: str
    mac: str
    """MAC of the interface that the machine booted from; empty: the installer tries all interfaces.
    """
    distribution: str
    generation: str
    url: str
    """URL of the frontend."""
    tree: str
    """URL of the pinned generation."""
    installer: Installer
    extra: tuple[str, ...] = ()
    """Further kernel arguments of the node, in order."""
    needs_code: bool = False
    """Whether a person must enter the code of the order."""


def choose_loader(requested: str, user_agent: str) -> Optional[Loader]:
    """Return the loader that the query names, or else the one that the User-Agent header names.

    Return None for any other client.
    """
    if requested:
        return next((loader for loader in LOADERS if loader == requested), None)
    return next((loader for loader in LOADERS if user_agent.lower().startswith(loader)), None)


def is_boot_loader(user_agent: str) -> bool:
    """Check whether a client can be a boot loader.  Any program can send the header."""
    return user_agent.lower().startswith(USER_AGENTS)


def install_script(loader: Loader, parameters: BootParameters) -> str:
    """Start the installer.

    Raises DescriptionError when a node's argument has characters that are special to the loader.
    """
    arguments = kernel_arguments(parameters)
    return INSTALL_SCRIPTS[loader].format(
        node=parameters.node,
        distribution=parameters.distribution,
        generation=parameters.generation,
        tree=parameters.tree,
        arguments=" ".join(arguments) + (CODE_ARGUMENTS[loader] if parameters.needs_code else ""),
        prompt=CODE_PROMPTS[loader] if parameters.needs_code else "",
        timeout=NO_TIMEOUT if parameters.needs_code else 0,
        kernel=KERNEL,
        initrd=INITRD,
        path=_grub_path(parameters.tree),
        efi_linux=parameters.installer.efi_linux,
        efi_initrd=parameters.installer.efi_initrd,
    )


def kernel_arguments(parameters: BootParameters) -> tuple[str, ...]:
    """Return the kernel arguments of this installation, which a kexec also uses."""
    standard = [
        template.format(
            url=parameters.url,
            host=urlsplit(parameters.url).hostname,
            tree=parameters.tree,
            mac=parameters.mac.replace(":", "-"),
        )
        for template in parameters.installer.arguments
        if parameters.mac or "{mac}" not in template
    ]
    for argument in parameters.extra:
        if not PLAIN.fullmatch(argument):
            raise DescriptionError(
                f"the kernel argument {argument!r} has characters that are special to a boot"
                " loader",
                parameters.node,
                "the attributes installer_console and installer_arguments allow letters, digits"
                " and _.,:/=@+%[]-",
            )
    return (*standard, *parameters.extra)


def local_boot_script(loader: Loader, node: str, reason: str) -> str:
    """Boot from the local disk.

    ``reason`` must be a text of this program, without characters that are special to a loader.
    """
    return LOCAL_SCRIPTS[loader].format(node=node, reason=reason)


def discovery_script(loader: Loader, address: str, url: str) -> str:
    """Wait and retry. The caller must stop that after DISCOVERY_TRIES."""
    return DISCOVERY_SCRIPTS[loader].format(address=address, url=url, seconds=DISCOVERY_SECONDS)


def _grub_path(tree: str) -> str:
    """Return a URL in GRUB's form: ``(http,host:port)/path``."""
    parts = urlsplit(tree)
    return f"({parts.scheme},{parts.netloc}){parts.path}"
