"""rocks_dist and rocks_dist_info by their short names, and the playbook, as an administrator runs them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
import re
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import compression
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata.index import (
    record_paths,
)
from support.ansible import command
from support.distributions import Site
from support.keys import SecretKey
from support.modules import run as module
from support.repodata import packages
from support.rpms import Rpm, repository, write
from support.upstream import Upstream, status, upstream

BASH = Rpm("bash", "5.1.8", "6.el9", "x86_64", provides=["/bin/sh"])
BASH_FIXED = dataclasses.replace(BASH, release="9.el9")
SITE = Rpm("site", "1.0", "1", requires=["bash"])
NODE = """<?xml version="1.0"?>
<kickstart>
  <main><text/><rootpw>--lock</rootpw></main>
  <package>bash</package>
  <package>site</package>
</kickstart>
"""
GRAPH = '<?xml version="1.0"?>\n<graph>\n  <edge from="compute" to="base"/>\n</graph>\n'


@pytest.fixture
def options(site: Site) -> dict[str, Any]:
    """A distribution of a mirror and a directory."""
    os_, local = site.mirror("os", [BASH]), site.directory("local", [SITE])
    return {
        "name": "rocks",
        "path": str(site.root),
        "nodes": False,
        "sources": [
            {"name": "os", "path": os_.path},
            {"name": "local", "type": "directory", "path": local.path},
        ],
    }


def test_built_published_and_then_left_alone(site: Site, options: dict[str, Any]) -> None:
    first = module("rocks_dist", options)
    again = module("rocks_dist", options)

    assert (first["changed"], again["changed"]) == (True, False)
    assert first["added"] == ["bash-5.1.8-6.el9.x86_64", "site-1.0-1.noarch"]
    assert first["packages"] == again["packages"] == {"os": 1, "local": 1}
    assert first["generation"] == again["generation"]
    assert site.nevras("rocks") == ["bash-0:5.1.8-6.el9.x86_64", "site-0:1.0-1.noarch"]


def test_check_mode_says_what_would_change_and_changes_nothing(
    site: Site, options: dict[str, Any]
) -> None:
    module("rocks_dist", options)
    site.mirror("os", [BASH_FIXED], revision=1_700_000_001)

    checked = module("rocks_dist", options, check=True, diff=True)
    assert site.nevras("rocks")[0] == "bash-0:5.1.8-6.el9.x86_64"
    done = module("rocks_dist", options, diff=True)

    assert checked == done
    assert done["upgraded"] == [
        {"name": "bash", "arch": "x86_64", "before": "5.1.8-6.el9", "after": "5.1.8-9.el9"}
    ]
    assert done["diff"] == {
        "before": "bash-5.1.8-6.el9.x86_64\n", "after": "bash-5.1.8-9.el9.x86_64\n",
        "before_header": "published", "after_header": done["generation"],
    }  # fmt: skip


def test_details_say_which_source_each_package_is_from_and_why(
    options: dict[str, Any], site: Site
) -> None:
    write(BASH_FIXED, options["sources"][1]["path"])

    said = module("rocks_dist", {**options, "details": True})

    assert said["chosen"] == [
        {"package": "bash-5.1.8-9.el9.x86_64", "source": "local", "reason": "the newest"},
        {"package": "site-1.0-1.noarch", "source": "local", "reason": "the newest"},
    ]
    assert said["left_out"] == [
        {
            "package": "bash-5.1.8-6.el9.x86_64",
            "source": "os",
            "reason": 'older than 5.1.8-9.el9 of source "local"',
        }
    ]


def test_an_error_is_one_sentence_and_nothing_is_published(
    options: dict[str, Any], site: Site
) -> None:
    options["sources"][1]["exclude"] = ["site"]
    write(Rpm("needy", requires=["nothing-has-this"]), options["sources"][1]["path"])

    said = module("rocks_dist", options)

    assert re.match(r'distribution "rocks": .*\n.* nothing-has-this', said["msg"])
    assert "exception" not in said
    assert not site.tree("rocks").exists()


def test_back_and_forth_promotion_and_removal(site: Site, options: dict[str, Any]) -> None:
    first = module("rocks_dist", options)["generation"]
    write(dataclasses.replace(SITE, version="2.0"), options["sources"][1]["path"])
    second = module("rocks_dist", options)["generation"]
    where = {"path": str(site.root), "nodes": False}

    back = module("rocks_dist", {"name": "rocks", "generation": "previous", **where})
    assert (back["changed"], back["generation"]) == (True, first)
    assert [one["name"] for one in back["downgraded"]] == ["site"]
    promoted = module("rocks_dist", {"name": "production", "promote_from": "rocks", **where})
    assert (promoted["changed"], promoted["generation"]) == (True, first)
    assert not module("rocks_dist", {"name": "production", "promote_from": "rocks", **where})[
        "changed"
    ]
    listed = module(
        "rocks_dist_info",
        {"name": "rocks", "path": str(site.root), "compare_to": second, "why": ["site"]},
    )
    assert [(one["generation"], one["published"]) for one in listed["generations"]] == [
        (second, False),
        (first, True),
    ]
    assert listed["changes"]["downgraded"] == [
        {"name": "site", "arch": "noarch", "before": "2.0-1", "after": "1.0-1"}
    ]
    assert listed["verdicts"] == [
        {"package": "site-1.0-1.noarch", "source": "local", "chosen": True, "reason": "the newest"}
    ]
    asked = {"name": "rocks", "path": str(site.root)}
    said = module("rocks_dist_info", {**asked, "why": ["b*", "siet"]})["msg"]
    assert said == 'no source of distribution "rocks" has a package "siet"; did you mean site?'
    said = module("rocks_dist_info", {**asked, "name": "rokcs"})["msg"]
    assert said.startswith('distribution "rokcs" has no published generation for x86_64; ')
    gone = {"name": "rocks", "state": "absent", **where}
    assert module("rocks_dist", gone, check=True)["changed"]
    assert module("rocks_dist", gone)["changed"]
    assert not module("rocks_dist", gone)["changed"]
    assert site.nevras("production") == ["bash-0:5.1.8-6.el9.x86_64", "site-0:1.0-1.noarch"]


def test_profiles_are_compiled_stored_and_checked_against_the_packages(
    site: Site, options: dict[str, Any]
) -> None:
    xml = site.folder / "xml"
    for path, text in {
        "graphs/default/site.xml": GRAPH,
        "nodes/compute.xml": NODE,
        "nodes/base.xml": NODE,
    }.items():
        (xml / path).parent.mkdir(parents=True, exist_ok=True)
        (xml / path).write_text(text)
    wanted = {**options, "release": "rhel9", "xml": [str(xml)], "profiles": [{"root": "compute"}]}

    built = module("rocks_dist", wanted)
    (stored,) = (site.tree("rocks") / "build" / "profiles").iterdir()
    kickstart = module(
        "rocks_kickstart",
        {"path": [str(site.tree("rocks") / "build")], "root": "compute", "release": "rhel9"},
    )

    assert stored.name == f"compute-{kickstart['profile'][:16]}.json"
    assert not module("rocks_dist", wanted)["changed"]
    (xml / "nodes" / "base.xml").write_text(NODE.replace("site", "slurm"))
    said = module("rocks_dist", wanted)
    assert re.search(rf"{xml}/nodes/base\.xml:5: slurm .*\(for compute\)", said["msg"])
    (xml / "nodes" / "base.xml").write_text("<kickstart>\n<package>bash</kickstart>")
    assert f"{xml}/nodes/base.xml:2: " in module("rocks_dist", wanted)["msg"]
    assert (site.root / "rocks" / "x86_64").resolve().name == built["generation"]


class TestFromTheNetwork:
    """A mirror and a parent behind HTTP: the same verbs, through mirror.py."""

    @pytest.fixture
    def server(self, site: Site) -> Any:
        repository(site.folder / "www" / "os", [BASH, Rpm("tzdata", "2026b", "1")])
        with upstream(site.folder / "www") as server:
            yield server

    def build(self, site: Site, *sources: dict[str, Any], **options: Any) -> Any:
        return module("rocks_dist", {"name": "rocks", "path": str(site.root), "nodes": False, "closure": "warn",
                                     "sources": list(sources), **options})  # fmt: skip

    def test_only_what_was_chosen_is_fetched_and_nothing_twice(
        self, site: Site, server: Upstream
    ) -> None:
        source = {"name": "os", "url": f"{server.url}/os", "exclude": ["tzdata"]}

        first, again = self.build(site, source), self.build(site, source)

        assert (first["changed"], again["changed"]) == (True, False)
        assert [request.path for request in server.asked("*.rpm")] == [
            f"os/Packages/{BASH.filename}"
        ]
        assert len(server.asked("os/repodata/*-primary.xml.zst")) == 1

    def test_check_mode_fetches_no_package(self, site: Site, server: Upstream) -> None:
        said = module("rocks_dist", {"name": "rocks", "path": str(site.root), "nodes": False, "closure": "warn",
                                     "sources": [{"name": "os", "url": f"{server.url}/os"}]}, check=True)  # fmt: skip

        assert len(said["added"]) == 2
        assert server.asked("*.rpm") == []

    def test_the_whole_repository_is_fetched_when_the_source_says_so(
        self, site: Site, server: Upstream
    ) -> None:
        self.build(
            site,
            {"name": "os", "url": f"{server.url}/os", "exclude": ["tzdata"], "fetch": "everything"},
        )

        assert len(server.asked("*.rpm")) == 2
        assert site.nevras("rocks") == ["bash-0:5.1.8-6.el9.x86_64"]

    def test_a_child_of_another_frontends_distribution(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        campus = Site(tmp_path / "campus")
        campus.build("rocks", campus.mirror("os", [BASH]), campus.directory("local", [SITE]))

        with upstream(campus.root) as server:
            source = {"name": "campus", "type": "parent", "url": f"{server.url}/rocks/x86_64"}
            local = site.directory("local", [Rpm("department")])
            self.build(site, source, {"name": "local", "type": "directory", "path": local.path})

        assert [nevra.split("-0:")[0] for nevra in site.nevras("rocks")] == [
            "bash",
            "department",
            "site",
        ]
        assert len(packages(site.tree("rocks"))) == 3

    def test_a_parent_elsewhere_whose_index_lies_about_its_packages(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        """The verdicts that it publishes are not believed: the XML is, as of any repository."""
        campus = Site(tmp_path / "campus")
        campus.build("rocks", campus.mirror("os", [BASH, Rpm("tzdata")]))
        tree = campus.tree("rocks").resolve()
        lie(tree, "rocks-verdicts", b"bash", b"dash")

        with upstream(campus.root) as server:
            said = self.build(
                site, {"name": "campus", "type": "parent", "url": f"{server.url}/rocks/x86_64"}
            )

        assert said["added"] == ["bash-5.1.8-6.el9.x86_64", "tzdata-1.0-1.noarch"]

    def test_a_parent_elsewhere_whose_xml_leads_astray(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        campus = Site(tmp_path / "campus")
        (tmp_path / "xml" / "nodes").mkdir(parents=True)
        (tmp_path / "xml" / "nodes" / "aa.xml").write_text("<kickstart/>")
        campus.build("rocks", campus.mirror("os", [BASH]), xml=(str(tmp_path / "xml"),))
        lie(campus.tree("rocks").resolve(), "rocks-build", b"nodes/aa.xml", b"../../../aa.x")

        with upstream(campus.root) as server:
            said = self.build(
                site, {"name": "campus", "type": "parent", "url": f"{server.url}/rocks/x86_64"}
            )

        assert "the path '../../../aa.x' leads out of build/" in said["msg"]
        assert not site.tree("rocks").exists()

    def test_a_server_that_fails_for_good_leaves_what_is_published(
        self, site: Site, server: Upstream
    ) -> None:
        self.build(site, {"name": "os", "url": f"{server.url}/os"})
        repository(site.folder / "www" / "os", [BASH_FIXED], revision=1_700_000_001)
        server.fail(f"*{BASH_FIXED.filename}", status(404), times=99)

        said = self.build(site, {"name": "os", "url": f"{server.url}/os"})

        assert BASH_FIXED.filename in said["msg"]
        assert 'source "os"' in said["msg"]
        assert site.nevras("rocks")[0] == "bash-0:5.1.8-6.el9.x86_64"

    def test_a_tree_with_an_installer_is_a_tree_with_an_installer(
        self, site: Site, server: Upstream
    ) -> None:
        images = {
            "images/install.img": "stage 2",
            "images/pxeboot/vmlinuz": "kernel",
            "images/pxeboot/initrd.img": "rd",
        }
        for path, text in images.items():
            (site.folder / "www" / "os" / path).parent.mkdir(parents=True, exist_ok=True)
            (site.folder / "www" / "os" / path).write_text(text)
        (site.folder / "www" / "os" / ".treeinfo").write_text(TREEINFO)

        self.build(site, {"name": "os", "url": f"{server.url}/os"}, release="rhel9")
        self.build(
            site, {"name": "self", "type": "parent", "path": str(site.tree("rocks"))}, name="child"
        )

        for name in ("rocks", "child"):
            assert {path: (site.tree(name) / path).read_text() for path in images} == images
            assert "repository = .\n" in (site.tree(name) / ".treeinfo").read_text()
        one, other = (site.tree(name) / "images/install.img" for name in ("rocks", "child"))
        assert one.stat().st_ino == other.stat().st_ino


def lie(tree: pathlib.Path, kind: str, before: bytes, after: bytes) -> None:
    """Change a file of the metadata, and let repomd.xml say that it is right so."""
    path = tree / record_paths(str(tree))[kind]
    data = compression.compress_frame(
        compression.decompress(path.read_bytes(), kind).replace(before, after)
    )
    name = f"repodata/{hashlib.sha256(data).hexdigest()}-{path.name.partition('-')[2]}"
    (tree / name).write_bytes(data)
    repomd = (tree / "repodata" / "repomd.xml").read_text()
    repomd = repomd.replace(f"repodata/{path.name}", name).replace(path.name[:64], name[9:73])
    repomd = repomd.replace(f"<size>{path.stat().st_size}</size>", f"<size>{len(data)}</size>")
    (tree / "repodata" / "repomd.xml").write_text(repomd)


TREEINFO = """[header]
type = productmd.treeinfo
version = 1.2
[release]
name = Stock
short = Stock
version = 9
[tree]
arch = x86_64
build_timestamp = 1736761560
platforms = x86_64
variants = BaseOS
[images-x86_64]
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
"""


class TestSignatures:
    def test_unsigned_packages_are_refused_and_signed_ones_are_taken(
        self, site: Site, options: dict[str, Any], key: Any
    ) -> None:
        vendor: SecretKey = key("vendor")
        options["sources"][1].update(gpg_keys=[str(vendor.public)])

        refused = module("rocks_dist", options)
        vendor.sign_packages(*pathlib.Path(options["sources"][1]["path"]).glob("*.rpm"))
        taken = module("rocks_dist", options)

        assert 'source "local"' in refused["msg"]
        assert SITE.filename in refused["msg"]
        assert taken["changed"]

    def test_our_metadata_are_signed_and_a_child_checks_them(
        self, site: Site, options: dict[str, Any], key: Any
    ) -> None:
        ours: SecretKey = key("site")
        said = command("ansible", "localhost", "-m", "rocks_dist", "-a", json.dumps({**options, "sign_key": ours.user}),
                       env=ours.environment)  # fmt: skip
        assert said.returncode == 0, said.stdout
        parent = {
            "name": "rocks",
            "type": "parent",
            "url": site.tree("rocks").as_uri(),
            "repo_gpgcheck": True,
            "gpgcheck": False,
        }

        other = Site(site.folder / "other")
        asked = {"name": "child", "path": str(other.root), "nodes": False}
        good = module(
            "rocks_dist",
            {
                **asked,
                "sources": [
                    {**parent, "gpg_keys": [str(site.tree("rocks") / "RPM-GPG-KEY-rocks")]}
                ],
            },
        )
        bad = module(
            "rocks_dist",
            {**asked, "sources": [{**parent, "gpg_keys": [str(key("vendor").public)]}]},
        )

        assert good["changed"]
        assert "a key that was not given" in bad["msg"]


# The XML that we ship.
OURS = pathlib.Path(__file__).parents[3] / "xml"


def test_the_playbook_does_the_whole_and_changes_nothing_the_second_time(site: Site) -> None:
    repository(site.folder / "stock" / "BaseOS" / "x86_64" / "os", [BASH])
    repository(
        site.folder / "stock" / "AppStream" / "x86_64" / "os", [Rpm("gcc", requires=["bash"])]
    )
    variables = {
        "distribution_mirror": (site.folder / "stock").as_uri(),
        "distribution_keys": [],
        "distribution_release": "rhel9",
        "distribution_path": str(site.root),
        "distribution_contrib": str(site.folder / "contrib"),
        "distribution_local": str(site.folder / "local"),
        "distribution_xml": [str(OURS), str(site.folder / "xml")],
        "distribution_install_libraries": False,
    }
    (site.folder / "local").mkdir()
    write(SITE, site.folder / "local")

    def play() -> str:
        ended = command(
            "ansible-playbook", "playbooks/rebuild-dist.yml", "-e", json.dumps(variables)
        )
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    first, second = play(), play()

    assert "rocks is now generation" in first
    assert "3 packages, 3 added, 0 removed" in first
    assert str(OURS) not in first  # the lint has nothing to say
    assert (site.tree("rocks") / "build/nodes/compute.xml").read_bytes() == (
        OURS / "nodes/compute.xml"
    ).read_bytes()
    assert "rocks stays generation" in second
    assert "changed=0" in second
