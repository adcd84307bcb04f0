# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which way a node is sent into the installer, and the going: the first way that works.

A way is one row of WAYS.  A node's attribute ``reinstall_by`` names its ways in order; without it they follow from
what is known of the node.  All ways end in the same question of the machine to the frontend, so that a wrong way can
do no more than reboot it.
"""

from __future__ import annotations

import shlex
from typing import Callable, Collection, Mapping

from ... import process
from ...errors import CommandError, DescriptionError, RocksError, Unavailable
from ...process import Run
from . import ipmi, redfish, ssh_boot
from .boot_target import BootTarget

OUTLET_SECONDS = 60.0


def _cycle_outlet(target: BootTarget, run: Run) -> None:
    """A power outlet's own command, such as ``powerman --cycle compute-0-3``; ``{node}`` is put in."""
    text = target.attributes.get("outlet_command", "")
    if not text:
        raise DescriptionError(
            "no outlet_command", target.node, "set the attribute: rocks_attribute"
        )
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise DescriptionError(
            f"outlet_command {text!r}: {error}", target.node, "mend the attribute"
        ) from None
    run([word.replace("{node}", target.node) for word in words], timeout=OUTLET_SECONDS)


BootMethod = Callable[[BootTarget, Run], None]

BOOT_METHODS: Mapping[str, BootMethod] = {
    "reboot": lambda target, run: ssh_boot.boot_installer(target, "reboot", run),
    "bootnext": lambda target, run: ssh_boot.boot_installer(target, "bootnext", run),
    "kexec": lambda target, run: ssh_boot.boot_installer(target, "kexec", run),
    "grub": lambda target, run: ssh_boot.boot_installer(target, "grub", run),
    "ipmi": ipmi.boot_installer,
    "redfish": lambda target, run: redfish.boot_installer(target),
    "outlet": _cycle_outlet,
}
SSH_METHODS = ("reboot", "bootnext", "kexec", "grub")
BMC_METHODS = ("ipmi", "redfish")


def choose_boot_methods(target: BootTarget) -> tuple[str, ...]:
    """The ways to try, in order.  Raises DescriptionError for an attribute that names one which does not exist."""
    named = _read_method_list(target, "reinstall_by", BOOT_METHODS)
    protocol = _read_method_list(target, "bmc_protocol", BMC_METHODS)[:1] or ("ipmi",)
    if named:
        return named
    # A machine that starts from the network first needs no more than a reboot; another one is told to, once.
    if target.attributes.get("boots_from", "network") == "network":
        live: tuple[str, ...] = ("reboot",)
    else:
        live = ("bootnext", "kexec", "grub")
    outlet = ("outlet",) if target.attributes.get("outlet_command") else ()
    return live + (protocol if target.bmc else ()) + outlet


def _read_method_list(
    target: BootTarget, attribute: str, known: Collection[str]
) -> tuple[str, ...]:
    named = tuple(target.attributes.get(attribute, "").replace(",", " ").split())
    unknown = sorted(set(named) - set(known))
    if unknown:
        hint = f"it knows {', '.join(known)}: rocks_attribute"
        raise DescriptionError(f"the attribute {attribute} names {unknown[0]!r}", target.node, hint)
    return named


def boot_installer(target: BootTarget, *, run: Run = process.run, power_only: bool = False) -> str:
    """Send the node into the installer; the way that worked.

    power_only  do not try the ways that need a live system

    Raises Unavailable with what each way said.
    """
    said = []
    for way in choose_boot_methods(target):
        if power_only and way in SSH_METHODS:
            continue
        try:
            BOOT_METHODS[way](target, run)
            return way
        except (CommandError, Unavailable, DescriptionError) as error:
            said.append(f"{way}: {_reason(error)}")
    raise Unavailable(
        "; ".join(said) or "there is no way to switch it",
        target.node,
        "switch it off and on by hand",
    )


def _reason(error: RocksError) -> str:
    """What went wrong and what to do, without the long command line."""
    return error.advice
