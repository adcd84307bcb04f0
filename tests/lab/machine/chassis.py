# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The power button and the boot order of a virtual machine, as a folder.

The test and a controller in another process can open the same folder and switch the same machine:

    qemu.json  its command line
    order      its boot devices, first to last
    once       an order for the next start only
    console    the output of its serial port
    monitor    QEMU's socket while it runs
    disk       its disk, kept between starts
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
from typing import Callable, Iterator

from ansible_collections.npaci.rocks.plugins.module_utils import files, process
from support.waiting import until

from .monitor import Monitor, MonitorError, monitor

START_SECONDS = 90.0
STOP_SECONDS = 60.0
DEVICES = {"network": "nic", "second-network": "nic2", "disk": "disk", "medium": "medium"}
TICKS = os.sysconf("SC_CLK_TCK")


class Chassis:
    """The machine of a folder."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    @property
    def console(self) -> pathlib.Path:
        """The file with the output of the serial port in all starts."""
        return self.folder / "console"

    def is_on(self) -> bool:
        """Return whether it runs."""
        try:
            with self._monitor():
                return True
        except (OSError, MonitorError):
            return False

    def power_on(self) -> None:
        """Start it, unless it is running."""
        with self._alone():
            if self.is_on():
                return
            process.run(json.loads((self.folder / "qemu.json").read_text()), timeout=START_SECONDS)
            with self._monitor() as qemu:
                self._reset(qemu)
                qemu.command("cont")

    def power_off(self) -> None:
        """Cut its power."""
        with self._alone(), contextlib.suppress(FileNotFoundError, ProcessLookupError):
            pid = int((self.folder / "pid").read_text())
            os.kill(pid, signal.SIGKILL)
            (self.folder / "pid").unlink()
            until(lambda: not self.is_on(), STOP_SECONDS, f"QEMU in {self.folder} to end")

    def power_cycle(self) -> None:
        """Switch it off and on again."""
        self.power_off()
        self.power_on()

    def reset(self) -> None:
        """Press the reset button; the order for the next start counts."""
        with self._alone(), self._monitor() as qemu:
            self._reset(qemu)

    def press_button(self) -> None:
        """Press the power button shortly: the operating system may shut down (ACPI)."""
        with self._monitor() as qemu:
            qemu.command("system_powerdown")

    def order(self) -> list[str]:
        """Return its boot devices, first to last."""
        return (self.folder / "order").read_text().split()

    def boot_from(self, *devices: str, once: bool = False) -> None:
        """Set the order for all starts, or for one.

        A running machine uses it from the next start or reset by this class.
        """
        unknown = set(devices) - set(DEVICES)
        if unknown or not devices:
            raise ValueError(
                f"{sorted(unknown)}: a machine of the lab boots from {sorted(DEVICES)}"
            )
        files.replace(str(self.folder / ("once" if once else "order")), "\n".join(devices) + "\n")

    def next_boot(self) -> str:
        """Return the first device of the next start if it was set for that start only, else ""."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / "once").read_text().split()[0]
        return ""

    def forget_once(self) -> None:
        """Use the usual order at the next start."""
        (self.folder / "once").unlink(missing_ok=True)

    def screenshot(self, path: pathlib.Path) -> None:
        """Write the screen as PNG."""
        with self._monitor() as qemu:
            qemu.command("screendump", filename=str(path), format="png")

    def registers(self, path: pathlib.Path) -> None:
        """Write the registers of its processors, to find out where a silent machine hangs."""
        with self._monitor() as qemu:
            path.write_text(
                qemu.command("human-monitor-command", **{"command-line": "info registers -a"})
            )

    def cpu_seconds(self) -> float:
        """Return the CPU seconds of the running QEMU; 0 if it is off."""
        try:
            pid = int((self.folder / "pid").read_text())
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return 0.0
        return (int(fields[11]) + int(fields[12])) / TICKS

    def _next_order(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            once = (self.folder / "once").read_text().split()
            return [*once, *(device for device in self.order() if device not in once)]
        return self.order()

    def _reset(self, qemu: Monitor) -> None:
        """Reset with the order for the next start; later resets use the usual order."""
        self._apply(qemu, self._next_order())
        # The firmware's table of boot devices is written when the machine is reset, and only then.
        qemu.command("system_reset")
        qemu.wait_for("RESET")
        (self.folder / "once").unlink(missing_ok=True)
        self._apply(qemu, self.order())

    def _apply(self, qemu: Monitor, order: list[str]) -> None:
        fitted = (self.folder / "qemu.json").read_text()
        devices = {device: name for device, name in DEVICES.items() if f"id={name}," in fitted}
        # Two devices must not have one index at the same time, so all lose theirs first.
        for value in (
            _boot_index([]),
            _boot_index(order),
        ):
            for device, name in devices.items():
                qemu.command(
                    "qom-set",
                    path=f"/machine/peripheral/{name}",
                    property="bootindex",
                    value=value(device),
                )

    def _monitor(self) -> contextlib.AbstractContextManager[Monitor]:
        return monitor(self.folder / "monitor")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with files.lock(str(self.folder / "lock"), wait=START_SECONDS + STOP_SECONDS):
            yield


class Cabinet(Chassis):
    """A chassis without a machine: it records its power state and boot devices.

    It is enough for a test of the commands to a controller.
    """

    def is_on(self) -> bool:
        return (self.folder / "on").exists()

    def power_on(self) -> None:
        with self._alone():
            (self.folder / "on").touch()
            self._record_boot()

    def power_off(self) -> None:
        with self._alone():
            (self.folder / "on").unlink(missing_ok=True)

    def reset(self) -> None:
        with self._alone():
            self._record_boot()

    def boots(self) -> list[str]:
        """Return the boot device of each start, first to last: a device, or ``usual``."""
        return (
            (self.folder / "boots").read_text().split() if (self.folder / "boots").exists() else []
        )

    def _record_boot(self) -> None:
        files.replace(
            str(self.folder / "boots"),
            "\n".join([*self.boots(), self.next_boot() or "usual"]) + "\n",
        )
        self.forget_once()


def cabinet(folder: pathlib.Path) -> Cabinet:
    """Create an empty chassis in a new folder; it is off."""
    folder.mkdir()
    (folder / "order").write_text("disk\nnetwork\n")
    (folder / "empty").touch()
    return Cabinet(folder)


def open_chassis(folder: pathlib.Path) -> Chassis:
    """Return the chassis of an existing folder."""
    return Cabinet(folder) if (folder / "empty").exists() else Chassis(folder)


def _boot_index(order: list[str]) -> Callable[[str], int]:
    """Return a function from a device to its index for QEMU: its rank in the order, or -1."""
    return lambda device: order.index(device) + 1 if device in order else -1
