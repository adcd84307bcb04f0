# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The output of an installation: the first tmux window, the serial console, the logs in /tmp."""

from __future__ import annotations

import pathlib
import textwrap
import time

CONSOLE = pathlib.Path("/dev/console")
LOGS = pathlib.Path("/tmp")
COLUMNS = 80
RULE = "=" * COLUMNS
# For the tests of the lab; the real installer prints nothing like it.
STOPPED = "THE INSTALLER HAS STOPPED"


def show(text: str) -> None:
    """Print a line in the first window, on the serial console and in anaconda.log."""
    print(text, flush=True)
    log("anaconda", text)
    write_console(text)


def write_console(text: str) -> None:
    """Print a text on the serial console only."""
    try:
        with CONSOLE.open("w") as console:
            console.write(f"[anaconda +{_uptime()}] {text}\r\n")
    except OSError:
        # A light node has no console.
        pass


def show_dialog(title: str, text: str, prompt: str) -> None:
    """Print a dialog as anaconda's text mode does: wrapped and centred, and a prompt after it."""
    rows = [row for line in text.split("\n") for row in textwrap.wrap(line, COLUMNS) or [""]]
    margin = " " * ((COLUMNS - max(map(len, rows))) // 2)
    screen = [RULE, RULE, title, "", *(margin + row for row in rows), ""]
    print("\n".join([*screen, f"{prompt}: "]), end="", flush=True)
    write_console("\r\n".join(screen))


def log(name: str, text: str) -> None:
    """Write a line to ``/tmp/NAME.log``."""
    with (LOGS / f"{name}.log").open("a") as file:
        file.write(
            f"{time.strftime('%H:%M:%S')},{int(time.time() * 1000) % 1000:03d} INF {name}: {text}\n"
        )


def _uptime() -> str:
    return pathlib.Path("/proc/uptime").read_text().split()[0]
