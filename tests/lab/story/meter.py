# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Measure the traffic on the frontend's link, with the clock of the nodes' consoles."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Iterator

from support.namespaces import BRIDGE, Network

PERIOD = 0.5
SECONDS = 20.0


@dataclass
class Meter:
    """Times, and the bytes on the wire that the shaper had passed until then."""

    moments: list[float] = field(default_factory=list)
    passed: list[int] = field(default_factory=list)

    def bytes(self, begin: float, end: float) -> float:
        """Return the bytes between two times."""
        return self._until(end) - self._until(begin)

    def rate(self, begin: float, end: float) -> float:
        """Return the bytes per second between two times."""
        return self.bytes(begin, end) / (end - begin)

    def look(self, net: Network) -> None:
        """Read the counter once."""
        argv = ["tc", "-s", "-j", "qdisc", "show", "dev", BRIDGE, "root"]
        self.passed.append(json.loads(net.server.run(argv, timeout=SECONDS).stdout)[0]["bytes"])
        self.moments.append(uptime())

    def _until(self, moment: float) -> float:
        """Interpolate between the two readings around a time."""
        after = min(max(bisect_right(self.moments, moment), 1), len(self.moments) - 1)
        t0, t1 = self.moments[after - 1 : after + 1]
        b0, b1 = self.passed[after - 1 : after + 1]
        return b0 + (b1 - b0) * min(max((moment - t0) / (t1 - t0), 0.0), 1.0)


def uptime() -> float:
    """Return the seconds since the host's start, as in ``/proc/uptime``."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@contextlib.contextmanager
def measure_link(net: Network) -> Iterator[Meter]:
    """Read the network's shaper (``Network.limit``) periodically until the block ends."""
    meter = Meter()
    stopped = threading.Event()

    def look_until_stopped() -> None:
        meter.look(net)
        while not stopped.wait(PERIOD):
            meter.look(net)
        meter.look(net)

    thread = threading.Thread(target=look_until_stopped)
    thread.start()
    try:
        yield meter
    finally:
        stopped.set()
        thread.join()
