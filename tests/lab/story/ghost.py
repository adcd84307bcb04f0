# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node that is a namespace with curl: the test chooses its requests and their order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from support.namespaces import Namespace, Network

URL = "http://10.1.1.1/rocks"
AGENT = "iPXE/1.0.0"
SECONDS = 60.0


@dataclass(frozen=True)
class Ghost:
    """The machine with this MAC, at its address."""

    place: Namespace
    mac: str

    def boot(self) -> str:
        """Return the boot script for its firmware."""
        return self._curl("--user-agent", AGENT, f"{URL}/boot")[1]

    def kickstart(self) -> tuple[int, str]:
        """Return the status and the text of the answer to its installer."""
        return self._curl(
            "--header", f"X-RHN-Provisioning-MAC-0: eth0 {self.mac}", f"{URL}/kickstart"
        )

    def post(self, what: str, message: Any) -> int:
        """Send a message as root of the machine; return the status of the answer."""
        return self._curl(
            "--local-port", "700-900", "--json", json.dumps(message), f"{URL}/{what}"
        )[0]

    def _curl(self, *words: str) -> tuple[int, str]:
        argv = [
            "curl",
            "--silent",
            "--show-error",
            "--max-time",
            "30",
            "--write-out",
            "\n%{http_code}",
            *words,
        ]
        body, _line, status = self.place.run(argv, timeout=SECONDS).stdout.rpartition("\n")
        return int(status), body


def ghost(net: Network, mac: str, address: str) -> Ghost:
    """Return a machine on the network with its address."""
    place = net.client("ghost", mac)
    place.ip("address", "add", f"{address}/16", "dev", "eth0")
    return Ghost(place, mac)
