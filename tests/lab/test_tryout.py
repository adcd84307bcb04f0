# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps of `make try` with the lab's DVD: the same code, another medium.

The frontend is installed from the DVD in a virtual machine. The lab has no packages for its
services, so the cluster's steps use the frontend of the stories, in a container.
"""

from __future__ import annotations

import dataclasses
import pathlib

import pytest
from tryout import steps
from tryout.machines import Place, Sizes, assemble_site
from tryout.medium import Vendor, read_medium
from tryout.site import Settings, Site
from tryout.step import PASSED, SKIPPED, Step, run_steps

from lab.evidence import Laps
from lab.image.dvd import dvd
from lab.machine.accelerator import accelerator
from lab.machine.hardware import BIOS, OVMF, UEFI_PXE, Hardware
from lab.machine.machine import machine
from lab.story.frontend import CONVERGE_SECONDS, ROLE, STOCK_KEY, container
from support.namespaces import Network

LAB = Vendor("Lab Enterprise Linux", "")
SIZES = Sizes(frontend_memory=1536, frontend_disk=6, node_memory=1536, node_disk=4)
DISKS = {
    "root_size": "2500",
    "root_fstype": "ext4",
    "swap_size": "256",
    "state_size": "128",
    "state_fstype": "ext4",
}
# The lab has no packages that start the frontend's services.
FRONTEND = {**DISKS, "scheduler": "none", "kernel_arguments": "console=ttyS0,115200"}
NODES = {**DISKS, "installer_console": "ttyS0,115200", "kernel_arguments": "console=ttyS0,115200"}
SLOWER = 2


def patient(story: tuple[Step, ...]) -> list[Step]:
    """Return the steps with deadlines for emulated processors."""
    return [dataclasses.replace(step, seconds=step.seconds * SLOWER) for step in story]


def run(story: list[Step], site: Site, laps: Laps) -> None:
    for outcome in run_steps(story, site):
        laps.lap(f"{outcome.state}: {outcome.title}")
        assert outcome.state in (PASSED, SKIPPED), outcome


@pytest.mark.parametrize("firmware", [BIOS, UEFI_PXE])
def test_the_frontend_is_installed_from_the_medium(
    folder: pathlib.Path, laps: Laps, firmware: str
) -> None:
    medium = read_medium(dvd(), [LAB])
    settings = Settings(medium=medium, firmware=firmware, frontend_attributes=FRONTEND)
    site = assemble_site(Place(folder / "try", OVMF, accelerator(), SIZES), settings)
    assert site.machine is not None
    try:
        run(patient(steps.FRONTEND[:2]), site, laps)
        assert site.sh("hostname").strip() == "frontend-0"
        assert "10.1.1.1" in site.sh("ip -brief address show enp0s3")
        assert site.sh("systemctl is-enabled rocks-frontend").strip() == "enabled"
        assert "collection.tar.gz" in site.sh("ls /var/lib/rocks")
    finally:
        site.machine.power_off()


def test_the_cluster_is_installed_changed_and_reinstalled(
    net: Network, folder: pathlib.Path, laps: Laps
) -> None:
    image = dvd()
    medium = read_medium(image, [LAB])
    settings = Settings(
        medium=medium,
        firmware=BIOS,
        attributes=NODES,
        distribution={
            "distribution_medium": f"/srv/mirror/dvd/{image.name}",
            "distribution_release": medium.release,
            "distribution_keys": [STOCK_KEY],
            "distribution_trust_installer": True,
        },
        drive="",
    )
    with (
        container(net, folder / "frontend", {"dvd": image.parent}) as frontend,
        machine(net, folder / "n0", Hardware("52:54:00:00:00:01")) as first,
        machine(net, folder / "n1", Hardware("52:54:00:00:00:02")) as second,
    ):
        frontend.playbook("frontend", ROLE, CONVERGE_SECONDS * SLOWER)
        (folder / "try").mkdir()
        site = Site(settings, folder / "try", frontend, (first, second))
        try:
            run(patient(steps.CLUSTER), site, laps)
        finally:
            site.stop()
