"""Parents and children, whole mirrors, and the layouts of a tree."""

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
  summary: a summary
  description: a description
  license: {module: [MIT]}
  artifacts:
    rpms:
    - nginx-0:1.24-1.el9.x86_64
...
"""
ADVISORIES = '<updates><update version="1"><id>RHSA-1</id><title>x</title></update></updates>'


class TestParents:
    """A distribution can be the parent of another one, to any depth (Figure 6)."""

    def test_a_child_has_the_packages_of_its_parent_and_its_own(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC]))

        site.build(
            "campus", site.parent("rocks", "rocks"), site.directory("local", [ROCKS, BASH_FIXED])
        )

        assert site.nevras("campus") == [
            "bash-0:5.1.8-9.el9.x86_64",
            "glibc-0:2.34-100.el9.x86_64",
            "rocks-base-0:1.0-1.noarch",
        ]

    def test_a_grandchild_has_the_packages_of_all_ancestors(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC]))
        site.build("campus", site.parent("rocks", "rocks"), site.directory("campus", [ROCKS]))
        site.build("physics", site.parent("campus", "campus"), site.directory("physics", [MYRINET]))

        assert [nevra.split("-0:")[0] for nevra in site.nevras("physics")] == [
            "bash",
            "glibc",
            "gm",
            "rocks-base",
        ]

    def test_a_distribution_built_from_itself_is_unchanged(self, site: Site) -> None:
        """The same content has the same name (repeatability, 6.2.2)."""
        first = site.build(
            "rocks", site.mirror("os", [BASH, GLIBC]), site.directory("local", [ROCKS])
        )
        before = content(site.tree("rocks"))

        second = site.build("rocks", site.parent("self", "rocks"))

        assert (second.generation.identity, second.changed) == (first.generation.identity, False)
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

        second = site.build("rocks", site.parent("self", "rocks"))
        child = site.build("child", site.parent("rocks", "rocks"))

        assert first.changes.advisories == ("RHSA-1",)
        assert [second.generation.identity, child.generation.identity] == [
            first.generation.identity
        ] * 2
        assert [nevra for nevra in site.nevras("child") if nevra.startswith("nginx")] == [
            "nginx-0:1.24-1.el9.x86_64"
        ]
        assert (site.tree("child") / "build/nodes/extend-base.xml").read_text().count(
            "<package>"
        ) == 1

    def test_shared_packages_are_on_the_disk_once(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC]))
        site.build("campus", site.parent("rocks", "rocks"), site.directory("local", [ROCKS]))

        parent, child = (
            {path.name: path.stat().st_ino for path in site.tree(name).glob("Packages/*/*.rpm")}
            for name in ("rocks", "campus")
        )
        assert parent.items() <= child.items()

    def test_shards_without_packages_of_the_child_have_the_parents_bytes(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC, GLIBC_32, ZSH]))
        site.build("campus", site.parent("rocks", "rocks"), site.directory("local", [ROCKS]))

        parent, child = (open_published(str(site.tree(name))) for name in ("rocks", "campus"))

        assert parent and child
        for number in parent.index.shards:
            assert child.frame("primary", number) == parent.frame("primary", number)

    def test_a_parent_can_be_a_repository_of_another_program(self, site: Site) -> None:
        stock = dataclasses.replace(site.mirror("stock", [BASH]), type="parent")

        site.build("rocks", stock)

        assert site.nevras("rocks") == ["bash-0:5.1.8-6.el9.x86_64"]


class TestWholeMirror:
    def test_fetch_everything_publishes_all_packages_in_mirrors(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, BASH_FIXED, Rpm("a", arch="aarch64")], fetch="everything")

        site.build("rocks", os_, keep=1)

        assert site.nevras("rocks") == ["bash-0:5.1.8-9.el9.x86_64"]
        files = {path.name for path in (site.tree("rocks") / "Mirrors" / "os").iterdir()}
        assert files == {BASH.filename, BASH_FIXED.filename, "a-1.0-1.aarch64.rpm"}

    def test_the_packages_of_a_mirror_are_removed_with_the_generation(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH, BASH_FIXED], fetch="everything"))

        site.build("rocks", site.mirror("os", [BASH, BASH_FIXED]), keep=1)

        assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 1


class TestLayouts:
    def test_the_symlink_layout_has_a_link_for_each_package_as_in_the_paper(
        self, site: Site
    ) -> None:
        site.build("rocks", site.mirror("os", [BASH, GLIBC]), layout="symlink")

        packages = sorted(site.tree("rocks").glob("Packages/*/*.rpm"))
        assert len(packages) == 2
        assert all(path.is_symlink() and path.read_bytes() for path in packages)
        assert pool.linked_sets(str(site.tree("rocks"))) == set(os.listdir(site.store.sets))

    def test_both_layouts_have_the_same_metadata(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        site.build("links", os_)
        site.build("symlink", os_, layout="symlink")

        links, symlink = (
            {
                path.name: path.read_bytes()
                for path in (site.tree(name) / "repodata").glob("*.xml*")
                if path.name != "repomd.xml"
            }
            for name in ("links", "symlink")
        )
        assert links == symlink
