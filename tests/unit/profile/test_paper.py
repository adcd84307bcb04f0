"""The paper's Figures 2 to 4: small node files, a graph, and a root that gives a Red Hat kickstart file."""

from __future__ import annotations

import pathlib

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compiler import compile_profile
from ansible_collections.npaci.rocks.plugins.module_utils.profile.render import render

XML = str(pathlib.Path(__file__).parents[3] / "xml")
COMPUTE_0_0 = {
    "hostname": "compute-0-0",
    "arch": "x86_64",
    "install_url": "http://10.1.1.1/install/rocks/x86_64",
    "root_disk": "sda",
}


def test_the_traversal_from_compute_holds_compute_mpi_and_c_development() -> None:
    profile = compile_profile(XML, "compute", COMPUTE_0_0, "rhel9")
    names = [node.name for node in profile.nodes]
    assert {"compute", "mpi", "c-development"} <= set(names)
    assert "dhcp-server" not in names


def test_the_dhcp_server_is_a_small_node_file_of_the_frontend() -> None:
    profile = compile_profile(XML, "frontend", COMPUTE_0_0, "rhel9")
    kickstart = render(profile, COMPUTE_0_0)
    assert "dhcp-server" in [package.name for package in profile.packages]
    assert "systemctl enable dhcpd\n" in kickstart
