# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The answers of Kea, dhcpd and dnsmasq with their reports; all three behave alike."""

from __future__ import annotations

import contextlib
import pathlib
import socket
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster import node_changes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.interfaces import (
    put_interface,
)
from support.dhcp import DISCOVER, message
from support.firmware import IPXE, UEFI_HTTP, UEFI_IPXE, UEFI_PXE, Firmware, ask
from support.namespaces import Network, network
from support.reporting import serving

BIOS = Firmware("PXEClient:Arch:00000:UNDI:002001", 0, (0, 1, 3))
ARM64 = Firmware("PXEClient:Arch:00011:UNDI:003000", 11, (0, 1, 3))
ARM64_HTTP = Firmware("HTTPClient:Arch:00019:UNDI:003000", 19, (0, 1, 3))
IMPATIENT = Firmware("PXEClient:Arch:00000:UNDI:002001", 0, (0,))
COMPUTE_0_0 = "00:50:8b:e0:3a:a7"
UNKNOWN = "52:54:00:00:00:99"
BMC = "52:54:00:00:00:97"
STRANGER = "52:54:00:00:00:98"
SCRIPT = "http://10.1.1.1/rocks/boot"
HTTP = "http://10.1.1.1/boot/"

every_server = pytest.mark.parametrize("name", ["kea", "dhcpd", "dnsmasq"])


@pytest.fixture
def net() -> Iterator[Network]:
    """Yield the paper's network, 10.0.0.0/8."""
    with network("10.1.1.1/8") as net:
        yield net


@every_server
def test_a_known_machine_gets_address_name_and_boot_file(
    name: str, net: Network, described: Database, tmp_path: pathlib.Path
) -> None:
    expected = {
        IPXE: SCRIPT,
        UEFI_IPXE: SCRIPT,
        BIOS: "bios/undionly.kpxe",
        UEFI_PXE: "x86_64/shimx64.efi",
        ARM64: "aarch64/shimaa64.efi",
        UEFI_HTTP: f"{HTTP}x86_64/shimx64.efi",
        ARM64_HTTP: f"{HTTP}aarch64/shimaa64.efi",
    }
    machine = net.client()
    with serving(name, net, tmp_path, described):
        for firmware, file in expected.items():
            lease = ask(machine, COMPUTE_0_0, firmware)
            assert lease is not None
            assert (lease.address, lease.hostname, lease.boot_file) == (
                "10.255.255.245",
                "compute-0-0",
                file,
            )
            assert lease.next_server == "10.1.1.1"
            assert lease.vendor_class == ("HTTPClient" if file.startswith(HTTP) else "")


@every_server
def test_an_unknown_machine_gets_no_address(
    name: str, net: Network, described: Database, tmp_path: pathlib.Path
) -> None:
    with serving(name, net, tmp_path, described):
        assert ask(net.client(), UNKNOWN, IMPATIENT) is None


@every_server
def test_a_machine_is_served_after_its_node_was_added(
    name: str, net: Network, described: Database, tmp_path: pathlib.Path
) -> None:
    machine = net.client()
    with serving(name, net, tmp_path, described) as site:
        assert ask(machine, UNKNOWN, IMPATIENT) is None
        node_changes.add_nodes(described, [NewNode(mac=UNKNOWN)])
        assert site.write().reloaded
        lease = ask(machine, UNKNOWN)
        assert lease is not None and (lease.address, lease.hostname) == (
            "10.255.255.254",
            "compute-0-4",
        )


@every_server
def test_a_replacement_machine_gets_the_address_of_the_old_one(
    name: str, net: Network, described: Database, tmp_path: pathlib.Path
) -> None:
    machine = net.client()
    with serving(name, net, tmp_path, described) as site:
        assert ask(machine, COMPUTE_0_0)
        node_changes.replace_node(described, "compute-0-0", UNKNOWN)
        site.write()
        assert ask(machine, COMPUTE_0_0, IMPATIENT) is None
        lease = ask(machine, UNKNOWN)
        assert lease is not None and lease.address == "10.255.255.245"


@every_server
def test_a_pool_serves_unknown_machines_only(
    name: str, net: Network, described: Database, tmp_path: pathlib.Path
) -> None:
    described.execute(
        "update networks set pool_first = '10.9.0.1', pool_last = '10.9.0.9' where name = 'private'"
    )
    machine = net.client()
    with serving(name, net, tmp_path, described) as site:
        lent = ask(machine, UNKNOWN)
        assert lent is not None and lent.address.startswith("10.9.0.")
        node_changes.add_nodes(described, [NewNode(mac=UNKNOWN)])
        site.write()
        lease = ask(machine, UNKNOWN)
        assert lease is not None and lease.address == "10.255.255.254"


@every_server
def test_a_machine_behind_a_relay_gets_the_address_of_its_own_network(
    name: str, net: Network, described: Database, tmp_path: pathlib.Path
) -> None:
    with serving(name, net, tmp_path, described), _relay(net) as link:
        offer = _discover_through(link, "00:25:90:00:00:00")
        assert socket.inet_ntoa(offer[16:20]) == "192.168.5.255"
        assert socket.inet_aton("192.168.4.1") in offer  # the router of that network
        assert b"compute-0-0-bmc" in offer and b"bmc.cluster" in offer


@every_server
def test_a_further_interface_gets_a_boot_file_and_a_bmc_does_not(
    name: str, net: Network, described: Database, tmp_path: pathlib.Path
) -> None:
    put_interface(described, "compute-0-0", "eth1", network="private", mac=UNKNOWN)
    put_interface(described, "compute-0-0", "ipmi", kind="bmc", network="private", mac=BMC)
    machine = net.client()
    with serving(name, net, tmp_path, described):
        for firmware, file in (
            (IPXE, SCRIPT),
            (BIOS, "bios/undionly.kpxe"),
            (UEFI_HTTP, f"{HTTP}x86_64/shimx64.efi"),
        ):
            lease = ask(machine, UNKNOWN, firmware)
            assert lease and (lease.hostname, lease.boot_file) == ("compute-0-0-eth1", file)
            bmc = ask(machine, BMC, firmware)
            assert bmc and (bmc.hostname, bmc.boot_file) == ("compute-0-0-ipmi", "")


@every_server
@pytest.mark.parametrize(
    ("change", "boots"),
    [
        ("boot = 'yes'", True),
        pytest.param("boot = 'no'", False, id="excluded"),
        pytest.param("gateway = ''", False, id="frontend not reachable"),
        pytest.param("kind = 'management'", False, id="management"),
    ],
)
def test_boot_files_are_offered_only_on_networks_with_boot(
    name: str, change: str, boots: bool, net: Network, described: Database, tmp_path: pathlib.Path
) -> None:
    described.execute("update networks set kind = 'private' where name = 'bmc'")
    described.execute(f"update networks set {change} where name = 'bmc'")
    put_interface(described, "compute-0-0", "eth1", network="bmc", mac=UNKNOWN, ip="192.168.5.7")
    with serving(name, net, tmp_path, described), _relay(net) as link:
        for mac, address in ((UNKNOWN, "192.168.5.7"), (STRANGER, "192.168.7.")):
            offer = _discover_through(link, mac)
            assert socket.inet_ntoa(offer[16:20]).startswith(address)
            assert (b"bios/undionly.kpxe" in offer) == boots


@contextlib.contextmanager
def _relay(net: Network) -> Iterator[socket.socket]:
    """Yield the socket of a relay in the network of the BMCs."""
    relay = net.client("relay")
    for address in ("10.0.0.9/8", "192.168.4.2/22"):
        relay.ip("address", "add", address, "dev", "eth0")
    net.server.ip("route", "add", "192.168.4.0/22", "via", "10.0.0.9")
    with relay.call(_relay_socket) as link:
        yield link


def _discover_through(link: socket.socket, mac: str) -> bytes:
    """Return the answer to a DISCOVER of BIOS firmware behind the relay."""
    options = [
        (53, DISCOVER),
        (93, b"\0\0"),
        (60, BIOS.vendor_class.encode()),
        (55, bytes([1, 3, 12, 15, 66, 67])),
    ]
    link.sendto(message(mac, options, relay="192.168.4.2"), ("10.1.1.1", 67))
    return link.recv(2048)


def _relay_socket() -> socket.socket:
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.settimeout(5)
    link.bind(("192.168.4.2", 67))
    return link
