# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What iPXE and GRUB make of our boot answers, on machines: wait to be entered, install once, then the local disk."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
from dataclasses import dataclass, replace
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.db_grants import grant_role
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order, Pin
from lab.image.tree import tree
from lab.machine.hardware import BIOS, UEFI_HTTP, Hardware
from lab.machine.machine import machine
from support import mariadb as servers
from support.frontend import ATTRIBUTES, publish
from support.namespaces import Network
from support.site import SERVICE_UID, Site, face
from support.site import folder as public_folder

MAC, ADDRESS, SECONDS = "52:54:00:00:00:01", "10.1.255.254", 300.0
PASSWORD = "lab"
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
# What a distribution's signed GRUB does by itself when firmware loads it over HTTP.
EARLY = "net_bootp\nconfigfile (http,10.1.1.1)/boot/x86_64/grub.cfg\n"
MODULES = "http efinet net normal configfile linux echo sleep reboot test true halt minicmd serial terminal".split()  # noqa: SIM905


@dataclass(frozen=True)
class Stage:
    """The HTTP face, its database, and what an order pins."""

    site: Site
    database: Database
    pin: Pin

    def enter(self) -> None:
        """Make the machine a node."""
        row = (MAC, "compute-0-0", 2, 0, 0, ADDRESS)
        with self.database.transaction():
            self.database.execute(
                "insert into nodes (mac, name, membership, rack, `rank`, ip) values (?, ?, ?, ?, ?, ?)",
                row,
            )
            for scope, name, value in (("global", *pair) for pair in ATTRIBUTES.items()):
                self.database.execute(
                    "insert into attributes (scope, owner, name, value) values (?, 0, ?, ?)",
                    (scope, name, value),
                )
            self.database.execute(
                "insert into attributes (scope, owner, name, value) values ('global', 0, 'installer_console', 'ttyS0,115200')"
            )

    def order(self) -> Order:
        (said,) = orders.create_orders(
            self.database, {"compute-0-0": self.pin}, by="lab", now=timestamps.now()
        )
        assert said.order is not None
        return said.order

    def decided(self) -> list[str]:
        """What the machine's questions for its boot file were answered, in their order."""
        rows = self.database.rows("select detail from audit where action = 'boot' order by id")
        return [str(detail) for (detail,) in rows]

    def state(self, order: Order) -> str:
        return orders.find_by_uuid(self.database, [order.uuid])[0].state


@contextlib.contextmanager
def stage(net: Network) -> Iterator[Stage]:
    with public_folder() as place, servers.server(place / "mariadb") as server:
        (place / "mariadb").chmod(0o755)
        with connect(server.create("cluster"), check=False) as database:
            migrate(database)
            grant_role(database, "service", "rocks_service", password=PASSWORD)
            pin = publish(place / "install")
            images(place / "install" / ".generations" / "rocks" / "x86_64" / pin.generation)
            (place / "boot" / "x86_64").mkdir(parents=True)
            grub(place / "boot" / "x86_64" / "grubx64.efi", place)
            with dhcp(net, place), face(place, net.server, settings(place, server)) as site:
                yield Stage(site, database, pin)


def settings(place: pathlib.Path, server: servers.Server) -> str:
    credentials = place / "service.cnf"
    credentials.write_text(f"[client]\npassword = {PASSWORD}\n")
    os.chown(credentials, SERVICE_UID, SERVICE_UID)
    credentials.chmod(0o400)
    url = (
        f"mysql://rocks_service@localhost/cluster?socket={server.socket}&credentials={credentials}"
    )
    return f"service: {url}\ndistributions: {place}/install\nurl: http://10.1.1.1\n"


def images(generation: pathlib.Path) -> None:
    """The installer of the lab's release, in the generation that the order pins."""
    shutil.copytree(tree() / "images", generation / "images")
    shutil.copy(tree() / ".treeinfo", generation)


def grub(target: pathlib.Path, place: pathlib.Path) -> None:
    early = place / "early.cfg"
    early.write_text(EARLY)
    argv = [
        "grub-mkimage",
        "-O",
        "x86_64-efi",
        "-p",
        "/boot",
        "-c",
        str(early),
        "-o",
        str(target),
        *MODULES,
    ]
    process.run(argv, timeout=60)


@contextlib.contextmanager
def dhcp(net: Network, place: pathlib.Path) -> Iterator[None]:
    configuration = place / "dnsmasq.conf"
    configuration.write_text(DHCP.format(mac=MAC, address=ADDRESS, folder=place))
    argv = ["dnsmasq", "--keep-in-foreground", f"--conf-file={configuration}", "--log-facility=-"]
    with net.server.daemon(argv, place / "dnsmasq.log") as server:
        server.wait_for("started", 10)
        yield


@pytest.mark.parametrize("firmware", [BIOS, UEFI_HTTP])
def test_a_machine_waits_to_be_entered_installs_once_and_then_has_its_disk(
    net: Network, folder: pathlib.Path, firmware: str
) -> None:
    hardware = replace(Hardware(MAC), firmware=firmware)
    with stage(net) as given, machine(net, folder / "node", hardware) as node:
        node.power_on()
        node.wait(
            lambda: given.decided().count("discovery") >= 2,
            SECONDS,
            "a stranger to ask for the second time",
        )
        given.enter()
        order = given.order()
        node.wait(
            lambda: given.state(order) == "installing",
            SECONDS,
            "the installer to take its kickstart",
        )
        assert f"BOOTIF=01-{MAC.replace(':', '-')}" in node.said()
        node.power_off()
        node.power_on()
        node.wait(
            lambda: given.state(order) == "failed",
            SECONDS,
            "the machine to come back in the middle",
        )
        assert given.decided()[-1].startswith(
            "installing -> failed: the machine restarted in the middle"
        )
