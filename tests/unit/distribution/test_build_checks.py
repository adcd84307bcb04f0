"""A build checks the requirements of all packages, and the package list of each profile."""

from __future__ import annotations

import json
import pathlib
import re

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
    """An unmet requirement fails the build by default."""

    def test_an_unmet_requirement_is_listed_with_the_packages_that_have_it(
        self, site: Site
    ) -> None:
        with pytest.raises(DescriptionError) as raised:
            site.build("rocks", site.mirror("os", [ZSH, ROCKS]), closure="whole")

        assert raised.value.where == 'distribution "rocks"'
        first, second = raised.value.what.splitlines()[1:]
        assert re.search(r" bash, .*rocks-base-1\.0-1\.noarch", first)
        assert re.search(r" glibc >= 2\.34, .*zsh-5\.8-9\.el9\.x86_64", second)
        assert "open" in raised.value.hint
        assert not site.tree("rocks").exists()

    def test_a_distribution_without_unmet_requirements_is_built(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [ZSH, GLIBC, ROCKS, BASH]), closure="whole")

        assert len(site.packages("rocks")) == 4

    def test_files_in_primary_and_in_filelists_satisfy_requirements(self, site: Site) -> None:
        needy = Rpm("needy", requires=["/usr/bin/bash", "/opt/deep/file"])
        deep = Rpm("deep", files={"/opt/deep/file": "x"})

        site.build("rocks", site.mirror("os", [needy, deep, BASH]), closure="whole")
        with pytest.raises(DescriptionError, match=r" /opt/deep/file, .*needy-1\.0-1\.noarch"):
            site.build("rocks", site.mirror("os", [needy, BASH]), closure="whole")

    def test_removing_a_package_from_a_directory_makes_its_capability_unmet(
        self, site: Site
    ) -> None:
        os_ = site.mirror("os", [ROCKS])
        local = site.directory("local", [BASH])
        site.build("rocks", os_, local, closure="whole")
        site.directory("local", [])

        with pytest.raises(DescriptionError, match="nothing provides bash"):
            site.build("rocks", os_, local, closure="whole", allow_shrink=True)

    def test_allowed_capabilities_can_be_unmet(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [ZSH]), closure="whole", allowed_unmet=("glibc*",))

        assert len(site.packages("rocks")) == 1

    def test_an_unchanged_build_returns_the_same_unmet_requirements(self, site: Site) -> None:
        built = site.build("rocks", site.mirror("os", [ZSH]))

        (unmet,) = built.unmet
        assert re.search(r" glibc >= 2\.34, .*zsh-5\.8-9\.el9\.x86_64", unmet)
        assert site.build("rocks", site.mirror("os", [ZSH])).unmet == built.unmet


def profiles(**lists: list[str]) -> ProfileHook:
    """Return a hook that compiles profiles with these package lists."""
    compiled = {
        f"{name}.json": CompiledProfile(
            root=name,
            text=json.dumps(entries),
            packages={entry: [f"nodes/{name}.xml:{line}"] for line, entry in enumerate(entries, 1)},
        )
        for name, entries in lists.items()
    }
    return ProfileHook(lambda _folder: CompiledProfiles(compiled), json.dumps(lists))


class TestProfiles:
    def test_profiles_are_compiled_from_the_merged_xml_and_stored_in_the_tree(
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

    def test_an_error_of_the_compiler_publishes_nothing(self, site: Site) -> None:
        def fail(_folder: str) -> CompiledProfiles:
            raise DescriptionError("the edge leads nowhere", "graphs/default/base.xml:41")

        with pytest.raises(DescriptionError, match=r"base\.xml:41"):
            site.build("rocks", site.mirror("os", [BASH]), hook=ProfileHook(fail, ""))

        assert not site.tree("rocks").exists()

    def test_messages_of_the_compiler_name_the_original_files(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        ours = tmp_path / "xml" / "nodes"
        theirs = tmp_path / "campus" / "nodes"
        for folder, name in ((ours, "ssh"), (theirs, "web")):
            folder.mkdir(parents=True)
            (folder / f"{name}.xml").write_text("<kickstart/>")

        def compile_(folder: str) -> CompiledProfiles:
            packages = {"nginx": [f"{folder}/nodes/web.xml:2"]}
            return CompiledProfiles(
                {"a.json": CompiledProfile("web", "", packages)},
                [f"{folder}/nodes/ssh.xml:3: mode= is old"],
            )

        site.build("campus", site.mirror("os", [BASH]), xml=(str(theirs.parent),))
        campus = site.parent("campus", "campus")
        hook = ProfileHook(compile_, "")
        first = site.build("rocks", campus, hook=hook, xml=(str(ours.parent),))
        second = site.build("rocks", campus, hook=hook, xml=(str(ours.parent),))

        (unmet,) = first.unmet
        assert unmet.startswith('source "campus": build/nodes/web.xml:2: nginx ')
        assert first.warnings == (f"{ours}/ssh.xml:3: mode= is old",)
        assert not second.changed
        assert (second.unmet, second.warnings) == (first.unmet, first.warnings)

    def test_an_unknown_entry_of_a_package_list_stops_the_build(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH], extra={"group": GROUPS})

        with pytest.raises(DescriptionError) as raised:
            site.build(
                "rocks",
                os_,
                hook=profiles(compute=["bash", "slurm", "@core", "@nope", "-x", "ba*"]),
                closure="whole",
            )

        faults = raised.value.what
        assert re.search(r"nodes/compute\.xml:4: @nope .*\(for compute\)", faults)
        assert re.search(r"nodes/compute\.xml:2: slurm .*\(for compute\)", faults)
        assert "bash" not in faults

    def test_the_packages_of_one_boot_loader_are_enough_and_the_others_are_reported(
        self, site: Site
    ) -> None:
        def hook(**platforms: list[str]) -> ProfileHook:
            profile = CompiledProfile("compute", "", {"bash": []}, platforms)
            return ProfileHook(lambda _folder: CompiledProfiles({"a.json": profile}), "")

        os_ = site.mirror("os", [BASH, Rpm("grub2-pc", provides=["grub2"])])

        built = site.build("rocks", os_, hook=hook(BIOS=["grub2"], UEFI=["shim-x64", "grub2"]))
        (line,) = built.unmet
        assert "UEFI" in line and "shim-x64" in line and "grub2" not in line
        with pytest.raises(DescriptionError, match=r"(?s)BIOS.* grub2-tools,.*UEFI.* shim-x64,"):
            site.build(
                "rocks",
                os_,
                hook=hook(BIOS=["grub2-tools", "bash"], UEFI=["shim-x64"]),
                closure="profiles",
            )

    def test_an_uninstallable_package_is_listed_with_the_reason(self, site: Site) -> None:
        os_ = site.mirror(
            "os", [BASH, ZSH, Rpm("login", requires=["zsh"])], extra={"group": GROUPS}
        )

        site.build("rocks", os_, hook=profiles(compute=["bash", "@core"]), closure="profiles")
        with pytest.raises(DescriptionError) as raised:
            site.build(
                "rocks", os_, hook=profiles(login=["login"], shells=["@shells"]), closure="profiles"
            )

        faults = raised.value.what
        assert re.search(
            r"nodes/login\.xml:1: login .*login-1\.0-1\.noarch .*zsh.*\(for login\)", faults
        )
        assert re.search(
            r"nodes/shells\.xml:1: zsh .*zsh-5\.8-9\.el9\.x86_64 .*glibc >= 2\.34.*\(for shells\)",
            faults,
        )

    def test_different_profiles_make_a_different_generation(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH])

        first = site.build("rocks", os_, hook=profiles(compute=["bash"]))
        second = site.build("rocks", os_, hook=profiles(login=["bash"]))

        assert first.generation.identity != second.generation.identity


class TestXml:
    def xml(self, folder: pathlib.Path, **files: str) -> str:
        for name, text in files.items():
            path = folder / "nodes" / f"{name}.xml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(folder)

    def test_xml_of_the_parent_is_inherited_and_the_sites_has_precedence(
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

    def test_editing_the_xml_makes_a_new_generation(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        os_ = site.mirror("os", [BASH])
        xml = self.xml(tmp_path / "xml", ssh="old", dhcp="same")
        first = site.build("rocks", os_, xml=(xml,))
        self.xml(tmp_path / "xml", ssh="new")

        second = site.build("rocks", os_, xml=(xml,))

        assert second.generation.identity != first.generation.identity
        assert (site.tree("rocks") / "build/nodes/ssh.xml").read_text() == "new"
        assert (pathlib.Path(first.generation.path) / "build/nodes/ssh.xml").read_text() == "old"
