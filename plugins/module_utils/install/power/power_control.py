# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Switch a node on or off, restart it, or light its identification LED.

The methods are those that boot the installer, but the node boots whatever its firmware and its
install order decide.  A node's BMC is used for what only a BMC can do, and the system on the node
is shut down in order where it answers.
"""

from __future__ import annotations

from typing import Callable, Final, Literal, Mapping, NamedTuple, Sequence

from ... import process
from ...errors import CommandError, DescriptionError, RocksError, Unavailable
from ...process import Run
from . import ipmi, redfish, ssh_boot
from .boot_methods import BMC_METHODS, choose_boot_methods, run_outlet_command
from .boot_target import BootTarget

Action = Literal["status", "on", "off", "cycle", "identify", "identify_off"]
ACTIONS: Final[tuple[Action, ...]] = ("status", "on", "off", "cycle", "identify", "identify_off")
ON: Final = "on"
OFF: Final = "off"
UNKNOWN: Final = "unknown"
SSH_SECONDS = 30.0
SSH_COMMANDS: Mapping[str, str] = {
    "status": "exit 0\n",
    "off": ssh_boot.DETACHED.format(command="systemctl poweroff"),
    "cycle": ssh_boot.REBOOT,
}

Control = Callable[[BootTarget, Action, Run], None]


class PowerResult(NamedTuple):
    """The state of a node before the action, and how the action was done."""

    before: str
    """``on``, ``off`` or ``unknown``."""
    method: str = ""
    """Empty if nothing was done, because the node was in the requested state."""


def _run_over_ssh(target: BootTarget, action: Action, run: Run) -> None:
    argv = [*ssh_boot.SSH, target.address, "sh", "-s"]
    run(argv, stdin=SSH_COMMANDS[action], timeout=SSH_SECONDS)


CONTROLS: Mapping[str, Control] = {
    "ssh": _run_over_ssh,
    "ipmi": ipmi.control,
    "redfish": lambda target, action, _run: redfish.control(target, action),
    "outlet": run_outlet_command,
}


def choose_methods(
    target: BootTarget, action: Action, *, power_only: bool = False
) -> tuple[str, ...]:
    """Return the methods that can do this, in order.

    power_only  skip ssh, which needs a running system

    Raises DescriptionError if an attribute contains an unknown method.
    """
    boot_methods = choose_boot_methods(target)
    bmc = tuple(name for name in boot_methods if name in BMC_METHODS)
    if target.bmc and not bmc:
        bmc = (target.attributes.get("bmc_protocol") or "ipmi",)
    command = target.attributes.get("outlet_command", "")
    outlet = ("outlet",) if command and (action == "cycle" or "{action}" in command) else ()
    ssh = () if power_only else ("ssh",)
    return {
        "status": (*bmc, *ssh),
        "on": (*bmc, *outlet),
        "off": (*ssh, *bmc, *outlet),
        "cycle": (*ssh, *bmc, *outlet),
    }.get(action, bmc)


def read_status(target: BootTarget, *, run: Run = process.run, power_only: bool = False) -> str:
    """Return ``on`` or ``off`` from the BMC; otherwise ``on`` if the system answers to ssh, or
    ``unknown``."""
    for method in choose_methods(target, "status", power_only=power_only):
        try:
            if method == "ssh":
                _run_over_ssh(target, "status", run)
                return ON
            is_on = ipmi.status(target, run) if method == "ipmi" else redfish.status(target)
            return ON if is_on else OFF
        except (CommandError, Unavailable):
            continue
    return UNKNOWN


def control_power(
    target: BootTarget, action: Action, *, run: Run = process.run, power_only: bool = False
) -> PowerResult:
    """Do one action with the first method that works.

    A node that is on or off already is left alone.  Raises Unavailable with the error of each
    method.
    """
    before = UNKNOWN
    if action in (ON, OFF, "status"):
        before = read_status(target, run=run, power_only=power_only)
    if action in (before, "status"):
        return PowerResult(before)
    methods = choose_methods(target, action, power_only=power_only)
    method = _first_that_works(target, action, methods, run)
    return PowerResult(before, method)


def _first_that_works(target: BootTarget, action: Action, methods: Sequence[str], run: Run) -> str:
    failures = []
    for method in methods:
        try:
            CONTROLS[method](target, action, run)
            return method
        except (CommandError, Unavailable, DescriptionError) as error:
            failures.append(f"{method}: {error.advice}")
    raise Unavailable("; ".join(failures) or _no_method(action), target.node)


def _no_method(action: Action) -> str:
    if action in ("identify", "identify_off"):
        return "it has no BMC; enter it with rocks_interface (kind=bmc)"
    return (
        f"no method for {action}; enter a BMC (rocks_interface, kind=bmc),"
        " or set outlet_command with {action}"
    )


def explain(error: BaseException) -> str:
    """Return the message of a failed action.  Raises any error that is not ours."""
    if isinstance(error, RocksError):
        return error.advice
    raise error
