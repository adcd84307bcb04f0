# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One cluster with several releases, architectures and distributions (paper, 6.1 and 6.2.3).

The nodes are light ones that boot what they have installed: real packages, a real init, sshd, munge
and slurmd.
"""

from __future__ import annotations

import contextlib
import pathlib
import re
from dataclasses import dataclass
from typing import Iterator, Mapping

from lab.evidence import Laps
from lab.image.tree import tree
from lab.light.machine import LightMachine, switched_on
from lab.light.node import light_node
from lab.story import arm
from lab.story.frontend import ADDRESS, MIRROR, SOURCES, STOCK_KEY, Frontend, frontend
from support import firmware, rpms
from support.kickstarts import parse_strictly
from support.namespaces import Namespace, Network
from support.waiting import until

SECONDS = 120.0
INSTALL_SECONDS = 600.0
# Node -> its MAC; two have the membership Compute, the third one with another release.
NODES = {
    "compute-0-0": "52:54:00:00:01:01",
    "compute-0-1": "52:54:00:00:01:02",
    "compute-1-0": "52:54:00:00:02:01",
}
ARM = "compute-2-0"
ARM_MAC = "52:54:00:00:03:01"
ARM_HTTP = firmware.Firmware("HTTPClient:Arch:00019:UNDI:003000", 0x13, firmware.UEFI_HTTP.schedule)
MEMBERSHIPS = {"Next": "rocks-10", "Own": "rocks-own"}
SLURM = {"frontend_slurm_distributions": ["rocks", "rocks-10", "rocks-own"]}
OWN_TOOL = rpms.Rpm("own-tool", files={"/usr/bin/own-tool": "#!/bin/sh\necho mine\n"})
OWN_XML = """\
<kickstart>
  <description>
    The additions of one developer.
  </description>

  <package>own-tool</package>
</kickstart>
"""
JOB = "#!/bin/sh\ncat /etc/redhat-release\nhostname\n"
OUTPUT = "var/tmp/job.out"


@dataclass(frozen=True)
class Site:
    fe: Frontend
    machines: Mapping[str, LightMachine]
    laps: Laps

    def last(self, node: str) -> tuple[str, str]:
        """Return state and distribution of the node's last order; raise a machine's error."""
        for machine in self.machines.values():
            machine.check()
        installs = "installs i join nodes n on n.id = i.node"
        query = f"select i.state, i.distribution from {installs} where n.name = '{node}'"
        state, distribution = self.fe.sql(f"{query} order by i.id desc limit 1")[0]
        return state, distribution

    def wait_until_up(self, node: str) -> None:
        until(lambda: self.last(node)[0] == "up", INSTALL_SECONDS, f"{node} to be up")

    def release(self, node: str) -> str:
        """Return the release that the node runs."""
        return self.machines[node].run("cat", "/etc/redhat-release").strip()

    def in_slurm(self, node: str) -> tuple[str, set[str]]:
        """Return the node's state and active features in Slurm."""
        state, features = self.fe.run(
            "sinfo", "--noheader", "--nodes", node, "--Format=StateLong,features_act:200"
        ).split()
        return state, set(features.split(","))

    def wait_for_slurm(self, node: str, feature: str) -> None:
        def is_ready() -> bool:
            state, features = self.in_slurm(node)
            return state == "idle" and feature in features

        until(is_ready, SECONDS, f"{node} to be idle with {feature}")

    def forget_key(self, node: str) -> None:
        """Remove the node's key: a light node has no preserved partition that keeps it."""
        self.fe.module("rocks_secret", name="node_key", node=node, state="absent")


@contextlib.contextmanager
def site(net: Network, folder: pathlib.Path, laps: Laps) -> Iterator[Site]:
    """Run a frontend with four distributions, and three nodes that are switched on."""
    mirrors = {"stock-10": tree("10.0"), "stock-arm": arm.tree(folder / "arm")}
    with (
        frontend(net, folder / "frontend", SLURM, describe, mirrors) as fe,
        contextlib.ExitStack() as power,
    ):
        laps.lap("the frontend has converged and published its first distribution")
        publish_others(fe)
        laps.lap(
            "published three more distributions: another release, another architecture, a child"
        )
        fe.playbook("insert-ethers", {"source": list(NODES.values())[:2], "count": 2})
        fe.playbook(
            "insert-ethers",
            {"source": [NODES["compute-1-0"]], "count": 1, "membership": "Next", "rack": 1},
        )
        fe.playbook("insert-ethers", {"source": [ARM_MAC], "count": 1, "arch": arm.ARCH, "rack": 2})
        laps.restart()
        machines = {
            name: power.enter_context(switched_on(light_node(net, folder / name, mac)))
            for name, mac in NODES.items()
        }
        yield Site(fe, machines, laps)


def describe(fe: Frontend) -> None:
    """Add the memberships of the other distributions, so that these contain their profiles."""
    for name, distribution in MEMBERSHIPS.items():
        fe.module(
            "rocks_membership",
            name=name,
            appliance="compute",
            distribution=distribution,
            compute=True,
        )


def publish_others(fe: Frontend) -> None:
    stock = {
        "name": "stock",
        "path": f"{MIRROR}/stock-10",
        "gpg_keys": [STOCK_KEY],
        "trust_installer": True,
    }
    third_party = next(source for source in SOURCES if source["name"] == "third-party")
    fe.publish(
        distribution_name="rocks-10",
        distribution_release="rhel10",
        distribution_sources=[stock, third_party],
    )
    arm_stock = {"name": "stock", "path": f"{MIRROR}/stock-arm"}
    fe.publish(distribution_arch=arm.ARCH, distribution_sources=[arm_stock])
    rpms.write(OWN_TOOL, fe.root / "export/rocks/own")
    profiles = fe.root / "etc/rocks/own/nodes"
    profiles.mkdir(parents=True)
    (profiles / "extend-compute.xml").write_text(OWN_XML)
    fe.publish(
        distribution_name="rocks-own",
        distribution_parent="/var/lib/rocks/install/rocks/x86_64",
        distribution_sources=[],
        distribution_local="/export/rocks/own",
        distribution_xml=["the parent's own", "/etc/rocks/own"],
    )


def test_several_releases_architectures_and_distributions_work_in_one_cluster(
    net: Network, folder: pathlib.Path, laps: Laps
) -> None:
    with site(net, folder, laps) as cluster:
        two_memberships_have_two_releases(cluster)
        one_node_gets_a_private_distribution(cluster)
        a_job_gets_the_release_that_it_requires(cluster)
        another_architecture_gets_its_boot_loader_installer_and_packages(net, cluster.fe)
        laps.lap("the aarch64 node's loader, installer, kickstart and packages are answered")


def two_memberships_have_two_releases(cluster: Site) -> None:
    for node in NODES:
        cluster.wait_until_up(node)
    cluster.laps.lap("three nodes of two releases are up")
    assert {node: cluster.release(node) for node in NODES} == {
        "compute-0-0": "Lab Enterprise Linux 9.4",
        "compute-0-1": "Lab Enterprise Linux 9.4",
        "compute-1-0": "Lab Enterprise Linux 10.0",
    }
    for node, feature in {
        "compute-0-0": "rocks",
        "compute-0-1": "rocks",
        "compute-1-0": "rocks_10",
    }.items():
        cluster.wait_for_slurm(node, feature)
    cluster.laps.lap("the nodes are idle in Slurm")


def one_node_gets_a_private_distribution(cluster: Site) -> None:
    argv = [
        "ansible",
        "compute-0-0",
        "-m",
        "rocks_reinstall",
        "-a",
        "distribution=rocks-own scheduler=slurm rearm=true",
    ]
    cluster.laps.restart()
    cluster.fe.run(*argv, timeout=INSTALL_SECONDS)
    cluster.laps.lap("one node has a private distribution")
    assert cluster.machines["compute-0-0"].run("own-tool") == "mine\n"
    assert not (cluster.machines["compute-0-1"].node.root / "usr/bin/own-tool").exists()
    cluster.wait_for_slurm("compute-0-0", "rocks_own")


def a_job_gets_the_release_that_it_requires(cluster: Site) -> None:
    """Slurm reinstalls a node for it, and the node keeps the new release."""
    node = cluster.machines["compute-0-1"].node
    cluster.forget_key("compute-0-1")
    (cluster.fe.root / "tmp/job").write_text(JOB)
    cluster.laps.restart()
    options = [
        "--constraint=rocks_10",
        "--nodelist=compute-0-1",
        "--wait",
        f"--output=/{OUTPUT}",
        "--chdir=/",
    ]
    cluster.fe.run("sbatch", *options, "/tmp/job", timeout=INSTALL_SECONDS)
    cluster.laps.lap("a job has run on its required release, on a node that had another one")
    assert (node.root / OUTPUT).read_text() == "Lab Enterprise Linux 10.0\ncompute-0-1\n"
    assert cluster.last("compute-0-1") == ("up", "rocks-10")
    cluster.wait_for_slurm("compute-0-1", "rocks_10")


def another_architecture_gets_its_boot_loader_installer_and_packages(
    net: Network, fe: Frontend
) -> None:
    """Send the requests of the firmware, the loader and the installer of an aarch64 machine."""
    machine = net.client("arm", ARM_MAC)
    lease = firmware.ask(machine, ARM_MAC, ARM_HTTP)
    assert lease and (lease.hostname, lease.vendor_class) == (ARM, "HTTPClient")
    machine.ip("address", "add", f"{lease.address}/16", "dev", "eth0")
    assert get(machine, lease.boot_file) == "BOOTAA64.EFI of aarch64\n"
    menu = get(machine, f"http://{ADDRESS}/rocks/boot?form=grub")
    places = dict(re.findall(r"^ *(linux|initrd) \(http,10\.1\.1\.1\)(\S+)", menu, re.MULTILINE))
    assert get(machine, f"http://{ADDRESS}{places['linux']}") == f"{arm.KERNEL} of aarch64\n"
    assert get(machine, f"http://{ADDRESS}{places['initrd']}") == f"{arm.INITRD} of aarch64\n"
    kickstart = get(
        machine, f"http://{ADDRESS}/rocks/kickstart", f"X-RHN-Provisioning-MAC-0: eth0 {ARM_MAC}"
    )
    handler = parse_strictly(kickstart, "rhel9")
    assert handler.network.hostname == ARM
    assert {"slurm-slurmd", "site-settings", "openmpi"} <= set(handler.packages.packageList)
    assert "/rocks/aarch64/" in handler.url.url
    assert "<repomd" in get(machine, f"{handler.url.url}/repodata/repomd.xml")
    assert f"{arm.STAGE2} of aarch64\n" == get(machine, f"{handler.url.url}/{arm.STAGE2}")


def get(machine: Namespace, url: str, header: str = "Accept: */*") -> str:
    argv = [
        "curl",
        "--silent",
        "--show-error",
        "--fail",
        "--max-time",
        "20",
        "--header",
        header,
        url,
    ]
    return machine.run(argv, timeout=SECONDS).stdout
