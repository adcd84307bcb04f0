# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""1,000 machines get power in the same moment, and in the middle of their installation once more.

Each is an address and a MAC: a DHCP client with iPXE's options and times, and what loader and installer ask by HTTP.
The frontend is whole: Kea on MariaDB, nginx, the service.
"""

from __future__ import annotations

import json
import pathlib
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

from lab import cache
from lab.evidence import Laps
from lab.story.frontend import ADDRESS, Frontend, frontend
from support import firmware, load
from support.namespaces import Namespace, Network

COUNT, RACK = 1000, 40
MACS = [f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}" for number in range(COUNT)]
# The nodes' addresses are the highest of the network; all of them are this one machine's own.
OWN, THEIRS = "10.1.200.1/16", "10.1.252.0/22"
SECONDS = 300.0
LOADER, INSTALLER = "iPXE/1.21.1", "curl/7.76.1"
REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\n{mac}Connection: close\r\n\r\n"
)
MAC_HEADER = "X-RHN-Provisioning-MAC-0: eth0 {mac}\r\n"


@dataclass(frozen=True)
class Machine:
    mac: str
    name: str
    address: str


@dataclass(frozen=True)
class Crowd:
    """All machines behind one network card."""

    place: Namespace
    machines: list[Machine]
    laps: Laps

    def power_on(self, when: str) -> None:
        """Everybody has the address of its row within the firmware's own four tries."""
        self.laps.restart()
        leases = firmware.ask_all(self.place, [machine.mac for machine in self.machines])
        tries = Counter(lease.discovers if lease else 0 for lease in leases.values())
        slowest = max(lease.seconds for lease in leases.values() if lease)
        self.laps.lap(
            f"{when}: leases; by request {dict(sorted(tries.items()))}, the slowest took {slowest:.1f} s"
        )
        assert {mac: lease and lease.address for mac, lease in leases.items()} == {
            machine.mac: machine.address for machine in self.machines
        }

    def ask(self, when: str, path: str, want: str) -> Counter[int]:
        """Everybody asks this; how often which status was answered.

        want  what each answer must hold; {name} is the machine's
        """
        clients = [
            {
                "address": one.address,
                "due": 0.0,
                "requests": [_request(path, one)],
                "want": want.format(name=one.name),
            }
            for one in self.machines
        ]
        job = json.dumps({"clients": clients, "every": 0.0, "low": False})
        environment = {"PYTHONPATH": str(cache.ROOT / "tests")}
        self.laps.restart()
        done = self.place.run(
            [sys.executable, load.__file__], timeout=SECONDS, stdin=job, env=environment
        )
        said: dict[str, Any] = json.loads(done.stdout)
        middle, slowest = (said["latencies"][place] for place in (len(said["latencies"]) // 2, -1))
        self.laps.lap(
            f"{when}: {path} {said['statuses']}, half within {middle:.1f} s, the slowest {slowest:.1f} s"
        )
        assert (said["failed"], said["wrong"]) == ({}, 0)
        return Counter({int(status): count for status, count in said["statuses"].items()})


def _request(path: str, machine: Machine) -> str:
    loader = path == "/rocks/boot"
    mac = "" if loader else MAC_HEADER.format(mac=machine.mac)
    return REQUEST.format(path=path, host=ADDRESS, agent=LOADER if loader else INSTALLER, mac=mac)


def switched_off(net: Network, fe: Frontend, laps: Laps) -> Crowd:
    """The machines that the database knows, behind one card."""
    place = net.client("crowd")
    place.ip("address", "add", OWN, "dev", "eth0")
    place.ip("route", "add", "local", THEIRS, "dev", "lo")
    rows = fe.sql("select mac, name, ip from nodes where mac like '52:54:%' order by mac")
    assert [mac for mac, _name, _address in rows] == MACS
    return Crowd(place, [Machine(*row) for row in rows], laps)


def test_a_thousand_nodes_that_lose_power_twice_are_all_answered_and_none_installs_twice(
    net: Network, folder: pathlib.Path, laps: Laps
) -> None:
    with frontend(net, folder / "frontend") as fe:
        laps.restart()
        source = [{"mac": mac, "rack": number // RACK} for number, mac in enumerate(MACS)]
        fe.playbook("insert-ethers", {"source": source, "count": COUNT}, SECONDS)
        laps.lap(f"{COUNT:,} machines are entered and ordered")
        crowd = switched_off(net, fe, laps)

        crowd.power_on("power is back")
        assert crowd.ask("power is back", "/rocks/boot", "{name}: installing rocks") == {200: COUNT}
        assert crowd.ask("power is back", "/rocks/kickstart", "--hostname={name} ") == {200: COUNT}
        assert fe.sql("select state, count(*) from installs group by state") == [
            ("installing", str(COUNT))
        ]

        crowd.power_on("and once more")
        assert crowd.ask("and once more", "/rocks/boot", "{name}: ") == {200: COUNT}
        assert crowd.ask("and once more", "/rocks/kickstart", "{name}") == {409: COUNT}
        assert fe.sql("select state, count(*) from installs group by state") == [
            ("failed", str(COUNT))
        ]
        given = "select decision, count(*), count(distinct node) from audit where action = 'kickstart' group by decision"
        assert sorted(fe.sql(given)) == [
            ("200", str(COUNT), str(COUNT)),
            ("409", str(COUNT), str(COUNT)),
        ]
