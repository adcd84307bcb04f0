"""What the installer adds to a kickstart's packages: known names, for every release."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.installer_packages import (
    added_packages,
    language_packs,
    platform_packages,
)
from support.kickstarts import single_node_tree
from support.profiles import SITES, SUPPORTED, node_attributes, shipped_profile


@pytest.mark.parametrize("release", SUPPORTED)
def test_a_compute_node_gets_a_kernel_and_the_tools_of_its_file_systems(release: str) -> None:
    added = added_packages(shipped_profile("compute", release))
    assert set(added) == {"kernel", "xfsprogs", "chrony", "firewalld"}


def test_the_attributes_of_nodes_decide() -> None:
    profile = shipped_profile("compute", "rhel9")
    nodes = [node_attributes("compute", **more) for more in ({}, {"state_fstype": "ext4"})]
    assert {"xfsprogs", "e2fsprogs"} <= set(added_packages(profile, nodes))
    mirrored = [node_attributes("compute", disk_mirror="yes"), node_attributes("compute")]
    assert "mdadm" in added_packages(profile, mirrored)
    assert "mdadm" not in added_packages(profile, nodes)


@pytest.mark.parametrize(
    ("rows", "packages"),
    [
        (["/data RK_DATA xfs 1 keep disk=2,3 raid=1"], {"mdadm"}),
        (["lvm RK_VG lvm 100 disk=2", "/data RK_DATA ext4 1 keep vg=RK_VG"], {"lvm2", "e2fsprogs"}),
        (["/data RK_DATA xfs 1 keep disk=2"], set()),
    ],
)
def test_the_layout_decides(tmp_path: pathlib.Path, rows: list[str], packages: set[str]) -> None:
    text = "\n".join(["/ RK_ROOT xfs 30720", *rows])
    layout = f'<pre><file name="/run/rocks/layout">\n{text}\n</file></pre>'
    path = single_node_tree(tmp_path, layout, "<native>%include /run/rocks/partition.ks</native>")
    added = set(added_packages(compile_profile([path], "compute", {}, "rhel9")))
    assert added & {"mdadm", "lvm2", "e2fsprogs"} == packages


def test_an_infiniband_interface_needs_its_drivers() -> None:
    profile = shipped_profile("compute", "rhel9", **SITES["interfaces"])
    nodes = [node_attributes("compute", **SITES["interfaces"])]
    assert "rdma-core" in added_packages(profile, nodes)


@pytest.mark.parametrize("release", SUPPORTED)
def test_a_machine_needs_the_boot_loader_of_its_firmware(release: str) -> None:
    profile = shipped_profile("compute", release)
    assert set(platform_packages(profile, "x86_64")) == {"BIOS", "UEFI"}
    assert set(platform_packages(profile, "aarch64")) == {"UEFI"}
    for arch in ("x86_64", "aarch64"):
        for packages in platform_packages(profile, arch).values():
            assert "grub2-tools" in packages


def test_the_languages_of_the_kickstart_have_packs() -> None:
    profile = shipped_profile("compute", "rhel9")
    assert language_packs(profile) == ["langpacks-en", "langpacks-en_US"]
