# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A machine on the lab's network during a test."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shlex
import shutil
from typing import Callable, Iterator, Sequence

from support.namespaces import Network
from support.waiting import until

from .accelerator import accelerator
from .chassis import Chassis
from .hardware import BIOS, Hardware, command_line, tpm_command
from .monitor import MonitorError

TAIL_LINES = 30
# Messages of an installer that has stopped forever.
FAILURES = ("THE INSTALLER HAS STOPPED", "STAGE 1 IS STUCK")


class Machine(Chassis):
    """A machine with a console that a test can read and wait for."""

    def __init__(self, hardware: Hardware, folder: pathlib.Path) -> None:
        super().__init__(folder)
        self.hardware = hardware

    @property
    def mac(self) -> str:
        return self.hardware.mac

    def console_text(self) -> str:
        """Return the output of the serial console in all starts."""
        return (
            self.console.read_text(encoding="utf-8", errors="replace")
            if self.console.exists()
            else ""
        )

    def wait_for_console(self, text: str, seconds: float) -> None:
        """Wait until ``text`` is on the console."""
        self.wait(lambda: text in self.console_text(), seconds, f"{text!r} on the console")

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for ``condition``; fail at once if the installation has stopped, with the last
        lines.
        """
        start = len(self.console_text())

        def is_met() -> bool:
            if condition():
                return True
            failed = [text for text in FAILURES if text in self.console_text()[start:]]
            if failed:
                raise RuntimeError(f"{what}: the installer printed {failed[0]!r}\n{self._tail()}")
            return False

        try:
            until(is_met, seconds, what)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; the last lines of the console:\n{self._tail()}") from None

    def new_disk(self) -> None:
        """Replace its disk by a blank one; the machine must be off."""
        disk = self.folder / "disk"
        disk.unlink(missing_ok=True)
        with disk.open("wb") as file:
            file.truncate(self.hardware.disk << 30)

    def _tail(self) -> str:
        return "\n".join(self.console_text().splitlines()[-TAIL_LINES:])


def assemble(
    hardware: Hardware,
    folder: pathlib.Path,
    argv: Sequence[str],
    order: Sequence[str] = ("network", "disk"),
) -> Machine:
    """Return a machine that is off and has a blank disk, in a new folder.

    folder  its path must be short (under 90 characters), because of Unix sockets
    argv    the command that starts it, see ``hardware.command_line``
    """
    folder.mkdir(parents=True)
    assembled = Machine(hardware, folder)
    assembled.new_disk()
    if hardware.firmware != BIOS:
        shutil.copy(hardware.flash.variables, folder / "variables")
    if hardware.tpm:
        (folder / "tpm-state").mkdir()
        argv = ["sh", "-ec", f'{shlex.join(tpm_command(folder))}; exec "$@"', "machine", *argv]
    assembled.boot_from(*order)
    (folder / "qemu.json").write_text(json.dumps(argv))
    return assembled


@contextlib.contextmanager
def machine(
    net: Network,
    folder: pathlib.Path,
    hardware: Hardware,
    order: Sequence[str] = ("network", "disk"),
) -> Iterator[Machine]:
    """Provide a machine that is off and has a blank disk; cut its power when the block ends.

    If the block fails, its screen and its processors' registers are written next to its console.

    folder  as for ``assemble``
    """
    links = [f"tap,ifname={net.tap()},script=no,downscript=no" for _mac in hardware.macs]
    argv = net.server.argv(command_line(hardware, folder, links, accelerator()))
    assembled = assemble(hardware, folder, argv, order)
    try:
        yield assembled
    except BaseException:
        with contextlib.suppress(OSError, MonitorError):
            assembled.screenshot(folder / "failure.png")
            assembled.registers(folder / "failure.registers")
        raise
    finally:
        assembled.power_off()
