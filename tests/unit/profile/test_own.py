"""The shipped profiles compile for every release, strictly valid and without remarks."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.lint import lint
from ansible_collections.npaci.rocks.plugins.module_utils.profile.releases import RELEASES
from support.golden import Golden
from support.kickstarts import parse_strictly
from support.modules import run
from support.profiles import (
    LAYERS,
    RELEASES_OF_SITE,
    ROLLS,
    ROOTS,
    SITES,
    SUPPORTED,
    XML,
    kickstart,
    node_attributes,
    shipped_profile,
)


def test_compute_includes_mpi_and_c_development_as_in_the_paper() -> None:
    names = [node.name for node in shipped_profile("compute", "rhel9").nodes]
    assert {"compute", "mpi", "c-development"} <= set(names)
    assert "dhcp-server" not in names


def test_the_dhcp_server_of_figure_2_is_a_small_node_file_of_the_frontend() -> None:
    profile = shipped_profile("frontend", "rhel9")
    assert "dhcp-server" in [package.name for package in profile.packages]
    assert "systemctl enable dhcpd\n" in kickstart("frontend", "rhel9")


@pytest.mark.parametrize(
    "path",
    sorted(path for layer in LAYERS for path in pathlib.Path(layer, "nodes").glob("*.xml")),
    ids=lambda path: path.stem,
)
def test_a_node_file_has_a_description_and_at_most_a_page(path: pathlib.Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 60
    assert re.search(r"<description>\s*\S", text)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("root", ROOTS)
def test_a_shipped_profile_compiles_without_remarks_and_is_strictly_valid(
    root: str, release: str
) -> None:
    profile = shipped_profile(root, release)
    parse_strictly(kickstart(root, release), release)
    # The oldest release does not know weak dependencies.
    assert {remark.rule for remark in profile.remarks} <= (
        {"dropped-option"} if release == "rhel7" else set()
    )


@pytest.mark.parametrize(
    ("site", "release"),
    [(site, name) for site in SITES for name in RELEASES_OF_SITE.get(site, SUPPORTED)],
)
def test_every_choice_of_a_site_is_strictly_valid(site: str, release: str) -> None:
    parse_strictly(kickstart("compute", release, **SITES[site]), release)


@pytest.mark.parametrize(
    "release", [name for name in SUPPORTED if name not in RELEASES_OF_SITE["nis"]]
)
def test_accounts_without_a_source_are_an_error(release: str) -> None:
    with pytest.raises(
        DescriptionError, match=rf"accounts-nis.xml:.*{release} .* NIS.*; set accounts to files"
    ):
        kickstart("compute", release, **SITES["nis"])
    with pytest.raises(DescriptionError, match=r"accounts-nis.xml:.*; set nis_domain"):
        kickstart("compute", "rhel8", accounts="nis")


def test_the_lint_has_no_findings_in_the_shipped_files() -> None:
    assert lint(LAYERS, {root: node_attributes(root) for root in ROOTS}, SUPPORTED) == ()


@pytest.mark.parametrize("release", ["rhel8", "rhel9", "rhel10", "fedora"])
@pytest.mark.parametrize("root", ROOTS)
def test_a_kickstart_equals_its_golden_file(root: str, release: str, golden: Golden) -> None:
    # A change of a program changes its hash only.
    text = re.sub(r"(?m)^\|[0-9a-f]{64}  ", "|(SHA-256)  ", kickstart(root, release))
    golden(f"{root}-{release}.cfg", text)


def test_the_picture_in_the_documentation_shows_the_shipped_graph(
    request: pytest.FixtureRequest,
) -> None:
    picture = pathlib.Path(XML).parent / "docs" / "profiles.svg"
    current = run("rocks_graph", path=[XML, str(ROLLS / "slurm")])["picture"]
    if request.config.getoption("--renew"):
        picture.write_text(current)
    assert picture.read_text() == current, "pytest --renew updates the picture"


def test_only_the_partition_program_writes_storage_commands() -> None:
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


def test_all_compute_nodes_share_a_profile() -> None:
    first = shipped_profile("compute", "rhel9")
    second = shipped_profile("compute", "rhel9", hostname="compute-1-7", ip="10.255.0.1", mac="x")
    assert first == second
