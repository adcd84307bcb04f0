"""A distribution is built, not downloaded (paper, 6.2): what a build makes of its sources, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
from typing import Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution import pool
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.generations import open_folder
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
    ALL,
    EVR,
    SYMLINK,
    WHOLE,
    Change,
    Changes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.profiles import (
    Compiled,
    CompiledProfile,
    Hook,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    NotFound,
    Unavailable,
)
from support.distributions import Site, content
from support.rpms import Change as Entry
from support.rpms import Rpm, image, write

BASH = Rpm("bash", "5.1.8", "6.el9", "x86_64", provides=["/bin/sh"], files={"/usr/bin/bash": "#!"})
BASH_FIXED = dataclasses.replace(BASH, release="9.el9", changelog=[Entry(1, "A <a@b>", "- fixed")])
GLIBC = Rpm("glibc", "2.34", "100.el9", "x86_64")
GLIBC_32 = Rpm("glibc", "2.34", "100.el9", "i686")
ZSH = Rpm("zsh", "5.8", "9.el9", "x86_64", requires=["glibc >= 2.34"])
ROCKS = Rpm("rocks-base", "1.0", "1", requires=["bash"], files={"/etc/rocks.conf": "x"})
MYRINET = Rpm("gm", "1.5", "1", "x86_64")


def states(folder: pathlib.Path) -> dict[pathlib.Path, tuple[int, int, int]]:
    """Inode, size and time of every file; not when it was read."""
    found = {path: os.lstat(path) for path in folder.rglob("*")}
    return {path: (status.st_ino, status.st_size, status.st_mtime_ns) for path, status in found.items()}


def test_sources_become_one_repository_of_the_newest(site: Site) -> None:
    """Figure 5: stock, updates, third party, local."""
    built = site.build(
        "rocks",
        site.mirror("os", [BASH, GLIBC, GLIBC_32]),
        site.mirror("updates", [BASH_FIXED]),
        site.directory("contrib", [MYRINET]),
        site.directory("local", [ROCKS]),
    )

    assert site.nevras("rocks") == [
        "bash-0:5.1.8-9.el9.x86_64", "glibc-0:2.34-100.el9.i686", "glibc-0:2.34-100.el9.x86_64",
        "gm-0:1.5-1.x86_64", "rocks-base-0:1.0-1.noarch",
    ]  # fmt: skip
    assert built.generation.packages == {"os": 2, "updates": 1, "contrib": 1, "local": 1}
    assert built.changed
    assert built.changes.added == (
        "bash-5.1.8-9.el9.x86_64", "glibc-2.34-100.el9.i686", "glibc-2.34-100.el9.x86_64", "gm-1.5-1.x86_64",
        "rocks-base-1.0-1.noarch",
    )  # fmt: skip


def test_every_package_lies_where_the_metadata_says_with_the_content_it_promises(site: Site) -> None:
    site.build("rocks", site.mirror("os", [BASH, GLIBC]), site.directory("local", [ROCKS]))

    for package in site.packages("rocks"):
        path = site.tree("rocks") / package.location_href
        assert pool.digest(str(path)) == package.pkgId
        assert path.name == f"{package.name}-{package.version}-{package.release}.{package.arch}.rpm"


def test_descriptions_files_and_changelogs_are_those_of_the_source(site: Site) -> None:
    site.build("rocks", site.mirror("updates", [BASH_FIXED]), site.directory("local", [ROCKS]))

    bash, rocks = site.packages("rocks")
    assert [(name, folder) for _kind, folder, name, *_ in bash.files] == [("bash", "/usr/bin/")]
    assert bash.changelogs == [("A <a@b>", 1, "- fixed")]
    assert [name for _kind, _folder, name, *_ in rocks.files] == ["rocks.conf"]
    assert [row[0] for row in rocks.requires if not row[0].startswith("rpmlib")] == ["bash"]


def test_the_link_leads_to_the_generation_by_its_name(site: Site) -> None:
    built = site.build("rocks", site.mirror("os", [BASH]))

    assert os.readlink(site.tree("rocks")) == f"../.generations/rocks/x86_64/{built.generation.identity}"
    assert built.generation.path == str(site.root / ".generations/rocks/x86_64" / built.generation.identity)


def test_a_second_build_changes_nothing(site: Site) -> None:
    sources = (site.mirror("os", [BASH, GLIBC]), site.directory("local", [ROCKS]))
    first = site.build("rocks", *sources)
    before = states(site.root)

    second = site.build("rocks", *sources)

    assert second.generation == first.generation
    assert (second.changed, second.changes) == (False, Changes())
    assert states(site.root) == before


def test_without_its_cache_a_second_build_changes_nothing_that_is_published(site: Site) -> None:
    sources = (site.mirror("os", [BASH, GLIBC]), site.directory("local", [ROCKS]))
    first = site.build("rocks", *sources)
    shutil.rmtree(site.places.cache)

    second = site.build("rocks", *sources)

    assert (second.generation, second.changed) == (first.generation, False)


def test_everything_new_is_on_the_disk_before_it_gets_its_name(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: set[pathlib.Path] = set()

    def record(_root: str, paths: Sequence[str]) -> None:
        assert all(os.path.exists(path) for path in paths)
        flushed.update(map(pathlib.Path, paths))

    monkeypatch.setattr(pool, "flush", record)
    built = site.build("rocks", site.mirror("os", [BASH]), site.directory("local", [ROCKS]), xml=())

    generation = pathlib.Path(built.generation.path)
    written = {generation.with_name(".new"), *(generation.with_name(".new") / path.relative_to(generation)
                for path in generation.rglob("*") if not path.is_symlink() and "Packages/" not in str(path))}  # fmt: skip
    assert written <= flushed
    assert set(pathlib.Path(site.places.pool).glob("??/*.rpm")) <= flushed
    assert set(pathlib.Path(site.places.sets).iterdir()) <= flushed


def test_what_changed_is_told(site: Site) -> None:
    local = site.directory("local", [ROCKS, MYRINET, ZSH])
    site.build("rocks", site.mirror("os", [GLIBC]), local)
    site.directory("local", [
        dataclasses.replace(ROCKS, version="1.1"), dataclasses.replace(MYRINET, version="1.4"),
        dataclasses.replace(ZSH, variant="rebuilt"), BASH,
    ])  # fmt: skip

    built = site.build("rocks", site.mirror("os", []), local)

    assert built.changes == Changes(
        added=("bash-5.1.8-6.el9.x86_64",),
        removed=("glibc-2.34-100.el9.x86_64",),
        upgraded=(Change("rocks-base", "noarch", EVR(0, "1.0", "1"), EVR(0, "1.1", "1")),),
        downgraded=(Change("gm", "x86_64", EVR(0, "1.5", "1"), EVR(0, "1.4", "1")),),
        rebuilt=("zsh-5.8-9.el9.x86_64",),
    )


def test_check_mode_says_the_same_and_touches_no_package(site: Site) -> None:
    sources = (site.mirror("os", [BASH, GLIBC]), site.directory("local", [ROCKS]))

    checked = site.check("rocks", *sources)
    assert sorted(path.name for path in site.root.iterdir()) == [".cache", ".lock"]
    built = site.build("rocks", *sources)

    assert checked._replace(verdicts=built.verdicts) == built
    assert checked.verdicts() == built.verdicts()


def test_why_a_package_won_or_was_left_out_can_be_asked(site: Site) -> None:
    built = site.build("rocks", site.mirror("os", [BASH]), site.mirror("updates", [BASH_FIXED]))

    assert [(one.package.nevra, one.package.source, one.chosen, one.reason) for one in built.verdicts()] == [
        ("bash-5.1.8-9.el9.x86_64", "updates", True, "the newest"),
        ("bash-5.1.8-6.el9.x86_64", "os", False, 'older than 5.1.8-9.el9 of source "updates"'),
    ]


class TestFromADistribution:
    """Figure 6: a distribution is the parent of another, to any depth."""

    def test_a_child_has_what_its_parent_has_and_more(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC]))

        site.build("campus", site.parent("rocks", "rocks"), site.directory("local", [ROCKS, BASH_FIXED]))

        assert site.nevras("campus") == [
            "bash-0:5.1.8-9.el9.x86_64", "glibc-0:2.34-100.el9.x86_64", "rocks-base-0:1.0-1.noarch",
        ]  # fmt: skip

    def test_a_grandchild_too(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC]))
        site.build("campus", site.parent("rocks", "rocks"), site.directory("campus", [ROCKS]))
        site.build("physics", site.parent("campus", "campus"), site.directory("physics", [MYRINET]))

        assert [nevra.split("-0:")[0] for nevra in site.nevras("physics")] == ["bash", "glibc", "gm", "rocks-base"]

    def test_a_child_of_a_rocks_distribution_is_an_ordinary_distribution(self, site: Site) -> None:
        """Repeatability (6.2.2): built from itself alone it is itself, under the same name."""
        first = site.build("rocks", site.mirror("os", [BASH, GLIBC]), site.directory("local", [ROCKS]))
        before = content(site.tree("rocks"))

        again = site.build("rocks", site.parent("self", "rocks"))

        assert (again.generation.identity, again.changed) == (first.generation.identity, False)
        assert content(site.tree("rocks")) == before

    def test_groups_streams_advisories_and_xml_are_inherited_unchanged(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        (tmp_path / "xml" / "nodes").mkdir(parents=True)
        (tmp_path / "xml" / "nodes" / "extend-base.xml").write_text("<kickstart>\n<package>a</package>\n</kickstart>\n")
        extra = {"group": GROUPS, "modules": MODULES, "updateinfo": ADVISORIES, "productid": "a certificate"}
        os_ = site.mirror("os", [BASH, STREAM], extra=extra)
        first = site.build("rocks", os_, xml=(str(tmp_path / "xml"),))

        again = site.build("rocks", site.parent("self", "rocks"))
        child = site.build("child", site.parent("rocks", "rocks"))

        assert first.changes.advisories == ("RHSA-1",)
        assert [again.generation.identity, child.generation.identity] == [first.generation.identity] * 2
        assert [nevra for nevra in site.nevras("child") if nevra.startswith("nginx")] == ["nginx-0:1.24-1.el9.x86_64"]
        assert (site.tree("child") / "build/nodes/extend-base.xml").read_text().count("<package>") == 1

    def test_what_they_share_is_on_the_disk_once(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC]))
        site.build("campus", site.parent("rocks", "rocks"), site.directory("local", [ROCKS]))

        one, other = (
            {path.name: path.stat().st_ino for path in site.tree(name).glob("Packages/*/*.rpm")}
            for name in ("rocks", "campus")
        )
        assert one.items() <= other.items()

    def test_shards_without_a_package_of_the_child_are_the_parents_byte_for_byte(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC, GLIBC_32, ZSH]))
        site.build("campus", site.parent("rocks", "rocks"), site.directory("local", [ROCKS]))

        parent, child = (open_folder(str(site.tree(name))) for name in ("rocks", "campus"))

        assert parent and child
        for number in parent.index.shards:
            assert child.frame("primary", number) == parent.frame("primary", number)

    def test_a_parent_may_be_a_repository_that_somebody_else_built(self, site: Site) -> None:
        stock = dataclasses.replace(site.mirror("stock", [BASH]), type="parent")

        site.build("rocks", stock)

        assert site.nevras("rocks") == ["bash-0:5.1.8-6.el9.x86_64"]


class TestClosure:
    """Failing is the default, with the missing capability and who wants it."""

    def test_what_nothing_provides_is_named_with_who_needs_it(self, site: Site) -> None:
        with pytest.raises(DescriptionError) as raised:
            site.build("rocks", site.mirror("os", [ZSH, ROCKS]), closure=WHOLE)

        assert str(raised.value) == (
            'distribution "rocks": its packages need what it does not have\n'
            "nothing provides bash, which rocks-base-1.0-1.noarch needs\n"
            "nothing provides glibc >= 2.34, which zsh-5.8-9.el9.x86_64 needs; "
            "add a source that has it, exclude who needs it, or say which capabilities may stay open"
        )
        assert not site.tree("rocks").exists()

    def test_a_closed_one_is_built(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [ZSH, GLIBC, ROCKS, BASH]), closure=WHOLE)

        assert len(site.packages("rocks")) == 4

    def test_files_meet_requirements_too_those_in_primary_and_the_others(self, site: Site) -> None:
        needy = Rpm("needy", requires=["/usr/bin/bash", "/opt/deep/file"])
        deep = Rpm("deep", files={"/opt/deep/file": "x"})

        site.build("rocks", site.mirror("os", [needy, deep, BASH]), closure=WHOLE)
        with pytest.raises(DescriptionError, match=r"nothing provides /opt/deep/file, which needy-1.0-1.noarch needs"):
            site.build("rocks", site.mirror("os", [needy, BASH]), closure=WHOLE)

    def test_what_goes_away_in_a_directory_is_missed(self, site: Site) -> None:
        os_, local = site.mirror("os", [ROCKS]), site.directory("local", [BASH])
        site.build("rocks", os_, local, closure=WHOLE)
        site.directory("local", [])

        with pytest.raises(DescriptionError, match="nothing provides bash"):
            site.build("rocks", os_, local, closure=WHOLE)

    def test_capabilities_may_stay_open_by_name(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [ZSH]), closure=WHOLE, open=("glibc*",))

        assert len(site.packages("rocks")) == 1

    def test_a_warning_stays_a_warning_when_nothing_changed(self, site: Site) -> None:
        built = site.build("rocks", site.mirror("os", [ZSH]))

        assert built.unmet == ("nothing provides glibc >= 2.34, which zsh-5.8-9.el9.x86_64 needs",)
        assert site.build("rocks", site.mirror("os", [ZSH])).unmet == built.unmet


GROUPS = """<comps>
  <group><id>core</id><name>Core</name><packagelist><packagereq type="mandatory">bash</packagereq></packagelist></group>
  <group><id>shells</id><name>Shells</name><packagelist><packagereq type="default">zsh</packagereq></packagelist></group>
</comps>"""


STREAM = Rpm("nginx", "1.24", "1.el9", "x86_64")
MODULES = """---
document: modulemd
version: 2
data:
  name: nginx
  stream: "1.24"
  version: 7
  context: c
  arch: x86_64
  artifacts:
    rpms:
    - nginx-0:1.24-1.el9.x86_64
...
"""
ADVISORIES = '<updates><update version="1"><id>RHSA-1</id><title>x</title></update></updates>'


def profiles(**lists: list[str]) -> Hook:
    """A compiler of profiles that install these packages."""
    made = {
        f"{name}.json": CompiledProfile(
            name, json.dumps(wanted), {entry: [f"nodes/{name}.xml:{n}"] for n, entry in enumerate(wanted, 1)}
        )
        for name, wanted in lists.items()
    }
    return Hook(lambda _folder: Compiled(made), json.dumps(lists))


class TestProfiles:
    def test_they_are_compiled_from_the_merged_xml_and_stored_in_the_tree(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        seen: dict[str, str] = {}
        (tmp_path / "xml" / "nodes").mkdir(parents=True)
        (tmp_path / "xml" / "nodes" / "compute.xml").write_text("<kickstart/>")

        def compile_(folder: str) -> Compiled:
            seen.update(content(pathlib.Path(folder)))
            return Compiled({"compute-1.json": CompiledProfile("compute", "{}", {"bash": []})})

        site.build("rocks", site.mirror("os", [BASH]), hook=Hook(compile_, "k"), xml=(str(tmp_path / "xml"),))

        assert list(seen) == ["nodes/compute.xml"]
        assert (site.tree("rocks") / "build/profiles/compute-1.json").read_text() == "{}"
        assert (site.tree("rocks") / "build/nodes/compute.xml").read_text() == "<kickstart/>"

    def test_a_compile_that_fails_publishes_nothing(self, site: Site) -> None:
        def fail(_folder: str) -> Compiled:
            raise DescriptionError("the edge leads nowhere", "graphs/default/base.xml:41")

        with pytest.raises(DescriptionError, match=r"base\.xml:41"):
            site.build("rocks", site.mirror("os", [BASH]), hook=Hook(fail, ""))

        assert not site.tree("rocks").exists()

    def test_what_the_compiler_says_names_the_file_that_somebody_wrote(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        ours, theirs = tmp_path / "xml" / "nodes", tmp_path / "campus" / "nodes"
        for folder, name in ((ours, "ssh"), (theirs, "web")):
            folder.mkdir(parents=True)
            (folder / f"{name}.xml").write_text("<kickstart/>")

        def compile_(folder: str) -> Compiled:
            asked = {"nginx": [f"{folder}/nodes/web.xml:2"]}
            return Compiled({"a.json": CompiledProfile("web", "", asked)}, [f"{folder}/nodes/ssh.xml:3: mode= is old"])

        site.build("campus", site.mirror("os", [BASH]), xml=(str(theirs.parent),))
        asked = (site.parent("campus", "campus"),)
        built = site.build("rocks", *asked, hook=Hook(compile_, ""), xml=(str(ours.parent),))
        again = site.build("rocks", *asked, hook=Hook(compile_, ""), xml=(str(ours.parent),))

        assert built.unmet == (
            'source "campus": build/nodes/web.xml:2: nginx is no package of this distribution (for web)',
        )
        assert built.warnings == (f"{ours}/ssh.xml:3: mode= is old",)
        assert not again.changed
        assert (again.unmet, again.warnings) == (built.unmet, built.warnings)

    def test_a_package_list_that_the_distribution_cannot_serve_stops_the_build(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH], extra={"group": GROUPS})

        with pytest.raises(DescriptionError) as raised:
            site.build(
                "rocks", os_, hook=profiles(compute=["bash", "slurm", "@core", "@nope", "-x", "ba*"]), closure=WHOLE
            )

        assert "nodes/compute.xml:4: @nope is no group of this distribution (for compute)" in str(raised.value)
        assert "nodes/compute.xml:2: slurm is no package of this distribution (for compute)" in str(raised.value)
        assert "bash" not in str(raised.value)

    def test_a_package_that_cannot_be_installed_is_told_with_the_reason(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, ZSH, Rpm("login", requires=["zsh"])], extra={"group": GROUPS})

        site.build("rocks", os_, hook=profiles(compute=["bash", "@core"]), closure="profiles")
        with pytest.raises(DescriptionError) as raised:
            site.build("rocks", os_, hook=profiles(login=["login"], shells=["@shells"]), closure="profiles")

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

    def test_the_parents_is_inherited_and_the_sites_lies_over_it(self, site: Site, tmp_path: pathlib.Path) -> None:
        ours = self.xml(tmp_path / "ours", ssh="ours", dhcp="ours")
        theirs = self.xml(tmp_path / "theirs", ssh="theirs")
        site.build("rocks", site.mirror("os", [BASH]), xml=(ours,))

        site.build("campus", site.parent("rocks", "rocks"), xml=(theirs,))

        nodes = site.tree("campus") / "build" / "nodes"
        assert {path.name: path.read_text() for path in nodes.iterdir()} == {"ssh.xml": "theirs", "dhcp.xml": "ours"}

    def test_an_edit_is_a_new_generation(self, site: Site, tmp_path: pathlib.Path) -> None:
        os_, xml = site.mirror("os", [BASH]), self.xml(tmp_path / "xml", ssh="old", dhcp="same")
        first = site.build("rocks", os_, xml=(xml,))
        self.xml(tmp_path / "xml", ssh="new")

        second = site.build("rocks", os_, xml=(xml,))

        assert second.generation.identity != first.generation.identity
        assert (site.tree("rocks") / "build/nodes/ssh.xml").read_text() == "new"
        assert (pathlib.Path(first.generation.path) / "build/nodes/ssh.xml").read_text() == "old"


class TestAWholeMirror:
    def test_every_package_is_fetched_kept_and_served_and_the_newest_are_the_distribution(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, BASH_FIXED, Rpm("a", arch="aarch64")], fetch="everything")

        site.build("rocks", os_, keep=1)

        assert site.nevras("rocks") == ["bash-0:5.1.8-9.el9.x86_64"]
        files = {path.name for path in (site.tree("rocks") / "Mirrors" / "os").iterdir()}
        assert files == {BASH.filename, BASH_FIXED.filename, "a-1.0-1.aarch64.rpm"}

    def test_it_goes_with_the_generation(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, BASH_FIXED], fetch="everything"))

        site.build("rocks", site.mirror("os", [BASH, BASH_FIXED]), keep=1)

        assert len(list(pathlib.Path(site.places.pool).glob("??/*.rpm"))) == 1


class TestLayouts:
    def test_the_papers_form_is_a_symbolic_link_for_each_package(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC]), layout=SYMLINK)

        packages = sorted(site.tree("rocks").glob("Packages/*/*.rpm"))
        assert len(packages) == 2
        assert all(path.is_symlink() and path.read_bytes() for path in packages)
        assert pool.sets_of(str(site.tree("rocks"))) == set(os.listdir(site.places.sets))

    def test_both_forms_have_the_same_metadata(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        site.build("one", os_)
        site.build("other", os_, layout=SYMLINK)

        one, other = (
            {path.name: path.read_bytes() for path in (site.tree(name) / "repodata").glob("*.xml*")}
            for name in ("one", "other")
        )
        assert {name: data for name, data in one.items() if name != "repomd.xml"} == {
            name: data for name, data in other.items() if name != "repomd.xml"
        }


def test_two_packages_that_differ_only_in_the_epoch_have_two_file_names(site: Site) -> None:
    rpm = Rpm("a", "1", "1")
    newer = dataclasses.replace(rpm, epoch=1)

    site.build("rocks", site.mirror("os", [rpm]), site.mirror("updates", [newer]), versions=ALL)

    names = {package.epoch: pathlib.Path(package.location_href).name for package in site.packages("rocks")}
    assert names["0"] == "a-1-1.noarch.rpm"
    assert names["1"].endswith("-a-1-1.noarch.rpm")
    assert all((site.tree("rocks") / package.location_href).exists() for package in site.packages("rocks"))


class TestBadInput:
    """Each is named, and what is published stays as it is."""

    def untouched(
        self, site: Site, error: type[Exception], complaint: str, *sources: object, **options: object
    ) -> None:
        before = content(site.tree("rocks"))
        with pytest.raises(error, match=complaint):
            site.build("rocks", *sources, **options)  # type: ignore[arg-type]
        assert content(site.tree("rocks")) == before

    @pytest.fixture(autouse=True)
    def published(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH]))

    def test_two_sources_that_disagree_on_a_nevra(self, site: Site) -> None:
        other = dataclasses.replace(BASH, variant="other")

        self.untouched(
            site, Conflict, r'bash-5\.1\.8-6\.el9\.x86_64: "os" \([0-9a-f]{12}…\) and "updates" \([0-9a-f]{12}…\)',
            site.mirror("os", [BASH]), site.mirror("updates", [other]),
        )  # fmt: skip

    def test_a_package_that_is_not_what_its_metadata_promise(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        path = pathlib.Path(os_.path) / "Packages" / GLIBC.filename
        path.write_bytes(image(dataclasses.replace(GLIBC, variant="other")))

        self.untouched(site, DescriptionError, rf"{path}: its sha256 is .*…, the metadata promises", os_)

    def test_a_package_that_is_gone(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        (pathlib.Path(os_.path) / "Packages" / GLIBC.filename).unlink()

        self.untouched(site, DescriptionError, r"glibc.*\.rpm: no such file; the metadata names it", os_)

    def test_metadata_that_are_not_what_repomd_promises(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        (primary,) = (pathlib.Path(os_.path) / "repodata").glob("*-primary.xml.zst")
        primary.write_bytes(primary.read_bytes()[:-1])

        self.untouched(site, DescriptionError, r"-primary\.xml\.zst: it has .* bytes and not the checksum", os_)

    def test_metadata_that_lie_about_their_size(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        repomd = pathlib.Path(os_.path) / "repodata" / "repomd.xml"
        text = repomd.read_text()
        begin = text.index("<open-size>") + len("<open-size>")
        repomd.write_text(f"{text[:begin]}9{text[begin:]}")

        self.untouched(site, DescriptionError, r'source "os", its .* metadata: expands to .* bytes, repomd', os_)

    @pytest.mark.parametrize("gone", ["mirror", "directory"])
    def test_a_source_that_is_gone(self, site: Site, gone: str) -> None:
        source = getattr(site, gone)("gone")
        shutil.rmtree(source.path)

        self.untouched(site, NotFound, r'source "gone" \(', source)

    def test_a_full_disk(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(path: str, *_arguments: object) -> None:
            raise OSError(28, "No space left on device", path)

        os_ = site.mirror("os", [BASH, GLIBC])
        monkeypatch.setattr(os, "link", full)

        self.untouched(site, Unavailable, r'No space left on device while distribution "rocks" was built', os_)

    def test_a_source_that_changes_all_the_time(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        local = site.directory("local", [ROCKS])
        number = 0

        def meddle(*arguments: object, **options: object) -> object:
            nonlocal number
            number += 1
            write(Rpm(f"extra-{number}"), local.path)
            return linked(*arguments, **options)  # type: ignore[arg-type]

        linked = pool.link_set
        monkeypatch.setattr(pool, "link_set", meddle)

        self.untouched(site, Unavailable, "it changed while the distribution was built; run again", local)


class TestMemory:
    def test_packages_of_a_directory_that_are_written_over_later_stay_as_published(self, site: Site) -> None:
        local = site.directory("local", [ROCKS])
        site.build("rocks", local)
        before = content(site.tree("rocks"))

        (pathlib.Path(local.path) / ROCKS.filename).write_bytes(b"another file, in place")

        assert content(site.tree("rocks")) == before
