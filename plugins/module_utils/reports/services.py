# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Daemons and the commands by which they take new files; a site may say others (options ``alive``, ``reload``, ``start``)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Mapping, Sequence

from ..errors import CommandError
from .model import Changes, Options, Run

SECONDS = 60.0
# The last one holds the units that systemd makes of old scripts, such as Debian's isc-dhcp-server (systemd.unit(5)).
UNIT_FOLDERS = (
    "/etc/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)
UNIT = "{unit}"

# What every report with a service may be told.
OPTIONS: Mapping[str, list[str]] = {"alive": [], "reload": [], "start": []}


@dataclass(frozen=True)
class Daemon:
    """A daemon that is spoken with by commands; ``{unit}`` in them is its unit.

    units   its systemd unit under each name that a distribution gives it; the first that is installed counts
    reload  empty: it reads its files anew by itself
    """

    name: str
    units: tuple[str, ...]
    reload_command: tuple[str, ...] = ()
    status_command: tuple[str, ...] = ("systemctl", "is-active", "--quiet", UNIT)
    restart_command: tuple[str, ...] = ("systemctl", "restart", UNIT)

    def is_running(self, options: Options, run: Run) -> bool:
        """Whether it serves; one that is not installed does not."""
        try:
            self._run(options["alive"] or self.status_command, run)
        except CommandError:
            return False
        return True

    def reload(self, options: Options, run: Run, changed: Changes) -> None:
        """Make it take its files."""
        self._run(options["reload"] or self.reload_command, run)

    def restart(self, options: Options, run: Run) -> None:
        """Start it again."""
        self._run(options["start"] or self.restart_command, run)

    def _run(self, argv: Sequence[str], run: Run) -> None:
        if argv:
            unit = self.unit() if UNIT in argv else ""
            run([unit if word == UNIT else word for word in argv], timeout=SECONDS)

    def unit(self) -> str:
        """The name of the unit that is installed.  Raises CommandError when none is."""
        for unit in self.units:
            if any(os.path.exists(f"{folder}/{unit}.service") for folder in UNIT_FOLDERS):
                return unit
        raise CommandError(
            f"no unit {' or '.join(self.units)} is installed",
            self.name,
            "the option `reload` takes another command",
        )
