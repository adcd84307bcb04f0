"""Groups and .treeinfo of several sources are merged."""

from __future__ import annotations

import productmd.treeinfo
import pytest
from lxml import etree

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import (
    comps,
    treeinfo,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import TreeFile
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError

BASE = b"""<?xml version="1.0"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps>
  <group>
    <id>core</id><name>Core</name><name xml:lang="de">Kern</name><default>true</default>
    <packagelist>
      <packagereq type="mandatory">bash</packagereq>
      <packagereq type="optional">vim</packagereq>
    </packagelist>
  </group>
  <environment>
    <id>minimal-environment</id><name>Minimal Install</name>
    <grouplist><groupid>core</groupid></grouplist>
    <optionlist><groupid>guest-agents</groupid></optionlist>
  </environment>
  <langpacks><match name="man-pages" install="man-pages-%s"/></langpacks>
</comps>
"""
EXTRA = b"""<comps>
  <!-- the site's own -->
  <group>
    <id>core</id><name>Other words</name>
    <packagelist>
      <packagereq type="default">vim</packagereq>
      <packagereq type="conditional" requires="bash">bash-doc</packagereq>
    </packagelist>
  </group>
  <group><id>cluster</id><name>Cluster</name><packagelist><packagereq>slurm</packagereq></packagelist></group>
  <environment>
    <id>minimal-environment</id><name>x</name><grouplist><groupid>cluster</groupid></grouplist>
  </environment>
</comps>
"""


def merge_groups() -> bytes:
    return comps.merge_comps([(BASE, "os"), (b"", "updates"), (EXTRA, "site")]).data


class TestGroups:
    def test_groups_of_one_id_are_merged_and_the_strongest_type_counts(self) -> None:
        root = etree.fromstring(merge_groups())

        assert [
            (row.get("type"), row.get("requires"), row.text)
            for row in root.iterfind("group[id='core']/packagelist/packagereq")
        ] == [
            ("mandatory", None, "bash"),
            ("conditional", "bash", "bash-doc"),
            ("default", None, "vim"),
        ]
        assert [name.text for name in root.iterfind("group[id='core']/name")] == ["Core", "Kern"]

    def test_environments_and_langpacks_are_merged(self) -> None:
        root = etree.fromstring(merge_groups())

        assert [row.text for row in root.iterfind("environment/grouplist/groupid")] == [
            "cluster",
            "core",
        ]
        assert [row.text for row in root.iterfind("environment/optionlist/groupid")] == [
            "guest-agents"
        ]
        assert [dict(row.attrib) for row in root.iterfind("langpacks/match")] == [
            {"name": "man-pages", "install": "man-pages-%s"}
        ]

    def test_merging_again_changes_nothing(self) -> None:
        again = comps.merge_comps([(merge_groups(), "a"), (merge_groups(), "b")])

        assert again == (merge_groups(), ())

    def test_groups_and_environments_have_members_by_id_and_name(self) -> None:
        assert comps.read_groups(merge_groups(), "comps") == {
            "core": ["bash", "vim"],
            "Core": ["bash", "vim"],
            "cluster": ["slurm"],
            "Cluster": ["slurm"],
            "^minimal-environment": ["@cluster", "@core"],
            "^Minimal Install": ["@cluster", "@core"],
        }

    def test_sources_without_groups_give_no_document(self) -> None:
        assert comps.merge_comps([(b"", "os")]).data == b""

    def test_wrong_bytes_and_characters_are_replaced_with_a_remark(self) -> None:
        data = b"<comps><group><id>x</id><name>\xe9 \x1b</name></group></comps>"

        merged = comps.merge_comps([(data, "site")])

        assert etree.fromstring(merged.data).findtext("group/name") == "\u00e9 \ufffd"
        assert [remark.partition(":")[0] for remark in merged.remarks] == ["site", "site"]

    def test_entities_are_not_expanded(self) -> None:
        data = b'<!DOCTYPE comps [<!ENTITY a "b">]><comps><group><id>&a;</id></group></comps>'

        with pytest.raises(DescriptionError, match=r"not XML.*skip_metadata"):
            comps.merge_comps([(data, "site")])

    @pytest.mark.parametrize(
        ("data", "fault"),
        [
            pytest.param(b"<comps>\n<group>", r"^site:2: not XML", id="truncated"),
            pytest.param(b"<html/>", "root element is 'html'", id="another document"),
            pytest.param(
                b"<comps>\n<group><name>x</name></group></comps>",
                "^site:2: a group has no id",
                id="no id",
            ),
        ],
    )
    def test_an_invalid_document_is_an_error_with_its_line(self, data: bytes, fault: str) -> None:
        with pytest.raises(DescriptionError, match=fault):
            comps.merge_comps([(BASE, "os"), (data, "site")])


SUM = "a" * 64
BASEOS = f"""[header]
type = productmd.treeinfo
version = 1.2

[release]
name = CentOS Stream
short = CentOS-Stream
version = 9

[general]
; WARNING.0 = This section provides compatibility with pre-productmd treeinfos.
arch = x86_64
family = CentOS Stream
name = CentOS Stream 9
packagedir = Packages
platforms = x86_64,xen
repository = .
timestamp = 1736761560
variant = BaseOS
variants = AppStream,BaseOS
version = 9

[tree]
arch = x86_64
build_timestamp = 1736761560
platforms = x86_64,xen
variants = AppStream,BaseOS

[checksums]
images/install.img = sha256:{SUM}
images/pxeboot/initrd.img = sha256:{SUM}
images/pxeboot/vmlinuz = sha256:{SUM}
repodata/repomd.xml = sha256:{"b" * 64}

[images-x86_64]
initrd = images/pxeboot/initrd.img
kernel = images/pxeboot/vmlinuz

[images-xen]
initrd = images/pxeboot/initrd.img
kernel = images/pxeboot/vmlinuz

[stage2]
mainimage = images/install.img

[variant-BaseOS]
id = BaseOS
name = BaseOS
packages = Packages
repository = .
type = variant
uid = BaseOS

[variant-AppStream]
id = AppStream
name = AppStream
packages = ../../../AppStream/x86_64/os/Packages
repository = ../../../AppStream/x86_64/os
type = variant
uid = AppStream
"""
IMAGES = dict.fromkeys(
    ("images/install.img", "images/pxeboot/initrd.img", "images/pxeboot/vmlinuz"), SUM
)


def parse_with_productmd(text: str) -> productmd.treeinfo.TreeInfo:
    """Parse and validate a .treeinfo as anaconda does."""
    info = productmd.treeinfo.TreeInfo()
    info.loads(text)
    info.validate()
    return info


class TestTreeinfo:
    def test_the_merged_tree_is_one_repository_at_its_root(self) -> None:
        info = parse_with_productmd(treeinfo.merge_treeinfo(BASEOS, "os", IMAGES, "c" * 64))

        assert list(info.variants) == ["BaseOS"]
        assert (
            info.variants["BaseOS"].paths.repository,
            info.variants["BaseOS"].paths.packages,
        ) == (".", "Packages")
        assert info.stage2.mainimage == "images/install.img"
        assert info.images.images["x86_64"]["kernel"] == "images/pxeboot/vmlinuz"
        assert info.checksums.checksums["repodata/repomd.xml"] == ("sha256", "c" * 64)
        assert (info.release.version, info.tree.arch) == ("9", "x86_64")

    def test_merging_again_changes_only_the_checksum_of_the_metadata(self) -> None:
        once = treeinfo.merge_treeinfo(BASEOS, "os", IMAGES, "c" * 64)

        assert treeinfo.merge_treeinfo(once, "ours", IMAGES, "d" * 64) == once.replace(
            "c" * 64, "d" * 64
        )

    def test_installer_files_are_listed_with_their_checksums(self) -> None:
        text = BASEOS + "\n[images-ppc]\nboot.iso = images/boot.iso\n"

        assert treeinfo.installer_files(text, "os") == [
            TreeFile("images/boot.iso"), *(TreeFile(path, SUM) for path in sorted(IMAGES))
        ]  # fmt: skip

    def test_a_missing_image_is_removed(self) -> None:
        files = {path: SUM for path in IMAGES if not path.endswith("install.img")}

        text = treeinfo.merge_treeinfo(BASEOS, "os", files, "c" * 64)

        assert "install.img" not in text

    def test_the_installer_comes_from_the_first_source_with_a_second_stage(self) -> None:
        appstream = BASEOS.replace("[stage2]\nmainimage = images/install.img\n", "")

        assert treeinfo.choose_base([("", "local"), (appstream, "appstream"), (BASEOS, "os")]) == 2
        assert treeinfo.choose_base([("", "local"), (appstream, "appstream")]) == 1
        assert treeinfo.choose_base([("", "local")]) is None

    @pytest.mark.parametrize("version", ["8.0", "8.3", "8.3.2011"])
    def test_an_installer_that_cannot_read_zstd_is_an_error_with_the_remedy(
        self, version: str
    ) -> None:
        text = BASEOS.replace("version = 9", f"version = {version}")

        with pytest.raises(DescriptionError, match=r"os.*zstd.*8\.4 or later"):
            treeinfo.check_metadata_support(text, "os")

    @pytest.mark.parametrize("version", ["8", "8.4", "8.10", "9", "9.2", "10.0", "18.1", "45"])
    def test_newer_installers_read_zstd(self, version: str) -> None:
        text = BASEOS.replace("version = 9", f"version = {version}")

        treeinfo.check_metadata_support(text, "os")

    def test_an_invalid_treeinfo_is_an_error_with_its_line(self) -> None:
        with pytest.raises(DescriptionError, match=r"^os:1: .*\.treeinfo"):
            treeinfo.installer_files("<html>", "os")

    def test_a_path_that_leaves_the_tree_is_an_error(self) -> None:
        with pytest.raises(DescriptionError, match="leads out of the tree"):
            treeinfo.installer_files(BASEOS.replace("images/install.img", "../../etc/passwd"), "os")
