# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What went over a test's bridge, for Wireshark: kept when the test fails, and never more than the last 64 MB.

Whole packages are left out, which are most of it: what a packet says that long is known.  Leases, connections,
questions, boot answers and messages are all there.
"""

from __future__ import annotations

import contextlib
import pathlib
from typing import Iterator

from support.namespaces import BRIDGE, Network

# tcpdump numbers the files: wire.pcap0 ... wire.pcap7, the oldest of which is written anew.
NAME, FILES, MILLIONS = "wire.pcap", 8, 8
SHORT = "not (tcp and greater 1700)"
START_SECONDS = 20.0


@contextlib.contextmanager
def capture(net: Network, folder: pathlib.Path) -> Iterator[None]:
    """Write what is seen on the bridge into ``folder``, until the block ends."""
    ring = ["-C", str(MILLIONS), "-W", str(FILES), "-w", str(folder / NAME)]
    argv = ["tcpdump", "-i", BRIDGE, "-n", "-U", "-Z", "root", *ring, SHORT]
    with net.server.daemon(argv, folder / "tcpdump.log") as running:
        running.wait_for("listening on", START_SECONDS)
        yield
