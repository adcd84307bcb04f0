# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Installation media as sources, and the installers of distributions."""

from __future__ import annotations

import pathlib
import shutil

import productmd.treeinfo
import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.media.boot_menu import (
    Entry,
    Menu,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.media.iso import (
    compute_identity,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound
from support.distributions import Site
from support.media import IMAGES, write_installer, write_medium
from support.rpms import Rpm, repository, write

BASH = Rpm("bash", "5", arch="x86_64")
GCC = Rpm("gcc", "11", arch="x86_64")


@pytest.fixture
def medium(tmp_path: pathlib.Path) -> pathlib.Path:
    return write_medium(tmp_path / "dvd", {"BaseOS": [BASH], "AppStream": [GCC]})


def images(site: Site, name: str = "rocks") -> dict[str, bytes]:
    """Return the published images that anaconda finds through the published .treeinfo."""
    tree = site.tree(name)
    info = productmd.treeinfo.TreeInfo()
    info.load(str(tree / ".treeinfo"))
    paths = [*info.images.images["x86_64"].values(), info.stage2.mainimage]
    return {path: (tree / path).read_bytes() for path in paths if (tree / path).exists()}


class TestMedium:
    def test_each_repository_of_a_medium_is_a_source(
        self, site: Site, medium: pathlib.Path
    ) -> None:
        result = site.build("rocks", Source("dvd", path=str(medium)))

        assert result.generation.packages == {"dvd-baseos": 1, "dvd-appstream": 1}
        assert site.nevras("rocks") == ["bash-0:5-1.x86_64", "gcc-0:11-1.x86_64"]
        assert images(site) == IMAGES
        assert not result.remarks

    def test_a_medium_at_a_file_url_is_equal(self, site: Site, medium: pathlib.Path) -> None:
        by_path = site.build("rocks", Source("dvd", path=str(medium)))
        by_url = site.build("rocks", Source("dvd", url=medium.as_uri()))

        assert by_url.generation.identity == by_path.generation.identity

    def test_a_medium_made_from_several_repositories_has_the_identity_of_its_treeinfo(
        self, medium: pathlib.Path
    ) -> None:
        menu = Menu("DVD", (Entry("Install"),))
        before = compute_identity(str(medium), menu, packages=True)
        write_installer(medium, {**IMAGES, "images/install.img": b"another"})

        assert compute_identity(str(medium), menu, packages=True) != before

    def test_a_treeinfo_without_the_dot_is_read(self, site: Site, tmp_path: pathlib.Path) -> None:
        folder = write_medium(tmp_path / "dvd", {"BaseOS": [BASH]}, name="treeinfo")

        site.build("rocks", Source("dvd", path=str(folder)))

        assert images(site) == IMAGES

    def test_the_rules_of_the_source_apply_to_each_repository(
        self, site: Site, medium: pathlib.Path
    ) -> None:
        result = site.build("rocks", Source("dvd", path=str(medium), exclude=("gcc",)))

        assert result.generation.packages == {"dvd-baseos": 1, "dvd-appstream": 0}

    def test_a_second_source_with_the_name_of_a_repository_is_refused(
        self, site: Site, medium: pathlib.Path
    ) -> None:
        local = site.directory("dvd-baseos", [BASH])

        with pytest.raises(DescriptionError, match=r'"dvd-baseos".*two sources'):
            site.build("rocks", Source("dvd", path=str(medium)), local)

    def test_a_missing_repository_of_a_medium_is_an_error(
        self, site: Site, medium: pathlib.Path
    ) -> None:
        shutil.rmtree(medium / "AppStream")

        with pytest.raises(NotFound, match="AppStream"):
            site.build("rocks", Source("dvd", path=str(medium)))

    def test_a_repository_outside_of_the_medium_is_an_error(
        self, site: Site, medium: pathlib.Path
    ) -> None:
        text = (medium / ".treeinfo").read_text()
        (medium / ".treeinfo").write_text(
            text.replace("repository = BaseOS", "repository = ../BaseOS")
        )

        with pytest.raises(DescriptionError, match=r"\.treeinfo.*leads out"):
            site.build("rocks", Source("dvd", path=str(medium)))


class TestFolderWithoutRepository:
    """An error explains what the folder is."""

    def test_a_copy_of_a_medium_without_its_hidden_file(
        self, site: Site, medium: pathlib.Path
    ) -> None:
        (medium / ".treeinfo").unlink()

        with pytest.raises(DescriptionError, match=r"AppStream, BaseOS.*\.treeinfo"):
            site.build("rocks", Source("dvd", path=str(medium)))

    def test_a_folder_of_rpms(self, site: Site, tmp_path: pathlib.Path) -> None:
        (tmp_path / "rpms").mkdir()
        write(BASH, tmp_path / "rpms")

        with pytest.raises(DescriptionError, match="type: directory"):
            site.build("rocks", Source("local", path=str(tmp_path / "rpms")))

    def test_an_empty_folder(self, site: Site, tmp_path: pathlib.Path) -> None:
        (tmp_path / "mount").mkdir()

        with pytest.raises(NotFound, match="mount"):
            site.build("rocks", Source("dvd", path=str(tmp_path / "mount")))

    @pytest.mark.parametrize("content", [b"", b"text", b"\0" * 40960])
    def test_a_file_that_is_no_image(
        self, site: Site, tmp_path: pathlib.Path, content: bytes
    ) -> None:
        (tmp_path / "el9.iso").write_bytes(content)

        with pytest.raises(DescriptionError, match=r"el9\.iso: .*ISO"):
            site.build("rocks", Source("dvd", path=str(tmp_path / "el9.iso")))


class TestInstaller:
    """Every change of an installer is seen by the next build."""

    @pytest.fixture
    def tree(self, tmp_path: pathlib.Path) -> pathlib.Path:
        return repository(tmp_path / "os", [BASH])

    def test_an_installer_that_appears_later(self, site: Site, tree: pathlib.Path) -> None:
        source = Source("os", path=str(tree))
        without = site.build("rocks", source)
        write_installer(tree)
        result = site.build("rocks", source)

        assert result.changed
        assert images(site) == IMAGES
        assert without.remarks
        assert not result.remarks

    @pytest.mark.parametrize("checksums", [True, False])
    def test_a_new_image(self, site: Site, tree: pathlib.Path, checksums: bool) -> None:
        source = Source("os", path=str(tree))
        write_installer(tree, checksums=checksums)
        site.build("rocks", source)
        newer = {**IMAGES, "images/install.img": b"newer"}
        write_installer(tree, newer, checksums=checksums)

        assert site.build("rocks", source).changed
        assert images(site) == newer

    def test_an_image_that_appears_later(self, site: Site, tree: pathlib.Path) -> None:
        source = Source("os", path=str(tree))
        few = {path: content for path, content in IMAGES.items() if "vmlinuz" not in path}
        write_installer(tree, few, listed=IMAGES)
        result = site.build("rocks", source)
        assert any("vmlinuz" in remark for remark in result.remarks)

        write_installer(tree)
        assert not site.build("rocks", source).remarks
        assert images(site) == IMAGES

    def test_a_wrong_treeinfo_until_it_is_repaired(self, site: Site, tree: pathlib.Path) -> None:
        source = Source("os", path=str(tree))
        write_installer(tree, listed=dict.fromkeys(IMAGES, b"old"))
        with pytest.raises(DescriptionError, match="treeinfo"):
            site.build("rocks", source)

        write_installer(tree)
        site.build("rocks", source)
        assert images(site) == IMAGES

    def test_an_image_that_no_longer_has_its_checksum(self, site: Site, tree: pathlib.Path) -> None:
        source = Source("os", path=str(tree))
        write_installer(tree)
        site.build("rocks", source)
        (tree / "images/install.img").write_bytes(b"damaged")

        with pytest.raises(DescriptionError, match=r"install\.img"):
            site.build("rocks", source)
        assert images(site) == IMAGES

    def test_an_unchanged_installer_is_shared(self, site: Site, tree: pathlib.Path) -> None:
        local = site.directory("local", [GCC])
        write_installer(tree)
        site.build("rocks", Source("os", path=str(tree)), local)
        first = (site.tree("rocks") / "images/install.img").stat()
        local = site.directory("local", [GCC, Rpm("site", "1")])
        site.build("rocks", Source("os", path=str(tree)), local)

        assert (site.tree("rocks") / "images/install.img").stat().st_ino == first.st_ino

    def test_the_remark_is_repeated_while_nothing_changes(
        self, site: Site, tree: pathlib.Path
    ) -> None:
        first = site.build("rocks", Source("os", path=str(tree)))
        second = site.build("rocks", Source("os", path=str(tree)))

        assert not second.changed
        assert first.remarks == second.remarks != ()

    def test_an_installer_for_another_architecture_is_not_used(
        self, site: Site, tree: pathlib.Path
    ) -> None:
        write_installer(tree, arch="aarch64")
        result = site.build("rocks", Source("os", path=str(tree)))

        assert any("aarch64" in remark for remark in result.remarks)
        assert not (site.tree("rocks") / ".treeinfo").exists()

    def test_the_remark_names_the_medium_of_a_repository(
        self, site: Site, medium: pathlib.Path
    ) -> None:
        result = site.build("rocks", Source("baseos", path=str(medium / "BaseOS")))

        assert any(str(medium) in remark for remark in result.remarks)

    def test_old_states_of_an_installer_are_removed_from_the_cache(
        self, site: Site, tree: pathlib.Path
    ) -> None:
        for number in range(6):
            write_installer(tree, {**IMAGES, "images/install.img": b"%d" % number})
            site.build("rocks", Source("os", path=str(tree)))

        (states,) = (site.root / ".cache" / "trees").iterdir()
        assert len([path for path in states.iterdir() if path.is_dir()]) <= 3
