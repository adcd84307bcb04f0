"""Nothing is published that a node could not be installed from: its closure, and each profile's list of packages."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build.profile_hook import (
    CompiledProfile,
    CompiledProfiles,
    ProfileHook,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from support.distributions import Site, content
from support.packages import BASH, GLIBC, GROUPS, ROCKS, ZSH
from support.rpms import Rpm


class TestClosure:
    """Failing is the default, with the missing capability and who wants it."""

    def test_what_nothing_provides_is_named_with_who_needs_it(self, site: Site) -> None:
        with pytest.raises(DescriptionError) as raised:
            site.build("rocks", site.mirror("os", [ZSH, ROCKS]), closure="whole")

        assert str(raised.value) == (
            'distribution "rocks": its packages need what it does not have\n'
            "nothing provides bash, which rocks-base-1.0-1.noarch needs\n"
            "nothing provides glibc >= 2.34, which zsh-5.8-9.el9.x86_64 needs; "
            "add a source that has it, exclude who needs it, or say which capabilities may stay open"
        )
        assert not site.tree("rocks").exists()

    def test_a_closed_one_is_built(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [ZSH, GLIBC, ROCKS, BASH]), closure="whole")

        assert len(site.packages("rocks")) == 4

    def test_files_meet_requirements_too_those_in_primary_and_the_others(self, site: Site) -> None:
        needy = Rpm("needy", requires=["/usr/bin/bash", "/opt/deep/file"])
        deep = Rpm("deep", files={"/opt/deep/file": "x"})

        site.build("rocks", site.mirror("os", [needy, deep, BASH]), closure="whole")
        with pytest.raises(
            DescriptionError,
            match=r"nothing provides /opt/deep/file, which needy-1.0-1.noarch needs",
        ):
            site.build("rocks", site.mirror("os", [needy, BASH]), closure="whole")

    def test_what_goes_away_in_a_directory_is_missed(self, site: Site) -> None:
        os_, local = site.mirror("os", [ROCKS]), site.directory("local", [BASH])
        site.build("rocks", os_, local, closure="whole")
        site.directory("local", [])

        with pytest.raises(DescriptionError, match="nothing provides bash"):
            site.build("rocks", os_, local, closure="whole")

    def test_capabilities_may_stay_open_by_name(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [ZSH]), closure="whole", allowed_unmet=("glibc*",))

        assert len(site.packages("rocks")) == 1

    def test_a_warning_stays_a_warning_when_nothing_changed(self, site: Site) -> None:
        built = site.build("rocks", site.mirror("os", [ZSH]))

        assert built.unmet == ("nothing provides glibc >= 2.34, which zsh-5.8-9.el9.x86_64 needs",)
        assert site.build("rocks", site.mirror("os", [ZSH])).unmet == built.unmet


def profiles(**lists: list[str]) -> ProfileHook:
    """A compiler of profiles that install these packages."""
    made = {
        f"{name}.json": CompiledProfile(
            name,
            json.dumps(wanted),
            {entry: [f"nodes/{name}.xml:{n}"] for n, entry in enumerate(wanted, 1)},
        )
        for name, wanted in lists.items()
    }
    return ProfileHook(lambda _folder: CompiledProfiles(made), json.dumps(lists))


class TestProfiles:
    def test_they_are_compiled_from_the_merged_xml_and_stored_in_the_tree(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        seen: dict[str, str] = {}
        (tmp_path / "xml" / "nodes").mkdir(parents=True)
        (tmp_path / "xml" / "nodes" / "compute.xml").write_text("<kickstart/>")

        def compile_(folder: str) -> CompiledProfiles:
            seen.update(content(pathlib.Path(folder)))
            return CompiledProfiles(
                {"compute-1.json": CompiledProfile("compute", "{}", {"bash": []})}
            )

        site.build(
            "rocks",
            site.mirror("os", [BASH]),
            hook=ProfileHook(compile_, "k"),
            xml=(str(tmp_path / "xml"),),
        )

        assert list(seen) == ["nodes/compute.xml"]
        assert (site.tree("rocks") / "build/profiles/compute-1.json").read_text() == "{}"
        assert (site.tree("rocks") / "build/nodes/compute.xml").read_text() == "<kickstart/>"

    def test_a_compile_that_fails_publishes_nothing(self, site: Site) -> None:
        def fail(_folder: str) -> CompiledProfiles:
            raise DescriptionError("the edge leads nowhere", "graphs/default/base.xml:41")

        with pytest.raises(DescriptionError, match=r"base\.xml:41"):
            site.build("rocks", site.mirror("os", [BASH]), hook=ProfileHook(fail, ""))

        assert not site.tree("rocks").exists()

    def test_what_the_compiler_says_names_the_file_that_somebody_wrote(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        ours, theirs = tmp_path / "xml" / "nodes", tmp_path / "campus" / "nodes"
        for folder, name in ((ours, "ssh"), (theirs, "web")):
            folder.mkdir(parents=True)
            (folder / f"{name}.xml").write_text("<kickstart/>")

        def compile_(folder: str) -> CompiledProfiles:
            asked = {"nginx": [f"{folder}/nodes/web.xml:2"]}
            return CompiledProfiles(
                {"a.json": CompiledProfile("web", "", asked)},
                [f"{folder}/nodes/ssh.xml:3: mode= is old"],
            )

        site.build("campus", site.mirror("os", [BASH]), xml=(str(theirs.parent),))
        asked = (site.parent("campus", "campus"),)
        built = site.build("rocks", *asked, hook=ProfileHook(compile_, ""), xml=(str(ours.parent),))
        again = site.build("rocks", *asked, hook=ProfileHook(compile_, ""), xml=(str(ours.parent),))

        assert built.unmet == (
            'source "campus": build/nodes/web.xml:2: nginx is no package of this distribution (for web)',
        )
        assert built.warnings == (f"{ours}/ssh.xml:3: mode= is old",)
        assert not again.changed
        assert (again.unmet, again.warnings) == (built.unmet, built.warnings)

    def test_a_package_list_that_the_distribution_cannot_serve_stops_the_build(
        self, site: Site
    ) -> None:
        os_ = site.mirror("os", [BASH], extra={"group": GROUPS})

        with pytest.raises(DescriptionError) as raised:
            site.build(
                "rocks",
                os_,
                hook=profiles(compute=["bash", "slurm", "@core", "@nope", "-x", "ba*"]),
                closure="whole",
            )

        assert "nodes/compute.xml:4: @nope is no group of this distribution (for compute)" in str(
            raised.value
        )
        assert "nodes/compute.xml:2: slurm is no package of this distribution (for compute)" in str(
            raised.value
        )
        assert "bash" not in str(raised.value)

    def test_a_package_that_cannot_be_installed_is_told_with_the_reason(self, site: Site) -> None:
        os_ = site.mirror(
            "os", [BASH, ZSH, Rpm("login", requires=["zsh"])], extra={"group": GROUPS}
        )

        site.build("rocks", os_, hook=profiles(compute=["bash", "@core"]), closure="profiles")
        with pytest.raises(DescriptionError) as raised:
            site.build(
                "rocks", os_, hook=profiles(login=["login"], shells=["@shells"]), closure="profiles"
            )

        assert (
            "nodes/login.xml:1: login cannot be installed: login-1.0-1.noarch needs zsh, "
            "which only packages provide that cannot be installed (for login)"
        ) in str(raised.value)
        assert (
            "nodes/shells.xml:1: zsh cannot be installed: zsh-5.8-9.el9.x86_64 needs glibc >= 2.34, "
            "which nothing provides (for shells)"
        ) in str(raised.value)

    def test_other_profiles_are_another_generation(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH])

        one = site.build("rocks", os_, hook=profiles(compute=["bash"]))
        other = site.build("rocks", os_, hook=profiles(login=["bash"]))

        assert one.generation.identity != other.generation.identity


class TestTheXml:
    def xml(self, folder: pathlib.Path, **files: str) -> str:
        for name, text in files.items():
            path = folder / "nodes" / f"{name}.xml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(folder)

    def test_the_parents_is_inherited_and_the_sites_lies_over_it(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        ours = self.xml(tmp_path / "ours", ssh="ours", dhcp="ours")
        theirs = self.xml(tmp_path / "theirs", ssh="theirs")
        site.build("rocks", site.mirror("os", [BASH]), xml=(ours,))

        site.build("campus", site.parent("rocks", "rocks"), xml=(theirs,))

        nodes = site.tree("campus") / "build" / "nodes"
        assert {path.name: path.read_text() for path in nodes.iterdir()} == {
            "ssh.xml": "theirs",
            "dhcp.xml": "ours",
        }

    def test_an_edit_is_a_new_generation(self, site: Site, tmp_path: pathlib.Path) -> None:
        os_, xml = site.mirror("os", [BASH]), self.xml(tmp_path / "xml", ssh="old", dhcp="same")
        first = site.build("rocks", os_, xml=(xml,))
        self.xml(tmp_path / "xml", ssh="new")

        second = site.build("rocks", os_, xml=(xml,))

        assert second.generation.identity != first.generation.identity
        assert (site.tree("rocks") / "build/nodes/ssh.xml").read_text() == "new"
        assert (pathlib.Path(first.generation.path) / "build/nodes/ssh.xml").read_text() == "old"
