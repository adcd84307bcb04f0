"""The profiles that we ship: every root for every release, without a complaint of ours or of the installer's parser."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.lint import lint
from ansible_collections.npaci.rocks.plugins.module_utils.profile.releases import RELEASES
from support.golden import Golden
from support.kickstarts import strictly_valid
from support.modules import run
from support.profiles import ONLY, ROOTS, SITES, SUPPORTED, XML, kickstart, node_of, profile_of


def test_the_traversal_from_compute_holds_compute_mpi_and_c_development_as_in_the_paper() -> None:
    names = [node.name for node in profile_of("compute", "rhel9").nodes]
    assert {"compute", "mpi", "c-development"} <= set(names)
    assert "dhcp-server" not in names


def test_the_dhcp_server_of_figure_2_is_a_small_node_file_of_the_frontend() -> None:
    profile = profile_of("frontend", "rhel9")
    assert "dhcp-server" in [package.name for package in profile.packages]
    assert "systemctl enable dhcpd\n" in kickstart("frontend", "rhel9")


@pytest.mark.parametrize(
    "path", sorted(pathlib.Path(XML, "nodes").glob("*.xml")), ids=lambda path: path.stem
)
def test_a_node_file_is_a_page_and_says_what_it_is_for(path: pathlib.Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 60
    assert re.search(r"<description>\s*\S", text)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("root", ROOTS)
def test_a_kickstart_of_ours_is_strictly_valid_and_its_compile_says_nothing(
    root: str, release: str
) -> None:
    profile = profile_of(root, release)
    strictly_valid(kickstart(root, release), release)
    # What weak dependencies are is not known to the oldest of them.
    assert {remark.rule for remark in profile.remarks} <= (
        {"dropped-option"} if release == "rhel7" else set()
    )


@pytest.mark.parametrize(
    ("site", "release"), [(site, one) for site in SITES for one in ONLY.get(site, SUPPORTED)]
)
def test_a_site_chooses_by_attributes(site: str, release: str) -> None:
    strictly_valid(kickstart("compute", release, **SITES[site]), release)


@pytest.mark.parametrize("release", [one for one in SUPPORTED if one not in ONLY["nis"]])
def test_nodes_that_would_know_nobody_are_refused(release: str) -> None:
    with pytest.raises(
        DescriptionError, match=rf"accounts-nis.xml:.*{release} has no NIS.*; set accounts to files"
    ):
        kickstart("compute", release, **SITES["nis"])
    with pytest.raises(DescriptionError, match=r"there is no domain: .*; set nis_domain"):
        kickstart("compute", "rhel8", accounts="nis")


def test_the_lint_finds_nothing_in_our_files() -> None:
    assert lint(XML, {root: node_of(root) for root in ROOTS}, SUPPORTED) == ()


@pytest.mark.parametrize("release", ["rhel8", "rhel9", "rhel10", "fedora"])
@pytest.mark.parametrize("root", ROOTS)
def test_a_kickstart_reads_as_it_did_when_somebody_last_read_it(
    root: str, release: str, golden: Golden
) -> None:
    text = kickstart(root, release)
    for program in sorted(pathlib.Path(XML, "include").glob("*.py")):
        # The programs have tests of their own; here only where they stand is of interest.
        body = "".join(f"|{line}\n" for line in program.read_text().splitlines())
        text = text.replace(body, f"|({program.name})\n")
    golden(f"{root}-{release}.cfg", text)


def test_the_picture_in_the_documentation_is_of_this_graph(request: pytest.FixtureRequest) -> None:
    picture = pathlib.Path(XML).parent / "docs" / "profiles.svg"
    drawn = run("rocks_graph", path=[XML])["picture"]
    if request.config.getoption("--renew"):
        picture.write_text(drawn)
    assert picture.read_text() == drawn, "pytest --renew draws it anew"


def test_disks_are_only_touched_by_what_the_partition_program_wrote() -> None:
    words = {
        line.split()[0]
        for line in kickstart("compute", "rhel9").split("%packages")[0].splitlines()
        if line
    }
    assert not words & {
        "clearpart",
        "zerombr",
        "part",
        "autopart",
        "ignoredisk",
        "reqpart",
        "bootloader",
    }


def test_a_profile_does_not_change_shape_from_node_to_node_or_order_to_order() -> None:
    one = profile_of("compute", "rhel9")
    other = profile_of("compute", "rhel9", hostname="compute-1-7", ip="10.255.0.1", mac="x")
    assert one == other
