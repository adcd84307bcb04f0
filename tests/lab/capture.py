# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Capture the traffic on a test's bridge for Wireshark; it is kept if the test fails, at most the
last 64 MB.

The data of packages is left out, because it is most of the traffic. Leases, connections, requests,
boot answers and messages are complete.
"""

from __future__ import annotations

import contextlib
import pathlib
from typing import Iterator

from support.namespaces import BRIDGE, Network

# tcpdump numbers the files: wire.pcap0 ... wire.pcap7, and overwrites the oldest.
NAME = "wire.pcap"
FILES = 8
MILLIONS = 8
SHORT = "not (tcp and greater 1700)"
START_SECONDS = 20.0


@contextlib.contextmanager
def capture(net: Network, folder: pathlib.Path) -> Iterator[None]:
    """Write the traffic on the bridge into ``folder`` until the block ends."""
    ring = ["-C", str(MILLIONS), "-W", str(FILES), "-w", str(folder / NAME)]
    argv = ["tcpdump", "-i", BRIDGE, "-n", "-U", "-Z", "root", *ring, SHORT]
    with net.server.daemon(argv, folder / "tcpdump.log") as running:
        running.wait_for("listening on", START_SECONDS)
        yield
