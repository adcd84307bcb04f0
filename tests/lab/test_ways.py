# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Boot methods over ssh for machines that boot their disk first: GRUB's next entry, kexec,
BootNext.

The scripts and the boot answer that they request are the product's; the plain frontend installs the
machines.
"""

from __future__ import annotations

import pathlib
import shutil
from dataclasses import replace
from typing import Any

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.boot_methods import (
    boot_installer,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.boot_target import (
    BootTarget,
)
from ansible_collections.npaci.rocks.plugins.module_utils.service import boot_scripts
from ansible_collections.npaci.rocks.plugins.module_utils.service.installer_arguments import (
    installer_for,
)
from lab import cache
from lab.distribution.sources import sources
from lab.evidence import Laps
from lab.machine.hardware import UEFI_HTTP, Hardware
from lab.machine.machine import Machine, machine
from lab.plain import URL, Frontend, frontend
from lab.ssh import Key, new_key
from support import scratch
from support.drivers import pack
from support.namespaces import Network
from support.profiles import SITES, kickstart, scripts

NODE = Hardware("52:54:00:00:00:01")
NAME = "compute-0-0"
ADDRESS = "10.1.255.254"
HOSTS = {NODE.mac: f"{ADDRESS},{NAME}"}
KICKSTART = (cache.LAB / "kickstarts/machine.cfg").read_text()
# Packages that Red Hat's installer adds with the boot loader, and automatically.
PACKAGES = "@^minimal-environment\ngrub2\nkexec-tools\n"
# As in the node file console.xml.
SSHD = 'sshpw --username=root --sshkey "{key}"\nrootpw'
FRONTEND = f"\n%post\nmkdir -p /etc/rocks\necho {URL} >/etc/rocks/frontend\n%end\n"
START = boot_scripts.BootParameters(
    NAME, NODE.mac, "rocks", "4c19e0b2aa17", URL, f"{URL}/tree", installer_for("rhel9"),
    ("console=ttyS0,115200", "quiet", "mitigations=off", "inst.sshd"),
)  # fmt: skip
# The section of a driver that nodes build; the module is fetched, because the lab's machines have
# no compiler.
DRIVER = """
%post --erroronfail
{script}
mkdir -p /lib/modules/{kernel}/extra/myri
module=/lib/modules/{kernel}/extra/myri/myri.ko
curl --silent --show-error --fail --output $module {url}/drivers/myri.ko
depmod {kernel}
ln -s ../rocks-driver.service /etc/systemd/system/multi-user.target.wants/
%end
"""
SECONDS = 900.0
UP = "/event/up"
KICKSTART_PATH = "/rocks/kickstart"
KICKSTART_BY_FIRMWARE = "/ks/"


def with_driver(
    folder: pathlib.Path, web_content: dict[str, pathlib.Path]
) -> tuple[dict[str, pathlib.Path], str]:
    """Build a driver; return the web content with it, and the kickstart section that loads it."""
    (kernel,) = (path.name for path in (sources() / "kernel/lib/modules").iterdir())
    root = scratch.make(folder / "compiler")
    pack(root / "root/myri.tar", "myri")
    shutil.copy(cache.ROOT / "xml/programs/build-driver", root / "root")
    result = scratch.run(root, f"sh /root/build-driver myri 1.2 /root/myri.tar {kernel}", SECONDS)
    assert result.status == 0, result.stdout + result.stderr
    shutil.copy(
        root / scratch.LAYER / f"upper/lib/modules/{kernel}/extra/myri/myri.ko", root / "root"
    )
    site = {**SITES["driver of its own"], "driver_source": f"{URL}/drivers/myri.tar"}
    (script,) = (
        script_section.text
        for script_section in scripts(kickstart("compute", "rhel9", **site), "rhel9")
        if script_section.node == "driver-2"
    )
    return {**web_content, "drivers": root / "root"}, DRIVER.format(
        script=script, kernel=kernel, url=URL
    )


class Stage:
    """One machine and its frontend."""

    def __init__(
        self,
        net: Network,
        fe: Frontend,
        node: Machine,
        key: Key,
        laps: Laps,
        further: str = FRONTEND,
    ) -> None:
        self.net = net
        self.fe = fe
        self.node = node
        self.key = key
        self.laps = laps
        fe.responses["/rocks/boot"] = lambda _address: boot_scripts.install_script(
            boot_scripts.IPXE, START
        )
        fe.responses[KICKSTART_PATH] = lambda address: fe.kickstarts[address]
        text = KICKSTART.replace("@KEY@", key.public).replace("@^minimal-environment\n", PACKAGES)
        fe.reinstall(ADDRESS, text.replace("rootpw", SSHD.format(key=key.public), 1) + further)

    def wait_for(self, what: str, count: int) -> None:
        """Wait until the machine has requested a path ``count`` times in total."""
        self.node.wait(
            lambda: len(self.fe.requests(ADDRESS, what)) >= count,
            SECONDS,
            f"{what} for time {count}",
        )
        self.laps.lap(f"{what}, {count}", self.node.cpu_seconds())

    def run(self, *argv: str) -> str:
        """Run a command on the machine; return its output."""
        return self.key.run(self.net.server, ADDRESS, *argv)

    def send(self, way: str) -> None:
        """Boot the machine into the installer as rocks_reinstall does, with this test's key."""

        def ssh(argv: list[str], **options: Any) -> process.ProgramResult:
            key = ["-i", str(self.key.private), "-o", "UserKnownHostsFile=/dev/null"]
            return self.net.server.run([argv[0], *key, *argv[1:]], **options)

        self.laps.restart()
        target = BootTarget(NAME, ADDRESS, {"boots_from": "disk", "reinstall_by": way})
        assert boot_installer(target, run=ssh) == way


def test_a_bios_machine_boots_the_installer_by_grub_once_and_by_kexec_and_loads_its_driver(
    net: Network, folder: pathlib.Path, web_content: dict[str, pathlib.Path], laps: Laps
) -> None:
    web_content, driver = with_driver(folder, web_content)
    with (
        frontend(net, folder / "frontend", HOSTS, web_content) as fe,
        machine(net, folder / "node", NODE, ("disk", "network")) as node,
    ):
        stage = Stage(net, fe, node, new_key(folder), laps, FRONTEND + driver)
        node.power_on()
        stage.wait_for(UP, 1)
        from_network = len(fe.requests(ADDRESS, "/boot.ipxe"))

        # GRUB uses its next entry once: a machine that does not install boots its disk again.
        stage.send("grub")
        stage.wait_for(KICKSTART_PATH, 1)
        node.reset()
        stage.wait_for(UP, 2)
        assert "inst.ks" not in stage.run("cat", "/proc/cmdline")

        stage.run("echo state >/state/partition1/kept; echo soft >/root/gone; sync")
        stage.send("kexec")
        stage.wait_for(KICKSTART_PATH, 2)
        node.wait(
            lambda: node.console_text().count("Installing bash") == 2,
            SECONDS,
            "packages to be installed once more",
        )
        assert "Installing bash" in stage.run(
            "tmux", "capture-pane", "-p", "-S", "-", "-t", "anaconda:1"
        )
        stage.wait_for(UP, 3)
        assert (
            stage.run("cat /state/partition1/kept; test -e /root/gone || echo clean")
            == "state\nclean\n"
        )
        assert stage.run("ls", "/boot") == stage.run("ls -I rocks", "/boot")
        assert len(fe.requests(ADDRESS, "/boot.ipxe")) == from_network
        assert (
            stage.run("systemctl is-system-running --wait; systemctl is-active rocks-driver")
            == "running\nactive\n"
        )
        assert stage.run("cut -d ' ' -f 1,5 /proc/modules | grep myri") == "myri Live\n"
        headers = fe.requests(ADDRESS, KICKSTART_PATH)[-1].headers
        assert headers["X-RHN-Provisioning-MAC-0"].endswith(NODE.mac)


def test_a_uefi_machine_boots_from_the_network_next_and_then_from_its_disk_as_before(
    net: Network, folder: pathlib.Path, web_content: dict[str, pathlib.Path], laps: Laps
) -> None:
    hardware = replace(NODE, firmware=UEFI_HTTP)
    with (
        frontend(net, folder / "frontend", HOSTS, web_content) as fe,
        machine(net, folder / "node", hardware, ("disk", "network")) as node,
    ):
        stage = Stage(net, fe, node, new_key(folder), laps)
        node.power_on()
        stage.wait_for(UP, 1)
        before = stage.run("efibootmgr")
        assert "BootNext" not in before
        fe.installed.clear()

        stage.send("bootnext")
        stage.wait_for(KICKSTART_BY_FIRMWARE, 2)
        node.reset()
        stage.wait_for(UP, 2)
        assert stage.run("efibootmgr") == before
