# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Installation media as ISO files that xorriso wrote, and behind a web server."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any, Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.iso_image import (
    IsoImage,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    NotFound,
    Unavailable,
)
from support.ansible import command
from support.distributions import Site, content
from support.keys import SecretKey
from support.media import IMAGES, write_installer, write_medium
from support.rpms import Rpm, repository, write
from support.upstream import Upstream, status, upstream

BASH = Rpm("bash", "5", arch="x86_64", padding=5000)
GCC = Rpm("gcc", "11", arch="x86_64")


def make_image(folder: pathlib.Path, target: pathlib.Path, *options: str) -> pathlib.Path:
    process.run(
        ["xorriso", "-as", "mkisofs", "-quiet", *options, "-o", str(target), str(folder)],
        timeout=60,
    )
    return target


@pytest.fixture
def medium(tmp_path: pathlib.Path) -> pathlib.Path:
    return write_medium(tmp_path / "dvd", {"BaseOS": [BASH], "AppStream": [GCC]})


class TestIsoImage:
    @pytest.mark.parametrize("options", [("-r",), ("-r", "-J"), ("-r", "-iso-level", "3")])
    def test_the_tree_of_an_image_equals_that_of_its_folder(
        self, site: Site, medium: pathlib.Path, tmp_path: pathlib.Path, options: tuple[str, ...]
    ) -> None:
        image = make_image(medium, tmp_path / "el9.iso", *options)

        by_folder = site.build("folder", Source("dvd", path=str(medium)))
        by_image = site.build("image", Source("dvd", path=str(image)))

        assert by_image.generation.identity == by_folder.generation.identity
        assert content(site.tree("image")) == content(site.tree("folder"))
        assert not by_image.remarks
        assert not site.build("image", Source("dvd", path=str(image))).changed

    def test_an_image_with_one_repository_is_read(self, site: Site, tmp_path: pathlib.Path) -> None:
        image = make_image(repository(tmp_path / "os", [BASH]), tmp_path / "os.iso", "-r")

        site.build("rocks", Source("os", path=str(image)))

        assert site.nevras("rocks") == ["bash-0:5-1.x86_64"]

    def test_nothing_is_left_of_what_was_copied_out(
        self, site: Site, medium: pathlib.Path, tmp_path: pathlib.Path
    ) -> None:
        image = make_image(medium, tmp_path / "el9.iso", "-r")

        site.build("rocks", Source("dvd", path=str(image)))

        assert not list(site.root.rglob(".rocks-new-*"))
        assert not list((site.root / ".pool" / ".new").iterdir())

    def test_a_new_image_under_the_same_name_is_seen(
        self, site: Site, medium: pathlib.Path, tmp_path: pathlib.Path
    ) -> None:
        source = Source("dvd", path=str(make_image(medium, tmp_path / "el9.iso", "-r")))
        site.build("rocks", source)
        write_installer(medium, {**IMAGES, "images/install.img": b"newer"}, repositories=["BaseOS"])
        make_image(medium, tmp_path / "el9.iso", "-r")

        site.build("rocks", source)

        assert (site.tree("rocks") / "images/install.img").read_bytes() == b"newer"

    def test_a_truncated_image_is_refused(
        self, site: Site, medium: pathlib.Path, tmp_path: pathlib.Path
    ) -> None:
        image = make_image(medium, tmp_path / "el9.iso", "-r")
        os.truncate(image, 80_000)

        with pytest.raises((DescriptionError, NotFound), match=r"el9\.iso"):
            site.build("rocks", Source("dvd", path=str(image)))

    @settings(
        max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        names=st.lists(
            st.text("abcXYZ0189._+~-é", min_size=1, max_size=120).filter(
                lambda name: (
                    name.strip(".") and not name.startswith("-") and len(name.encode()) < 200
                )
            ),
            min_size=1,
            max_size=40,
            unique=True,
        ),
        depth=st.integers(0, 10),
    )
    def test_every_file_of_a_folder_is_read(
        self, tmp_path_factory: pytest.TempPathFactory, names: list[str], depth: int
    ) -> None:
        folder = tmp_path_factory.mktemp("iso")
        below = "/".join(f"folder-{number}" for number in range(depth))
        (folder / "tree" / below).mkdir(parents=True)
        for name in names:
            (folder / "tree" / below / name).write_bytes(name.encode() * 999)

        image = IsoImage(str(make_image(folder / "tree", folder / "image.iso", "-r")))

        for name in names:
            assert image.read(f"{below}/{name}") == name.encode() * 999
        assert not image.exists(f"{below}/absent")


class TestServer:
    @pytest.fixture
    def server(self, tmp_path: pathlib.Path) -> Iterator[Upstream]:
        (tmp_path / "www").mkdir()
        with upstream(tmp_path / "www") as server:
            yield server

    def test_a_copy_of_a_medium_is_read(self, site: Site, server: Upstream) -> None:
        write_medium(server.folder / "dvd", {"BaseOS": [BASH], "AppStream": [GCC]})
        source = Source("dvd", url=f"{server.url}/dvd")

        result = site.build("rocks", source)

        assert result.generation.packages == {"dvd-baseos": 1, "dvd-appstream": 1}
        assert (site.tree("rocks") / "images/install.img").read_bytes() == b"second stage"
        assert not site.build("rocks", source).changed

    def test_a_wrong_treeinfo_until_it_is_repaired(self, site: Site, server: Upstream) -> None:
        tree = repository(server.folder / "os", [BASH])
        write_installer(tree, listed=dict.fromkeys(IMAGES, b"old"))
        source = Source("os", url=f"{server.url}/os")
        with pytest.raises(DescriptionError, match="checksums: images/install"):
            site.build("rocks", source)

        write_installer(tree)
        assert site.build("rocks", source).changed

    def test_an_image_that_appears_later(self, site: Site, server: Upstream) -> None:
        tree = repository(server.folder / "os", [BASH])
        few = {path: text for path, text in IMAGES.items() if "vmlinuz" not in path}
        write_installer(tree, few, listed=IMAGES)
        source = Source("os", url=f"{server.url}/os")
        assert any("vmlinuz" in remark for remark in site.build("rocks", source).remarks)

        write_installer(tree)
        assert not site.build("rocks", source).remarks

    def test_an_equal_image_is_not_fetched_again(self, site: Site, server: Upstream) -> None:
        tree = repository(server.folder / "os", [BASH])
        write_installer(tree)
        source = Source("os", url=f"{server.url}/os")
        site.build("rocks", source)
        write_installer(tree, {**IMAGES, "images/pxeboot/vmlinuz": b"newer"})
        site.build("rocks", source)

        requests = server.requests_for("os/images/install.img")
        assert len(requests) == 1

    def test_a_server_that_does_not_answer_is_no_medium(self, site: Site, server: Upstream) -> None:
        server.fail("*", status(500), times=999)

        with pytest.raises(Unavailable):
            site.build("rocks", Source("os", url=f"{server.url}/os"))


class TestPlaybook:
    """rebuild-dist.yml with the media and trees of vendors."""

    def play(self, site: Site, **variables: Any) -> Any:
        options = {
            "distribution_settings": str(site.folder / "settings"),
            "distribution_path": str(site.root),
            "distribution_contrib": str(site.folder / "contrib"),
            "distribution_local": str(site.folder / "local"),
            "distribution_xml": [str(site.folder / "xml"), str(site.folder / "site-xml")],
            "distribution_rolls": [],  # this XML has no profiles
            "distribution_install_libraries": False,
            **variables,
        }
        (site.folder / "xml" / "graphs").mkdir(parents=True, exist_ok=True)
        words = ["ansible-playbook", "playbooks/rebuild-dist.yml", "-e", json.dumps(options)]
        return command(*words)

    @pytest.mark.parametrize("variable", ["distribution_mirror", "distribution_medium"])
    def test_a_mounted_dvd(self, site: Site, medium: pathlib.Path, variable: str) -> None:
        result = self.play(site, **{variable: str(medium)})

        assert result.returncode == 0, result.stdout
        assert site.nevras("rocks") == ["bash-0:5-1.x86_64", "gcc-0:11-1.x86_64"]
        assert (site.tree("rocks") / ".treeinfo").exists()

    def test_the_kickstart_tree_of_rhel_provides_the_installer(
        self, site: Site, tmp_path: pathlib.Path, key: Callable[[str], SecretKey]
    ) -> None:
        root = tmp_path / "satellite" / "x86_64"
        for folder, rpm in (("baseos/os", BASH), ("appstream/os", GCC), ("baseos/kickstart", BASH)):
            (root / folder / "Packages").mkdir(parents=True)
            key("vendor").sign_packages(write(rpm, root / folder / "Packages"))
            repository(root / folder)
        write_installer(root / "baseos" / "kickstart")

        result = self.play(
            site,
            distribution_stock="rhel-9",
            distribution_mirror=root.parent.as_uri(),
            distribution_keys=[str(key("vendor").public)],
            distribution_trust_installer=True,
            distribution_closure="off",
        )

        assert result.returncode == 0, result.stdout + result.stderr
        assert site.nevras("rocks") == ["bash-0:5-1.x86_64", "gcc-0:11-1.x86_64"]
        assert (site.tree("rocks") / "images/install.img").exists()

    def test_an_unregistered_machine_gets_the_remedies(self, site: Site) -> None:
        result = self.play(site, distribution_stock="rhel-9")

        assert result.returncode != 0
        for word in ("subscription-manager", "distribution_certificate", "distribution_medium"):
            assert word in result.stdout + result.stderr
