# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""1,000 machines get power at the same time, and again in the middle of their installation.

Each is an address and a MAC: a DHCP client with iPXE's options and times, and the HTTP requests of
boot loader and installer. The frontend is complete: Kea on MariaDB, nginx, the service.
"""

from __future__ import annotations

import json
import pathlib
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any, Mapping

from lab import cache
from lab.evidence import Laps
from lab.story.frontend import ADDRESS, Frontend, frontend
from support import firmware, load
from support.namespaces import Namespace, Network

COUNT = 1000
RACK = 40
MACS = [f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}" for number in range(COUNT)]
# The nodes' addresses are the highest of the network; this machine has all of them.
OWN = "10.1.200.1/16"
THEIRS = "10.1.252.0/22"
SECONDS = 300.0
LOADER = "iPXE/1.21.1"
INSTALLER = "curl/7.76.1"
REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\n{mac}Connection: close\r\n\r\n"
)
REPORT = (
    "POST /rocks/events HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    "Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
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
        """Check that each machine gets the address of its row within the firmware's four tries."""
        self.laps.restart()
        leases = firmware.ask_all(self.place, [machine.mac for machine in self.machines])
        tries = Counter(lease.discovers if lease else 0 for lease in leases.values())
        slowest = max(lease.seconds for lease in leases.values() if lease)
        by_tries = dict(sorted(tries.items()))
        self.laps.lap(f"{when}: leases; tries {by_tries}, the slowest took {slowest:.1f} s")
        assert {mac: lease and lease.address for mac, lease in leases.items()} == {
            machine.mac: machine.address for machine in self.machines
        }

    def request(self, when: str, path: str, expected: str) -> Counter[int]:
        """Send this request from each machine; return the number of answers by status.

        expected  the text that each answer must contain; {name} is the machine's
        """
        requests = {machine: _request(path, machine) for machine in self.machines}
        return self._send(f"{when}: {path}", requests, expected)

    def start_installers(self, when: str, orders: Mapping[str, str]) -> Counter[int]:
        """Send the first message of each installer, as root; ``orders`` maps names to uuids."""
        requests = {machine: _report(orders[machine.name]) for machine in self.machines}
        return self._send(f"{when}: first reports", requests, '"next"', low=True)

    def _send(
        self, what: str, requests: Mapping[Machine, str], expected: str, *, low: bool = False
    ) -> Counter[int]:
        clients = [
            {
                "address": machine.address,
                "due": 0.0,
                "requests": [request],
                "want": expected.format(name=machine.name),
            }
            for machine, request in requests.items()
        ]
        job = json.dumps({"clients": clients, "every": 0.0, "low": low})
        environment = {"PYTHONPATH": str(cache.ROOT / "tests")}
        self.laps.restart()
        done = self.place.run(
            [sys.executable, load.__file__], timeout=SECONDS, stdin=job, env=environment
        )
        result: dict[str, Any] = json.loads(done.stdout)
        middle, slowest = (
            result["latencies"][place] for place in (len(result["latencies"]) // 2, -1)
        )
        times = f"half within {middle:.1f} s, the slowest {slowest:.1f} s"
        self.laps.lap(f"{what} {result['statuses']}, {times}")
        assert (result["failed"], result["wrong"]) == ({}, 0)
        return Counter({int(status): count for status, count in result["statuses"].items()})


def _request(path: str, machine: Machine) -> str:
    loader = path == "/rocks/boot"
    mac = "" if loader else MAC_HEADER.format(mac=machine.mac)
    return REQUEST.format(path=path, host=ADDRESS, agent=LOADER if loader else INSTALLER, mac=mac)


def _report(order: str) -> str:
    body = json.dumps({"order": order, "phase": "installing"})
    return REPORT.format(host=ADDRESS, length=len(body), body=body)


def connect_machines(net: Network, fe: Frontend, laps: Laps) -> Crowd:
    """Connect the machines of the database to the network, behind one card."""
    place = net.client("crowd")
    place.ip("address", "add", OWN, "dev", "eth0")
    place.ip("route", "add", "local", THEIRS, "dev", "lo")
    rows = fe.sql("select mac, name, ip from nodes where mac like '52:54:%' order by mac")
    assert [mac for mac, _name, _address in rows] == MACS
    return Crowd(place, [Machine(*row) for row in rows], laps)


def test_a_thousand_nodes_that_lose_power_twice_are_all_answered_and_install_once(
    net: Network, folder: pathlib.Path, laps: Laps
) -> None:
    with frontend(net, folder / "frontend") as fe:
        laps.restart()
        source = [{"mac": mac, "rack": number // RACK} for number, mac in enumerate(MACS)]
        fe.playbook("insert-ethers", {"source": source, "count": COUNT}, SECONDS)
        laps.lap(f"{COUNT:,} machines are added and ordered")
        crowd = connect_machines(net, fe, laps)

        crowd.power_on("power is back")
        assert crowd.request("power is back", "/rocks/boot", "{name}: installing rocks") == {
            200: COUNT
        }
        assert crowd.request("power is back", "/rocks/kickstart", "--hostname={name} ") == {
            200: COUNT
        }
        assert fe.sql("select state, count(*) from installs group by state") == [
            ("booted", str(COUNT))
        ]
        query = "select n.name, i.uuid from installs i join nodes n on n.id = i.node"
        orders = {row[0]: row[1] for row in fe.sql(query)}
        assert crowd.start_installers("power is back", orders) == {200: COUNT}
        assert fe.sql("select state, count(*) from installs group by state") == [
            ("installing", str(COUNT))
        ]

        crowd.power_on("and once more")
        assert crowd.request("and once more", "/rocks/boot", "{name}: ") == {200: COUNT}
        assert crowd.request("and once more", "/rocks/kickstart", "{name}") == {409: COUNT}
        assert fe.sql("select state, count(*) from installs group by state") == [
            ("failed", str(COUNT))
        ]
        columns = "decision, count(*), count(distinct node)"
        query = f"select {columns} from audit where action = 'kickstart' group by decision"
        assert sorted(fe.sql(query)) == [
            ("200", str(COUNT), str(COUNT)),
            ("409", str(COUNT), str(COUNT)),
        ]
