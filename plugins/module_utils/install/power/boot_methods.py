# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Choose the boot methods of a node, and start its installer with the first method that works.

A node's attribute ``reinstall_by`` lists its methods in order; without it they follow from the
node's other attributes.  With every method, the machine asks the frontend what to boot, so a wrong
method can only reboot it.
"""

from __future__ import annotations

import shlex
from typing import Callable, Collection, Mapping

from ... import process
from ...errors import CommandError, DescriptionError, Unavailable
from ...process import Run
from . import ipmi, redfish, ssh_boot
from .boot_target import BootTarget

OUTLET_SECONDS = 60.0


def run_outlet_command(target: BootTarget, action: str, run: Run) -> None:
    """Run the outlet's command, such as ``powerman --{action} {node}``, for this node.

    action  ``on``, ``off`` or ``cycle``; a command without ``{action}`` cycles the outlet
    """
    text = target.attributes.get("outlet_command", "")
    if not text:
        raise DescriptionError(
            "no outlet_command", target.node, "set the attribute: rocks_attribute"
        )
    try:
        words = shlex.split(text)
    except ValueError as error:
        what = f"outlet_command {text!r}: {error}"
        raise DescriptionError(what, target.node, "correct the attribute") from None
    words = [word.replace("{node}", target.node).replace("{action}", action) for word in words]
    run(words, timeout=OUTLET_SECONDS)


BootMethod = Callable[[BootTarget, Run], None]

BOOT_METHODS: Mapping[str, BootMethod] = {
    "reboot": lambda target, run: ssh_boot.boot_installer(target, "reboot", run),
    "bootnext": lambda target, run: ssh_boot.boot_installer(target, "bootnext", run),
    "kexec": lambda target, run: ssh_boot.boot_installer(target, "kexec", run),
    "grub": lambda target, run: ssh_boot.boot_installer(target, "grub", run),
    "ipmi": ipmi.boot_installer,
    "redfish": lambda target, run: redfish.boot_installer(target),
    "outlet": lambda target, run: run_outlet_command(target, "cycle", run),
}
SSH_METHODS = ("reboot", "bootnext", "kexec", "grub")
BMC_METHODS = ("ipmi", "redfish")


def choose_boot_methods(target: BootTarget) -> tuple[str, ...]:
    """Return the methods to try, in order.

    Raises DescriptionError if an attribute contains an unknown method.
    """
    methods = _read_method_list(target, "reinstall_by", BOOT_METHODS)
    bmc = _read_method_list(target, "bmc_protocol", BMC_METHODS)[:1] or ("ipmi",)
    if methods:
        return methods
    # A machine that boots from the network first only needs a reboot; any other one must be
    # directed to the network or the installer for one boot.
    if target.attributes.get("boots_from", "network") == "network":
        methods = ("reboot",)
    else:
        methods = ("bootnext", "kexec", "grub")
    outlet = ("outlet",) if target.attributes.get("outlet_command") else ()
    return methods + (bmc if target.bmc else ()) + outlet


def _read_method_list(
    target: BootTarget, attribute: str, allowed: Collection[str]
) -> tuple[str, ...]:
    methods = tuple(target.attributes.get(attribute, "").replace(",", " ").split())
    unknown = sorted(set(methods) - set(allowed))
    if unknown:
        what = f"unknown method {unknown[0]!r} in the attribute {attribute}"
        hint = f"allowed are {', '.join(allowed)}: rocks_attribute"
        raise DescriptionError(what, target.node, hint)
    return methods


def boot_installer(target: BootTarget, *, run: Run = process.run, power_only: bool = False) -> str:
    """Start the installer on the node, and return the method that worked.

    power_only  skip the methods that need a running system

    Raises Unavailable with the error of each method.
    """
    failures = []
    for method in choose_boot_methods(target):
        if power_only and method in SSH_METHODS:
            continue
        try:
            BOOT_METHODS[method](target, run)
            return method
        except (CommandError, Unavailable, DescriptionError) as error:
            # Only the cause and the advice: the command line would be too long.
            failures.append(f"{method}: {error.advice}")
    raise Unavailable(
        "; ".join(failures) or "no boot method is available",
        target.node,
        "power-cycle it by hand",
    )
