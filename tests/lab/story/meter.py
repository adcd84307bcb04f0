# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much of its link the frontend uses, by the clock that the nodes' consoles show."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Iterator

from support.namespaces import BRIDGE, Network

PERIOD, SECONDS = 0.5, 20.0


@dataclass
class Meter:
    """Moments and what the shaper had let pass until then, in bytes as they are on the wire."""

    moments: list[float] = field(default_factory=list)
    passed: list[int] = field(default_factory=list)

    def bytes(self, begin: float, end: float) -> float:
        """What passed between two moments."""
        return self._until(end) - self._until(begin)

    def rate(self, begin: float, end: float) -> float:
        """Bytes a second between two moments."""
        return self.bytes(begin, end) / (end - begin)

    def look(self, net: Network) -> None:
        argv = ["tc", "-s", "-j", "qdisc", "show", "dev", BRIDGE, "root"]
        self.passed.append(json.loads(net.server.run(argv, timeout=SECONDS).stdout)[0]["bytes"])
        self.moments.append(uptime())

    def _until(self, moment: float) -> float:
        """Read between the two looks around that moment."""
        after = min(max(bisect_right(self.moments, moment), 1), len(self.moments) - 1)
        (t0, t1), (b0, b1) = self.moments[after - 1 : after + 1], self.passed[after - 1 : after + 1]
        return b0 + (b1 - b0) * min(max((moment - t0) / (t1 - t0), 0.0), 1.0)


def uptime() -> float:
    """Seconds since the host was started, as ``/proc/uptime`` has them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@contextlib.contextmanager
def metered(net: Network) -> Iterator[Meter]:
    """Look at the network's shaper (``Network.limit``) until the block ends."""
    meter, over = Meter(), threading.Event()

    def look_on() -> None:
        meter.look(net)
        while not over.wait(PERIOD):
            meter.look(net)
        meter.look(net)

    looking = threading.Thread(target=look_on)
    looking.start()
    try:
        yield meter
    finally:
        over.set()
        looking.join()
