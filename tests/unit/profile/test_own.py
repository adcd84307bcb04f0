"""The profiles that we ship: every root for every release, without a complaint of ours or of the installer's parser."""

from __future__ import annotations

import pathlib

import pytest
from support.kickstarts import strictly_valid

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compiler import compile_profile
from ansible_collections.npaci.rocks.plugins.module_utils.profile.lint import lint
from ansible_collections.npaci.rocks.plugins.module_utils.profile.releases import RELEASES
from ansible_collections.npaci.rocks.plugins.module_utils.profile.render import render

XML = str(pathlib.Path(__file__).parents[3] / "xml")
NODE = {
    "hostname": "compute-0-0",
    "arch": "x86_64",
    "install_url": "http://10.1.1.1/install/rocks/x86_64",
    "root_disk": "sda",
}


def test_the_traversal_from_compute_holds_compute_mpi_and_c_development_as_in_the_paper() -> None:
    names = [node.name for node in compile_profile(XML, "compute", NODE, "rhel9").nodes]
    assert {"compute", "mpi", "c-development"} <= set(names)
    assert "dhcp-server" not in names


def test_the_dhcp_server_of_figure_2_is_a_small_node_file_of_the_frontend() -> None:
    profile = compile_profile(XML, "frontend", NODE, "rhel9")
    assert "dhcp-server" in [package.name for package in profile.packages]
    assert "systemctl enable dhcpd\n" in render(profile, NODE)
    assert len((pathlib.Path(XML) / "nodes" / "dhcp-server.xml").read_text().splitlines()) < 30


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("root", ["compute", "frontend"])
def test_a_kickstart_of_ours_is_strictly_valid_and_its_compile_says_nothing(root: str, release: str) -> None:
    profile = compile_profile(XML, root, NODE, release)
    strictly_valid(render(profile, NODE), release)
    # What weak dependencies are is not known to the oldest of them.
    assert {remark.rule for remark in profile.remarks} <= ({"dropped-option"} if release == "rhel7" else set())


def test_the_lint_finds_nothing_in_our_files() -> None:
    roots = {"compute": NODE, "frontend": NODE}
    assert lint(XML, roots, [name for name in RELEASES if name != "rhel7"]) == ()
