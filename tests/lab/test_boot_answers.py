# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""iPXE and GRUB follow the boot answers: wait for enrolment, install once, then the local disk."""

from __future__ import annotations

import contextlib
import pathlib
from dataclasses import replace
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from lab.boot_stage import enter, stage
from lab.machine.hardware import BIOS, UEFI_HTTP, Hardware
from lab.machine.machine import machine
from support.namespaces import Network

MAC = "52:54:00:00:00:01"
ADDRESS = "10.1.255.254"
SECONDS = 300.0
DHCP = """\
port=0
interface=br0
bind-interfaces
user=root
dhcp-range=10.1.0.0,static,255.255.0.0,12h
dhcp-host={mac},{address},compute-0-0
dhcp-leasefile={folder}/leases
pid-file={folder}/pid
dhcp-match=set:ipxe,175
dhcp-match=set:http64,option:client-arch,16
dhcp-boot=tag:ipxe,http://10.1.1.1/rocks/boot
dhcp-option-force=tag:http64,60,HTTPClient
dhcp-boot=tag:http64,http://10.1.1.1/boot/x86_64/grubx64.efi
"""
# What a distribution's signed GRUB does when firmware loads it over HTTP.
EARLY = "net_bootp\nconfigfile (http,10.1.1.1)/boot/x86_64/grub.cfg\n"


@contextlib.contextmanager
def dhcp(net: Network, place: pathlib.Path, _database: Database) -> Iterator[None]:
    configuration = place / "dnsmasq.conf"
    configuration.write_text(DHCP.format(mac=MAC, address=ADDRESS, folder=place))
    argv = ["dnsmasq", "--keep-in-foreground", f"--conf-file={configuration}", "--log-facility=-"]
    with net.server.daemon(argv, place / "dnsmasq.log") as server:
        server.wait_for("started", 10)
        yield


@pytest.mark.parametrize("firmware", [BIOS, UEFI_HTTP])
def test_a_machine_waits_for_enrolment_installs_once_and_then_boots_its_disk(
    net: Network, folder: pathlib.Path, firmware: str
) -> None:
    hardware = replace(Hardware(MAC), firmware=firmware)
    with stage(net, EARLY, dhcp) as boot_stage, machine(net, folder / "node", hardware) as node:
        node.power_on()
        node.wait(
            lambda: boot_stage.boot_decisions().count("discovery") >= 2,
            SECONDS,
            "a second request of an unknown machine",
        )
        enter(boot_stage.database, MAC, ADDRESS)
        order = boot_stage.order()
        node.wait(
            lambda: len(boot_stage.addresses("kickstart")) == 1,
            SECONDS,
            "the installer to fetch its kickstart",
        )
        assert f"BOOTIF=01-{MAC.replace(':', '-')}" in node.console_text()
        assert boot_stage.state(order) == "booted"
        boot_stage.start_installer(order)
        node.power_off()
        node.power_on()
        node.wait(
            lambda: boot_stage.state(order) == "failed",
            SECONDS,
            "the machine to restart in the middle",
        )
        assert boot_stage.boot_decisions()[-1].startswith(
            "installing -> failed: the machine restarted in the middle"
        )
