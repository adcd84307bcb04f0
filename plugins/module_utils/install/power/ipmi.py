# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Power over IPMI, through ipmitool: start from the network once, then cycle.

The password goes by the environment (ipmitool's -E), so that no argument list shows it.
"""

from __future__ import annotations

from ...process import Run
from .boot_target import BootTarget

SECONDS = 60.0


def boot_installer(target: BootTarget, run: Run) -> None:
    """Make the machine start from the network once, and switch it off and on.  Raises CommandError."""
    options = "options=efiboot" if target.attributes.get("firmware") == "uefi" else ""
    _run_ipmitool(target, run, "chassis", "bootdev", "pxe", *filter(None, [options]))
    cycle(target, run)


def cycle(target: BootTarget, run: Run) -> None:
    """Switch the machine off and on; a machine that is off is switched on."""
    verb = "cycle" if status(target, run) else "on"
    _run_ipmitool(target, run, "chassis", "power", verb)


def status(target: BootTarget, run: Run) -> bool:
    """Whether the machine is on."""
    return _run_ipmitool(target, run, "chassis", "power", "status").strip().endswith("on")


def _run_ipmitool(target: BootTarget, run: Run, *words: str) -> str:
    host, _colon, port = target.bmc.partition(":")
    argv = [
        "ipmitool",
        "-I",
        "lanplus",
        "-H",
        host,
        *(["-p", port] if port else []),
        "-U",
        target.bmc_user,
        "-E",
    ]
    cipher = target.attributes.get("ipmi_cipher")
    argv += ["-C", cipher] if cipher else []
    return str(
        run([*argv, *words], timeout=SECONDS, env={"IPMI_PASSWORD": target.bmc_password}).stdout
    )
