"""The profiles that we ship: every root for every release, without a complaint of ours or of the installer's parser."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compiler import compile_profile
from ansible_collections.npaci.rocks.plugins.module_utils.profile.lint import lint
from ansible_collections.npaci.rocks.plugins.module_utils.profile.releases import RELEASES
from ansible_collections.npaci.rocks.plugins.module_utils.profile.render import render
from support.golden import Golden
from support.kickstarts import strictly_valid

XML = str(pathlib.Path(__file__).parents[3] / "xml")
ROOTS = ("compute", "login", "nas", "web", "frontend")
# What the database says of a node of a configured cluster.
NODE = {
    "hostname": "compute-0-0",
    "rack": "0",
    "rank": "0",
    "mac": "00:50:8b:e0:3a:a7",
    "ip": "10.255.255.245",
    "arch": "x86_64",
    "membership": "Compute",
    "appliance": "compute",
    "distribution": "rocks",
    "frontend_address": "10.1.1.1",
    "frontend_name": "frontend-0",
    "private_network": "10.0.0.0/8",
    "ntp_server": "10.1.1.1",
    "home_server": "10.1.1.1",
    "root_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 root@frontend-0",
}
ORDER = {
    "frontend_url": "http://10.1.1.1",
    "install_url": "http://10.1.1.1/install/.generations/rocks/x86_64/0123456789ab",
    "install_order": "8c9d3b3e-6a3f-4f5e-9f57-0d2c8f6d3a10",
    "install_generation": "0123456789ab",
    "install_profile": "f" * 64,
}
SUPPORTED = [name for name in RELEASES if name != "rhel7"]


def kickstart(root: str, release: str, **attributes: str) -> str:
    """What a node of this kind would be given."""
    node = {**NODE, **attributes}
    return render(compile_profile(XML, root, node, release), {**node, **ORDER})


def test_the_traversal_from_compute_holds_compute_mpi_and_c_development_as_in_the_paper() -> None:
    names = [node.name for node in compile_profile(XML, "compute", NODE, "rhel9").nodes]
    assert {"compute", "mpi", "c-development"} <= set(names)
    assert "dhcp-server" not in names


def test_the_dhcp_server_of_figure_2_is_a_small_node_file_of_the_frontend() -> None:
    profile = compile_profile(XML, "frontend", NODE, "rhel9")
    assert "dhcp-server" in [package.name for package in profile.packages]
    assert "systemctl enable dhcpd\n" in kickstart("frontend", "rhel9")


@pytest.mark.parametrize("path", sorted(pathlib.Path(XML, "nodes").glob("*.xml")), ids=lambda path: path.stem)
def test_a_node_file_is_a_page_and_says_what_it_is_for(path: pathlib.Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 60
    assert re.search(r"<description>\s*\S", text)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("root", ROOTS)
def test_a_kickstart_of_ours_is_strictly_valid_and_its_compile_says_nothing(root: str, release: str) -> None:
    profile = compile_profile(XML, root, NODE, release)
    strictly_valid(kickstart(root, release), release)
    # What weak dependencies are is not known to the oldest of them.
    assert {remark.rule for remark in profile.remarks} <= ({"dropped-option"} if release == "rhel7" else set())


SITES = {
    "static": {"network_static": "yes", "network_gateway": "10.1.1.1", "network_nameserver": "10.1.1.1"},
    "interfaces": {
        "network_second": "--device=eth1 --bootproto=dhcp --onboot=yes",
        "network_bond": "--device=bond0 --bondslaves=eth2,eth3 --bootproto=dhcp",
        "network_vlan": "--device=eth4 --vlanid=7 --bootproto=dhcp",
        "network_infiniband": "--device=ib0 --bootproto=dhcp",
    },
    "sssd": {"accounts": "sssd"},
    "pbs": {"scheduler": "pbs"},
    "bare": {"scheduler": "none", "mpi": "no", "console": "no", "home_server": "", "frontend_address": ""},
    "infiniband": {"infiniband": "yes"},
    "kdump": {"kdump": "yes"},
    "mirror": {"disk_mirror": "yes", "disk_table": "msdos"},
    "signed": {"distribution_key": "http://10.1.1.1/install/RPM-GPG-KEY-rocks"},
}


@pytest.mark.parametrize("release", SUPPORTED)
@pytest.mark.parametrize("site", SITES)
def test_a_site_chooses_by_attributes(site: str, release: str) -> None:
    strictly_valid(kickstart("compute", release, **SITES[site]), release)


def test_the_lint_finds_nothing_in_our_files() -> None:
    assert lint(XML, dict.fromkeys(ROOTS, NODE), SUPPORTED) == ()


@pytest.mark.parametrize("release", ["rhel8", "rhel9", "rhel10", "fedora"])
@pytest.mark.parametrize("root", ROOTS)
def test_a_kickstart_reads_as_it_did_when_somebody_last_read_it(root: str, release: str, golden: Golden) -> None:
    text = kickstart(root, release)
    for program in sorted(pathlib.Path(XML, "include").glob("*.py")):
        # The programs have tests of their own; here only where they stand is of interest.
        body = "".join(f"|{line}\n" for line in program.read_text().splitlines())
        text = text.replace(body, f"|({program.name})\n")
    golden(f"{root}-{release}.cfg", text)


@pytest.mark.parametrize("program", sorted(pathlib.Path(XML, "include").glob("*.py")), ids=lambda path: path.name)
def test_the_oldest_installers_python_reads_our_programs(program: pathlib.Path) -> None:
    ast.parse(program.read_text(), feature_version=(3, 6))


def test_disks_are_only_touched_by_what_the_partition_program_wrote() -> None:
    words = {line.split()[0] for line in kickstart("compute", "rhel9").split("%packages")[0].splitlines() if line}
    assert not words & {"clearpart", "zerombr", "part", "autopart", "ignoredisk", "reqpart", "bootloader"}


def test_a_profile_does_not_change_shape_from_node_to_node_or_order_to_order() -> None:
    one = compile_profile(XML, "compute", NODE, "rhel9")
    other = compile_profile(
        XML, "compute", {**NODE, "hostname": "compute-1-7", "ip": "10.255.0.1", "mac": "x"}, "rhel9"
    )
    assert one == other
