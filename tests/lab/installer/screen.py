# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The output of an installation: the first tmux window, the serial console, the logs in /tmp."""

from __future__ import annotations

import pathlib
import time

CONSOLE = pathlib.Path("/dev/console")
LOGS = pathlib.Path("/tmp")
RULE = "=" * 80


def show(text: str) -> None:
    """Print a line in the first window, on the serial console and in anaconda.log."""
    print(text, flush=True)
    log("anaconda", text)
    try:
        with CONSOLE.open("w") as console:
            console.write(f"[anaconda +{_uptime()}] {text}\r\n")
    except OSError:
        # A light node has no console.
        pass


def log(name: str, text: str) -> None:
    """Write a line to ``/tmp/NAME.log``."""
    with (LOGS / f"{name}.log").open("a") as file:
        file.write(
            f"{time.strftime('%H:%M:%S')},{int(time.time() * 1000) % 1000:03d} INF {name}: {text}\n"
        )


def _uptime() -> str:
    return pathlib.Path("/proc/uptime").read_text().split()[0]
