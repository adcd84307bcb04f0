# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The client with the requests of firmware, against a real DHCP server."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

from support.daemons import Daemon
from support.firmware import IPXE, UEFI_HTTP, UEFI_PXE, Firmware, ask, ask_all
from support.namespaces import Namespace, Network, network

MAC = "52:54:00:00:00:01"
RULES = """
port=0
interface=br0
bind-interfaces
user=root
log-dhcp
dhcp-range=10.1.0.0,static,255.255.0.0,12h
dhcp-match=set:ipxe,175
dhcp-match=set:efi64,option:client-arch,7
dhcp-match=set:http64,option:client-arch,16
dhcp-boot=tag:ipxe,http://10.1.1.1/boot.ipxe
dhcp-boot=tag:!ipxe,tag:efi64,ipxe.efi
dhcp-option-force=tag:http64,60,HTTPClient
dhcp-boot=tag:http64,http://10.1.1.1/ipxe.efi
"""


@contextlib.contextmanager
def dnsmasq(net: Network, folder: pathlib.Path, hosts: str) -> Iterator[Daemon]:
    (folder / "hosts").write_text(hosts)
    (folder / "rules").write_text(
        f"{RULES}\ndhcp-hostsfile={folder}/hosts\ndhcp-leasefile={folder}/leases\n"
    )
    argv = [
        "dnsmasq",
        "-k",
        "-C",
        str(folder / "rules"),
        "--log-facility=-",
        f"--pid-file={folder}/pid",
    ]
    with net.server.daemon(argv, folder / "log") as server:
        server.wait_for("read ", 10)
        yield server


def test_a_known_node_gets_its_address_name_and_boot_file_at_once(tmp_path: pathlib.Path) -> None:
    with network() as net, dnsmasq(net, tmp_path, f"{MAC},10.1.255.254,compute-0-0\n"):
        lease = ask(net.client(mac=MAC), MAC, IPXE)
    assert lease is not None
    assert lease[:3] == ("10.1.255.254", "compute-0-0", "http://10.1.1.1/boot.ipxe")
    assert lease.discovers == 1


def test_each_of_many_known_clients_gets_its_own_address_and_an_unknown_one_none(
    tmp_path: pathlib.Path,
) -> None:
    addresses = {f"52:54:00:00:01:{number:02x}": f"10.1.255.{number + 1}" for number in range(200)}
    hosts = "".join(f"{mac},{address}\n" for mac, address in addresses.items())
    with network() as net, dnsmasq(net, tmp_path, hosts):
        leases = ask_all(
            net.client(), [*addresses, MAC], dataclasses.replace(IPXE, schedule=(0, 1))
        )
    assert {mac: lease and lease.address for mac, lease in leases.items()} == {
        **addresses,
        MAC: None,
    }


def test_the_server_distinguishes_the_kinds_of_firmware(tmp_path: pathlib.Path) -> None:
    def boot_file(client: Namespace, firmware: Firmware) -> tuple[str, str]:
        lease = ask(client, MAC, firmware)
        assert lease is not None
        return lease.boot_file, lease.vendor_class

    with network() as net, dnsmasq(net, tmp_path, f"{MAC},10.1.255.254\n"):
        client = net.client(mac=MAC)
        assert boot_file(client, UEFI_PXE) == ("ipxe.efi", "")
        assert boot_file(client, UEFI_HTTP) == ("http://10.1.1.1/ipxe.efi", "HTTPClient")


def test_an_unknown_node_that_becomes_known_gets_its_lease_in_the_same_power_on(
    tmp_path: pathlib.Path,
) -> None:
    with network() as net, dnsmasq(net, tmp_path, "") as server:
        client = net.client(mac=MAC)

        def insert() -> None:
            server.wait_for(f"DHCPDISCOVER(br0) {MAC} no address available", 5)
            (tmp_path / "hosts").write_text(f"{MAC},10.1.255.254\n")
            server.signal(signal.SIGHUP)

        with ThreadPoolExecutor(1) as thread:
            inserting = thread.submit(insert)
            lease = ask(client, MAC, IPXE)
            inserting.result()
    assert lease is not None
    assert lease.discovers == 2


def test_an_unknown_node_gets_no_answer(tmp_path: pathlib.Path) -> None:
    with network() as net, dnsmasq(net, tmp_path, "") as server:
        assert ask(net.client(mac=MAC), MAC, dataclasses.replace(IPXE, schedule=(0, 0.2))) is None
        assert server.output().count("no address available") == 2
