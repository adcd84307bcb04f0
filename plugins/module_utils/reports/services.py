# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check, reload and restart daemons by commands.

A site can replace the commands with the options ``alive``, ``reload`` and ``start`` of a report.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Mapping, Sequence

from ..errors import CommandError
from .model import Changes, Options, Run

TIMEOUT_SECONDS = 60.0
# The last folder contains the units that systemd generates from SysV scripts, such as Debian's
# isc-dhcp-server (systemd.unit(5)).
UNIT_FOLDERS = (
    "/etc/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)
UNIT = "{unit}"

# The options of every report that has a service.
OPTIONS: Mapping[str, list[str]] = {"alive": [], "reload": [], "start": []}


@dataclass(frozen=True)
class Daemon:
    """A daemon that is controlled by commands; ``{unit}`` in them stands for its unit."""

    name: str
    units: tuple[str, ...]
    """The names of its systemd unit in different distributions; the first installed one is used."""
    reload_command: tuple[str, ...] = ()
    """Empty: the daemon notices changed files itself."""
    status_command: tuple[str, ...] = ("systemctl", "is-active", "--quiet", UNIT)
    restart_command: tuple[str, ...] = ("systemctl", "restart", UNIT)

    def is_running(self, options: Options, run: Run) -> bool:
        """Return whether the daemon runs; False if it is not installed."""
        try:
            self._run(options["alive"] or self.status_command, run)
        except CommandError:
            return False
        return True

    def reload(self, options: Options, run: Run, changed: Changes) -> None:
        """Make the daemon read its files.  Raises CommandError."""
        self._run(options["reload"] or self.reload_command, run)

    def restart(self, options: Options, run: Run) -> None:
        """Start the daemon again.  Raises CommandError."""
        self._run(options["start"] or self.restart_command, run)

    def _run(self, argv: Sequence[str], run: Run) -> None:
        if argv:
            unit = self.unit() if UNIT in argv else ""
            run([unit if word == UNIT else word for word in argv], timeout=TIMEOUT_SECONDS)

    def unit(self) -> str:
        """Return the name of the installed unit.  Raises CommandError if there is none."""
        for unit in self.units:
            if any(os.path.exists(f"{folder}/{unit}.service") for folder in UNIT_FOLDERS):
                return unit
        raise CommandError(
            f"unit {' or '.join(self.units)} is not installed",
            self.name,
            "install it, or set the options `alive`, `reload` and `start` to other commands",
        )
