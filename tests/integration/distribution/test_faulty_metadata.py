# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever is wrong with the metadata of a source, dnf reads the published tree completely."""

from __future__ import annotations

import os
import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from support.distributions import Site
from support.dnf import dnf
from support.rpms import Rpm

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
