# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever is wrong with the metadata of a source, dnf reads the published tree completely."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import tempfile
from typing import Any, Mapping

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.rpm_identity import (
    read_identity,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    NotFound,
)
from support.distributions import Site
from support.dnf import dnf
from support.modules_yaml import build
from support.repodata import replace_in_metadata
from support.rpms import Rpm, repository, write

BASH = Rpm("bash", "5.1", "2", "x86_64")
ADVISORY = """<?xml version="1.0" encoding="UTF-8"?>
<updates>
<update from="x" status="final" type="security" version="1"><id>SITE-1</id><title>TITLE</title>
<issued date="2026-01-01"/><pkglist><collection short="a"><name>a</name>
<package name="NAME" version="5.1" release="2" epoch="0" arch="x86_64" src="x">
<filename>NAME-5.1-2.x86_64.rpm</filename></package></collection></pkglist></update>
</updates>"""
GROUPS = (
    "<comps><group><id>core</id><name>Core</name><packagelist>"
    '<packagereq type="mandatory">bash</packagereq></packagelist></group></comps>'
)


def advisory(title: str = "a fix", name: str = "bash") -> str:
    return ADVISORY.replace("TITLE", title).replace("NAME", name)


def ask_dnf(site: Site, *arguments: str) -> str:
    """Run dnf on the published tree."""
    return dnf(site.folder / "dnf", {"rocks": site.tree("rocks").as_uri()}, *arguments)


def fixed_by(site: Site, identifier: str) -> list[str]:
    """Return the packages of an advisory, as dnf reads it."""
    output = ask_dnf(site, "repoquery", f"--advisory={identifier}", "--qf", "%{name}-%{version}")
    return sorted(output.split())


class TestAdvisories:
    @pytest.mark.parametrize(
        "title", ["<tr>", "\x1b[0m", "a & b", "&nbsp;", "<![CDATA[<update>]]>"]
    )
    def test_dnf_reads_an_advisory_whose_text_was_faulty(self, site: Site, title: str) -> None:
        site.build("rocks", site.mirror("os", [BASH], extra={"updateinfo": advisory(title)}))

        assert fixed_by(site, "SITE-1") == ["bash-5.1"]

    def test_dnf_reads_the_packages_of_both_repositories(self, site: Site) -> None:
        zsh = Rpm("zsh", "5.1", "2", "x86_64")

        site.build(
            "rocks",
            site.mirror("baseos", [BASH], extra={"updateinfo": advisory()}),
            site.mirror("appstream", [zsh], extra={"updateinfo": advisory(name="zsh")}),
        )

        assert fixed_by(site, "SITE-1") == ["bash-5.1", "zsh-5.1"]

    def test_an_unchanged_build_has_the_same_remarks(self, site: Site) -> None:
        source = site.mirror("os", [BASH], extra={"updateinfo": advisory("<tr>")})
        local = site.directory("local", [Rpm("a")])

        built = site.build("rocks", source, local)

        assert built.remarks
        assert site.build("rocks", source, local).remarks == built.remarks
        site.directory("local", [Rpm("a", "2")])
        assert site.build("rocks", source, local).remarks == built.remarks


class TestSkippedMetadata:
    def test_faulty_groups_end_the_build_unless_they_are_skipped(self, site: Site) -> None:
        faulty = {"group": "<comps><group>"}

        with pytest.raises(DescriptionError, match="skip_metadata"):
            site.build("rocks", site.mirror("os", [BASH], extra=faulty))
        site.build("rocks", site.mirror("os", [BASH], extra=faulty, skip_metadata=("groups",)))

        assert site.nevras("rocks") == ["bash-0:5.1-2.x86_64"]

    def test_only_the_skipped_documents_of_this_source_are_missing(self, site: Site) -> None:
        extra = {"updateinfo": advisory(), "group": GROUPS}
        other = site.mirror("other", [Rpm("zsh")], extra={"updateinfo": advisory(name="zsh")})
        source = site.mirror("os", [BASH], extra=extra, skip_metadata=("advisories",))

        site.build("rocks", source, other)

        assert ask_dnf(site, "group", "list", "--ids").count("(core)") == 1
        assert site.build("rocks", source, other).changed is False
        assert fixed_by(site, "SITE-1") == []


def test_a_named_pipe_in_place_of_a_package_is_an_error(site: Site, tmp_path: pathlib.Path) -> None:
    source = site.mirror("os", [BASH])
    path = tmp_path / "sources" / "os" / "Packages" / BASH.filename
    path.unlink()
    os.mkfifo(path)

    with pytest.raises(DescriptionError, match=BASH.filename):
        site.build("rocks", source)


def test_a_named_pipe_in_place_of_metadata_is_an_error(site: Site, tmp_path: pathlib.Path) -> None:
    (tmp_path / "repodata").mkdir()
    os.mkfifo(tmp_path / "repodata" / "repomd.xml")

    with pytest.raises(DescriptionError, match="named pipe"):
        site.build("rocks", Source("os", path=str(tmp_path)))


class TestOneNameTwice:
    """Two files of one name and version in one source."""

    FIRST = Rpm("prom", summary="the first")
    SECOND = Rpm("prom", summary="the second", variant="x")

    def mirror(self, site: Site, **options: Any) -> Source:
        folder = site.folder / "sources" / "vendor"
        write(self.FIRST, folder / "a")
        write(self.SECOND, folder / "b")
        repository(folder)
        return Source("vendor", path=str(folder), **options)

    def installed(self, site: Site, url: str) -> str:
        """Return the summary of the package that dnf installs."""
        root = tempfile.mkdtemp(dir=site.folder)
        dnf(site.folder / "dnf", {"r": url}, f"--installroot={root}", "install", "prom")
        return process.run(
            ["rpm", "--root", root, "-q", "--qf=%{summary}", "prom"], timeout=60
        ).stdout

    def test_the_file_of_a_mirror_that_dnf_installs_is_taken_with_a_remark(
        self, site: Site
    ) -> None:
        source = self.mirror(site)

        built = site.build("rocks", source)

        tree = self.installed(site, site.tree("rocks").as_uri())
        assert tree == self.installed(site, pathlib.Path(source.path).as_uri()) == "the first"
        assert built.clashes == (("prom-1.0-1.noarch", "vendor", "vendor"),)
        assert any("a/prom" in remark and "b/prom" in remark for remark in built.remarks)

    def test_the_path_of_one_can_be_excluded(self, site: Site) -> None:
        built = site.build("rocks", self.mirror(site, exclude=("a/*",)))

        assert self.installed(site, site.tree("rocks").as_uri()) == "the second"
        assert built.clashes == ()

    def test_two_files_in_a_folder_are_a_conflict_with_their_paths(self, site: Site) -> None:
        local = site.directory("local", [])
        write(self.FIRST, pathlib.Path(local.path) / "el8")
        write(self.SECOND, pathlib.Path(local.path) / "el9")

        with pytest.raises(Conflict, match=r"el8/prom.* and el9/prom.*exclude its path"):
            site.build("rocks", local)
        site.build("rocks", dataclasses.replace(local, exclude=("el8/*",)))

        assert self.installed(site, site.tree("rocks").as_uri()) == "the second"


class TestPackages:
    """One wrong byte in primary.xml would hide every package from dnf."""

    FAULTY = Rpm("faulty", summary="SUMMARY", files={"/FILE": ""})
    OTHERS = (BASH, Rpm("zsh"))

    def mirror(
        self, site: Site, replacements: Mapping[bytes, bytes], name: str = "os", **options: Any
    ) -> Source:
        """Return a mirror in whose metadata bytes were replaced."""
        source = site.mirror(name, [self.FAULTY, *self.OTHERS], **options)
        replace_in_metadata(pathlib.Path(source.path), replacements)
        return source

    @pytest.mark.parametrize(
        "text", [b"\x07", b"\xff", b"R&D", b"&nbsp;", b"&#1;", b"a < b", b"<joe@example.org>"]
    )
    def test_dnf_reads_all_packages_when_a_text_was_faulty(self, site: Site, text: bytes) -> None:
        source = self.mirror(site, {b"SUMMARY": text, b"FILE": text.replace(b"<", b"")})

        built = site.build("rocks", source)

        assert sorted(ask_dnf(site, "repoquery", "--qf", "%{name}").split()) == [
            "bash",
            "faulty",
            "zsh",
        ]
        assert ask_dnf(site, "repoquery", "--file", "/*").split() == ["faulty-0:1.0-1.noarch"]
        remarks = [remark for remark in built.remarks if 'source "os", faulty-1.0-1' in remark]
        assert any("primary" in remark for remark in remarks)

    def test_repairs_are_remarks_of_later_builds_too(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        source = self.mirror(site, {b"SUMMARY": b"\x07"})
        local = site.directory("local", [Rpm("fault-less"), Rpm("a")])
        site.build("rocks", source, local)
        site.directory("local", [Rpm(f"p{number}") for number in range(300)])

        incremental = site.build("rocks", source, local)
        fresh = Site(tmp_path / "fresh").build("rocks", source, local)

        repomd = pathlib.Path("repodata", "repomd.xml")
        assert (pathlib.Path(incremental.generation.path) / repomd).read_bytes() == (
            pathlib.Path(fresh.generation.path) / repomd
        ).read_bytes()
        assert [remark for remark in incremental.remarks if "faulty" in remark]

    def test_a_package_that_cannot_be_repaired_is_refused_by_name(self, site: Site) -> None:
        with pytest.raises(DescriptionError, match=r'source "os", faulty-1\.0-1\.noarch'):
            site.build("rocks", self.mirror(site, {b"SUMMARY": b"</summary>"}))
        site.build("rocks", self.mirror(site, {b"SUMMARY": b"</summary>"}, exclude=("faulty",)))

        assert ask_dnf(site, "repoquery", "--qf", "%{name}").split() == ["bash", "zsh"]

    @pytest.mark.parametrize("encoding", ["ISO-8859-1", "windows-1252", "UTF-16"])
    def test_other_encodings_become_utf_8(self, site: Site, encoding: str) -> None:
        source = site.mirror("os", [self.FAULTY, *self.OTHERS])
        replace_in_metadata(pathlib.Path(source.path), {b"SUMMARY": "Grüße".encode()}, encoding)

        site.build("rocks", source)

        assert "Grüße" in ask_dnf(site, "repoquery", "--qf", "%{summary}", "faulty")

    def test_an_unknown_encoding_is_refused(self, site: Site) -> None:
        source = self.mirror(site, {b'encoding="UTF-8"': b'encoding="klingon"'})

        with pytest.raises(DescriptionError, match=r"klingon"):
            site.build("rocks", source)


class TestHeaders:
    """rpm installs what the header states, whatever the metadata says."""

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"<name>bash<", b"<name>bish<"),
            (b'ver="5.1"', b'ver="5.9"'),
            (b'rel="2"', b'rel="9"'),
            (b'epoch="0"', b'epoch="1"'),
            (b"<arch>x86_64<", b"<arch>noarch<"),
        ],
    )
    def test_metadata_of_another_package_is_refused_by_name(
        self, site: Site, old: bytes, new: bytes
    ) -> None:
        source = site.mirror("os", [BASH])
        replace_in_metadata(pathlib.Path(source.path), {old: new})

        with pytest.raises(
            DescriptionError, match=r'(?s)source "os".*describes bash-5\.1-2\.x86_64'
        ):
            site.build("rocks", source)

    def test_a_file_that_the_pool_has_under_its_name_is_checked_too(self, site: Site) -> None:
        site.build("honest", site.mirror("os", [BASH]))
        other = site.mirror("other", [BASH])
        replace_in_metadata(pathlib.Path(other.path), {b"<name>bash<": b"<name>bish<"})

        with pytest.raises(DescriptionError, match=r'(?s)source "other".*bish'):
            site.build("rocks", other)

    def test_a_module_that_no_release_shows_is_refused_by_name(self, site: Site) -> None:
        perl = Rpm("perl", "5.30", "1.el8", "x86_64", modularity="perl:5.30:1:bb")

        with pytest.raises(DescriptionError, match=r"perl-5\.30-1\.el8\.x86_64.*perl:5\.30:1:bb"):
            site.build("rocks", site.mirror("os", [perl, BASH]))
        site.build("rocks", site.mirror("os", [perl, BASH], exclude=("perl",)))

        assert site.nevras("rocks") == ["bash-0:5.1-2.x86_64"]

    def test_the_identity_of_any_package_is_read(self, tmp_path: pathlib.Path) -> None:
        files = {f"/usr/share/{number:04}": "" for number in range(3000)}
        rpms = [
            BASH,
            Rpm("big", "1~rc1", "2^git", "i686", epoch=3, files=files, description="x" * 50_000),
        ]

        assert [read_identity(str(write(rpm, tmp_path))) for rpm in rpms] == [
            ("bash", 0, "5.1", "2", "x86_64", ""),
            ("big", 3, "1~rc1", "2^git", "i686", ""),
        ]


class TestMissingFiles:
    """repomd.xml of a local mirror lists files that were not copied."""

    def mirror(self, site: Site, kind: str, **options: Any) -> Source:
        """Return a mirror without the file of one kind."""
        extra = {"group": GROUPS, "updateinfo": advisory()}
        extra["modules"] = build("1", 1, "x-0:1-1.noarch")
        source = site.mirror("os", [BASH], extra=extra, **options)
        for path in (pathlib.Path(source.path) / "repodata").glob(f"*-{kind}*"):
            path.unlink()
        return source

    @pytest.mark.parametrize("kind", ["primary", "filelists", "comps", "modules"])
    def test_a_file_without_which_something_is_lost_is_an_error(
        self, site: Site, kind: str
    ) -> None:
        with pytest.raises(NotFound, match=rf'source "os".*{kind}.*does not exist'):
            site.build("rocks", self.mirror(site, kind))

    @pytest.mark.parametrize(("kind", "option"), [("comps", "groups"), ("modules", "modules")])
    def test_what_is_skipped_can_be_missing(self, site: Site, kind: str, option: str) -> None:
        built = site.build("rocks", self.mirror(site, kind, skip_metadata=(option,)))

        assert site.nevras("rocks") == ["bash-0:5.1-2.x86_64"]
        assert not any("does not exist" in remark for remark in built.remarks)

    @pytest.mark.parametrize("kind", ["other", "updateinfo"])
    def test_another_missing_file_is_a_remark(self, site: Site, kind: str) -> None:
        source = self.mirror(site, kind)

        built = site.build("rocks", source)

        assert ask_dnf(site, "repoquery", "--qf", "%{name}").split() == ["bash"]
        remarks = [remark for remark in built.remarks if "does not exist" in remark]
        assert len(remarks) == 1 and kind in remarks[0]
        assert site.build("rocks", source).remarks == built.remarks
