# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Boot from the network once, and control the power, over IPMI with ipmitool.

The password is passed in the environment (ipmitool's -E), so it is not visible in any argument
list.
"""

from __future__ import annotations

from typing import Mapping, Sequence

from ...errors import CommandError
from ...process import Run
from .boot_target import BootTarget

SECONDS = 60.0
COMMANDS: Mapping[str, Sequence[str]] = {
    "on": ("chassis", "power", "on"),
    "off": ("chassis", "power", "off"),
    "identify": ("chassis", "identify", "force"),  # until it is switched off
    "identify_off": ("chassis", "identify", "0"),
}
# Of controllers that cannot light the LED forever (IPMI 2.0, 28.5): the longest time.
IDENTIFY_FOR_SECONDS = ("chassis", "identify", "255")


def boot_installer(target: BootTarget, run: Run) -> None:
    """Set the next boot to the network, and power-cycle the machine.  Raises CommandError."""
    options = ["options=efiboot"] if target.attributes.get("firmware") == "uefi" else []
    _run_ipmitool(target, run, ["chassis", "bootdev", "pxe", *options])
    cycle(target, run)


def cycle(target: BootTarget, run: Run) -> None:
    """Power-cycle the machine, or switch it on if it is off."""
    verb = "cycle" if status(target, run) else "on"
    _run_ipmitool(target, run, ["chassis", "power", verb])


def control(target: BootTarget, action: str, run: Run) -> None:
    """Do one of power_control.ACTIONS except ``status``.  Raises CommandError."""
    if action == "cycle":
        cycle(target, run)
        return
    try:
        _run_ipmitool(target, run, COMMANDS[action])
    except CommandError:
        if action != "identify":
            raise
        _run_ipmitool(target, run, IDENTIFY_FOR_SECONDS)


def status(target: BootTarget, run: Run) -> bool:
    """Check whether the machine is on."""
    output = _run_ipmitool(target, run, ["chassis", "power", "status"])
    return output.strip().endswith("on")


def _run_ipmitool(target: BootTarget, run: Run, words: Sequence[str]) -> str:
    host, _colon, port = target.bmc.partition(":")
    cipher = target.attributes.get("ipmi_cipher")
    argv = [
        *("ipmitool", "-I", "lanplus", "-H", host),
        *(("-p", port) if port else ()),
        *("-U", target.bmc_user, "-E"),
        *(("-C", cipher) if cipher else ()),
        *words,
    ]
    return str(run(argv, timeout=SECONDS, env={"IPMI_PASSWORD": target.bmc_password}).stdout)
