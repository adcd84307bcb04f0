"""Parents of any depth, the paper's symbolic links and other layouts, whole mirrors: the forms a distribution can have."""

from __future__ import annotations

import dataclasses
import os
import pathlib

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata.index import (
    open_published,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.storage import pool
from support.distributions import Site, content
from support.packages import BASH, BASH_FIXED, GLIBC, GLIBC_32, GROUPS, MYRINET, ROCKS, ZSH
from support.rpms import Rpm

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


class TestFromADistribution:
    """Figure 6: a distribution is the parent of another, to any depth."""

    def test_a_child_has_what_its_parent_has_and_more(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC]))

        site.build(
            "campus", site.parent("rocks", "rocks"), site.directory("local", [ROCKS, BASH_FIXED])
        )

        assert site.nevras("campus") == [
            "bash-0:5.1.8-9.el9.x86_64", "glibc-0:2.34-100.el9.x86_64", "rocks-base-0:1.0-1.noarch",
        ]  # fmt: skip

    def test_a_grandchild_too(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC]))
        site.build("campus", site.parent("rocks", "rocks"), site.directory("campus", [ROCKS]))
        site.build("physics", site.parent("campus", "campus"), site.directory("physics", [MYRINET]))

        assert [nevra.split("-0:")[0] for nevra in site.nevras("physics")] == [
            "bash",
            "glibc",
            "gm",
            "rocks-base",
        ]

    def test_a_child_of_a_rocks_distribution_is_an_ordinary_distribution(self, site: Site) -> None:
        """Repeatability (6.2.2): built from itself alone it is itself, under the same name."""
        first = site.build(
            "rocks", site.mirror("os", [BASH, GLIBC]), site.directory("local", [ROCKS])
        )
        before = content(site.tree("rocks"))

        again = site.build("rocks", site.parent("self", "rocks"))

        assert (again.generation.identity, again.changed) == (first.generation.identity, False)
        assert content(site.tree("rocks")) == before

    def test_groups_streams_advisories_and_xml_are_inherited_unchanged(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        (tmp_path / "xml" / "nodes").mkdir(parents=True)
        (tmp_path / "xml" / "nodes" / "extend-base.xml").write_text(
            "<kickstart>\n<package>a</package>\n</kickstart>\n"
        )
        extra = {
            "group": GROUPS,
            "modules": MODULES,
            "updateinfo": ADVISORIES,
            "productid": "a certificate",
        }
        os_ = site.mirror("os", [BASH, STREAM], extra=extra)
        first = site.build("rocks", os_, xml=(str(tmp_path / "xml"),))

        again = site.build("rocks", site.parent("self", "rocks"))
        child = site.build("child", site.parent("rocks", "rocks"))

        assert first.changes.advisories == ("RHSA-1",)
        assert [again.generation.identity, child.generation.identity] == [
            first.generation.identity
        ] * 2
        assert [nevra for nevra in site.nevras("child") if nevra.startswith("nginx")] == [
            "nginx-0:1.24-1.el9.x86_64"
        ]
        assert (site.tree("child") / "build/nodes/extend-base.xml").read_text().count(
            "<package>"
        ) == 1

    def test_what_they_share_is_on_the_disk_once(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC]))
        site.build("campus", site.parent("rocks", "rocks"), site.directory("local", [ROCKS]))

        one, other = (
            {path.name: path.stat().st_ino for path in site.tree(name).glob("Packages/*/*.rpm")}
            for name in ("rocks", "campus")
        )
        assert one.items() <= other.items()

    def test_shards_without_a_package_of_the_child_are_the_parents_byte_for_byte(
        self, site: Site
    ) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC, GLIBC_32, ZSH]))
        site.build("campus", site.parent("rocks", "rocks"), site.directory("local", [ROCKS]))

        parent, child = (open_published(str(site.tree(name))) for name in ("rocks", "campus"))

        assert parent and child
        for number in parent.index.shards:
            assert child.frame("primary", number) == parent.frame("primary", number)

    def test_a_parent_may_be_a_repository_that_somebody_else_built(self, site: Site) -> None:
        stock = dataclasses.replace(site.mirror("stock", [BASH]), type="parent")

        site.build("rocks", stock)

        assert site.nevras("rocks") == ["bash-0:5.1.8-6.el9.x86_64"]


class TestAWholeMirror:
    def test_every_package_is_fetched_kept_and_served_and_the_newest_are_the_distribution(
        self, site: Site
    ) -> None:
        os_ = site.mirror("os", [BASH, BASH_FIXED, Rpm("a", arch="aarch64")], fetch="everything")

        site.build("rocks", os_, keep=1)

        assert site.nevras("rocks") == ["bash-0:5.1.8-9.el9.x86_64"]
        files = {path.name for path in (site.tree("rocks") / "Mirrors" / "os").iterdir()}
        assert files == {BASH.filename, BASH_FIXED.filename, "a-1.0-1.aarch64.rpm"}

    def test_it_goes_with_the_generation(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, BASH_FIXED], fetch="everything"))

        site.build("rocks", site.mirror("os", [BASH, BASH_FIXED]), keep=1)

        assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 1


class TestLayouts:
    def test_the_papers_form_is_a_symbolic_link_for_each_package(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC]), layout="symlink")

        packages = sorted(site.tree("rocks").glob("Packages/*/*.rpm"))
        assert len(packages) == 2
        assert all(path.is_symlink() and path.read_bytes() for path in packages)
        assert pool.linked_sets(str(site.tree("rocks"))) == set(os.listdir(site.store.sets))

    def test_both_forms_have_the_same_metadata(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        site.build("one", os_)
        site.build("other", os_, layout="symlink")

        one, other = (
            {path.name: path.read_bytes() for path in (site.tree(name) / "repodata").glob("*.xml*")}
            for name in ("one", "other")
        )
        assert {name: data for name, data in one.items() if name != "repomd.xml"} == {
            name: data for name, data in other.items() if name != "repomd.xml"
        }
