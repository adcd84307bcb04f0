"""rocks_dist and rocks_dist_info by their short names, and the playbook rebuild-dist.yml."""

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
    """The options of a distribution with a mirror and a directory."""
    os_ = site.mirror("os", [BASH])
    local = site.directory("local", [SITE])
    return {
        "name": "rocks",
        "path": str(site.root),
        "nodes": False,
        "sources": [
            {"name": "os", "path": os_.path},
            {"name": "local", "type": "directory", "path": local.path},
        ],
    }


def test_a_second_run_changes_nothing(site: Site, options: dict[str, Any]) -> None:
    first = module("rocks_dist", options)
    second = module("rocks_dist", options)

    assert (first["changed"], second["changed"]) == (True, False)
    assert first["added"] == ["bash-5.1.8-6.el9.x86_64", "site-1.0-1.noarch"]
    assert first["packages"] == second["packages"] == {"os": 1, "local": 1}
    assert first["generation"] == second["generation"]
    assert site.nevras("rocks") == ["bash-0:5.1.8-6.el9.x86_64", "site-0:1.0-1.noarch"]


def test_check_mode_returns_the_result_and_changes_nothing(
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
        "before": "bash-5.1.8-6.el9.x86_64\n",
        "after": "bash-5.1.8-9.el9.x86_64\n",
        "before_header": "published",
        "after_header": done["generation"],
    }


def test_details_contain_source_and_reason_of_each_package(
    options: dict[str, Any], site: Site
) -> None:
    write(BASH_FIXED, options["sources"][1]["path"])

    result = module("rocks_dist", {**options, "details": True})

    assert result["chosen"] == [
        {"package": "bash-5.1.8-9.el9.x86_64", "source": "local", "reason": "the newest"},
        {"package": "site-1.0-1.noarch", "source": "local", "reason": "the newest"},
    ]
    assert result["left_out"] == [
        {
            "package": "bash-5.1.8-6.el9.x86_64",
            "source": "os",
            "reason": 'older than 5.1.8-9.el9 of source "local"',
        }
    ]


def test_a_failed_check_returns_its_message_and_publishes_nothing(
    options: dict[str, Any], site: Site
) -> None:
    options["sources"][1]["exclude"] = ["site"]
    write(Rpm("needy", requires=["nothing-has-this"]), options["sources"][1]["path"])

    result = module("rocks_dist", options)

    assert re.match(r'distribution "rocks": .*\n.* nothing-has-this', result["msg"])
    assert "exception" not in result
    assert not site.tree("rocks").exists()


def test_rollback_promotion_and_removal(site: Site, options: dict[str, Any]) -> None:
    first = module("rocks_dist", options)["generation"]
    write(dataclasses.replace(SITE, version="2.0"), options["sources"][1]["path"])
    second = module("rocks_dist", options)["generation"]
    common = {"path": str(site.root), "nodes": False}

    back = module("rocks_dist", {"name": "rocks", "generation": "previous", **common})
    assert (back["changed"], back["generation"]) == (True, first)
    assert [change["name"] for change in back["downgraded"]] == ["site"]
    promoted = module("rocks_dist", {"name": "production", "promote_from": "rocks", **common})
    assert (promoted["changed"], promoted["generation"]) == (True, first)
    assert not module("rocks_dist", {"name": "production", "promote_from": "rocks", **common})[
        "changed"
    ]
    listed = module(
        "rocks_dist_info",
        {"name": "rocks", "path": str(site.root), "compare_to": second, "why": ["site"]},
    )
    assert [(entry["generation"], entry["published"]) for entry in listed["generations"]] == [
        (second, False),
        (first, True),
    ]
    assert listed["changes"]["downgraded"] == [
        {"name": "site", "arch": "noarch", "before": "2.0-1", "after": "1.0-1"}
    ]
    assert listed["verdicts"] == [
        {"package": "site-1.0-1.noarch", "source": "local", "chosen": True, "reason": "the newest"}
    ]
    published = {"name": "rocks", "path": str(site.root)}
    message = module("rocks_dist_info", {**published, "why": ["b*", "siet"]})["msg"]
    assert re.search(r'"rocks" .*"siet"; .*\bsite\b', message)
    message = module("rocks_dist_info", {**published, "name": "rokcs"})["msg"]
    assert message.startswith('distribution "rokcs" has no published generation for x86_64; ')
    removal = {"name": "rocks", "state": "absent", **common}
    assert module("rocks_dist", removal, check=True)["changed"]
    assert module("rocks_dist", removal)["changed"]
    assert not module("rocks_dist", removal)["changed"]
    assert site.nevras("production") == ["bash-0:5.1.8-6.el9.x86_64", "site-0:1.0-1.noarch"]


def test_profiles_are_compiled_and_stored_and_their_packages_checked(
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
    with_profiles = {
        **options,
        "release": "rhel9",
        "xml": [str(xml)],
        "profiles": [{"root": "compute"}],
    }

    built = module("rocks_dist", with_profiles)
    (stored,) = (site.tree("rocks") / "build" / "profiles").glob("*.json")
    kickstart = module(
        "rocks_kickstart",
        {"path": [str(site.tree("rocks") / "build")], "root": "compute", "release": "rhel9"},
    )

    assert stored.name == f"compute-{kickstart['profile'][:16]}.json"
    assert not module("rocks_dist", with_profiles)["changed"]
    (xml / "nodes" / "base.xml").write_text(NODE.replace("site", "slurm"))
    result = module("rocks_dist", with_profiles)
    assert re.search(rf"{xml}/nodes/base\.xml:5: slurm .*\(for compute\)", result["msg"])
    (xml / "nodes" / "base.xml").write_text("<kickstart>\n<package>bash</kickstart>")
    assert f"{xml}/nodes/base.xml:2: " in module("rocks_dist", with_profiles)["msg"]
    assert (site.root / "rocks" / "x86_64").resolve().name == built["generation"]


class TestLayersOfXml:
    """The XML of a distribution, and what is wrong with its folders."""

    @pytest.fixture
    def layers(self, site: Site, options: dict[str, Any]) -> dict[str, Any]:
        for path, text in {
            "ours/graphs/default/site.xml": GRAPH,
            "ours/nodes/compute.xml": NODE,
            "ours/nodes/base.xml": "<kickstart/>",
            "campus/nodes/extend-base.xml": "<kickstart><!-- <package>site</package> -->"
            "</kickstart>",
            "department/nodes/extend-base.xml": "<!-- adds to <kickstart> -->\n<kickstart>\n"
            "<package>site</package>\n</kickstart>",
        }.items():
            (site.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (site.folder / path).write_text(text)
        return {
            **options,
            "release": "rhel9",
            "xml": [str(site.folder / name) for name in ("ours", "campus", "department")],
            "profiles": [{"root": "compute"}],
        }

    def kickstart(self, *paths: str) -> Any:
        options = {"path": list(paths), "root": "compute", "release": "rhel9"}
        return module("rocks_kickstart", options)

    def test_two_modules_read_the_extensions_of_two_layers_alike(
        self, site: Site, layers: dict[str, Any]
    ) -> None:
        module("rocks_dist", layers)

        built = self.kickstart(str(site.tree("rocks") / "build"))
        assert built["packages"] == self.kickstart(*layers["xml"])["packages"] == ["bash", "site"]

    def test_an_error_names_the_file_and_line_of_its_author(
        self, site: Site, layers: dict[str, Any]
    ) -> None:
        path = site.folder / "department/nodes/extend-base.xml"
        path.write_text("<kickstart>\n\n<pakage>site</pakage>\n</kickstart>")

        assert f"{path}:3: unknown element <pakage>" in module("rocks_dist", layers)["msg"]

    def test_two_modules_decode_a_file_alike(self, site: Site, layers: dict[str, Any]) -> None:
        path = site.folder / "ours/nodes/base.xml"
        text = "<?xml version='1.0' encoding='ISO-8859-1'?>\n<kickstart><post>\nécho\n</post>"
        path.write_bytes(f"{text}</kickstart>".encode("latin-1"))

        module("rocks_dist", layers)

        built = self.kickstart(str(site.tree("rocks") / "build"))
        assert "\nécho\n" in built["kickstart"]
        assert "\nécho\n" in self.kickstart(*layers["xml"])["kickstart"]

    def test_a_file_that_nothing_reads_is_a_warning_of_every_build(
        self, site: Site, layers: dict[str, Any]
    ) -> None:
        module("rocks_dist", layers)
        path = site.folder / "campus/node/extend-base.xml"
        path.parent.mkdir()
        path.write_text("<kickstart/>")

        results = [module("rocks_dist", layers) for _build in range(2)]

        assert [result["changed"] for result in results] == [False, False]
        for result in results:
            assert [line for line in result["lint"] if f"{path}: " in line]

    @pytest.mark.parametrize(
        ("xml", "message"),
        [([], "no graph"), (["ours/nodes"], "the folder above"), (["campus"], "no graph")],
    )
    def test_listed_profiles_without_a_graph_are_an_error(
        self, site: Site, layers: dict[str, Any], xml: list[str], message: str
    ) -> None:
        options = {**layers, "xml": [str(site.folder / name) for name in xml]}

        result = module("rocks_dist", options)

        assert message in result["msg"]
        assert not (site.root / "rocks").exists()

    def test_folders_without_a_graph_are_a_warning(
        self, site: Site, layers: dict[str, Any]
    ) -> None:
        result = module(
            "rocks_dist", {**layers, "xml": [str(site.folder / "campus")], "profiles": []}
        )

        assert result["changed"]
        assert "no graph" in result["lint"][0]


class TestFromTheNetwork:
    """A mirror and a parent at HTTP URLs."""

    @pytest.fixture
    def server(self, site: Site) -> Any:
        repository(site.folder / "www" / "os", [BASH, Rpm("tzdata", "2026b", "1")])
        with upstream(site.folder / "www") as server:
            yield server

    def build(self, site: Site, *sources: dict[str, Any], **options: Any) -> Any:
        base = {"name": "rocks", "path": str(site.root), "nodes": False, "closure": "warn"}
        return module("rocks_dist", {**base, "sources": list(sources), **options})

    def test_only_chosen_packages_are_fetched_and_only_once(
        self, site: Site, server: Upstream
    ) -> None:
        source = {"name": "os", "url": f"{server.url}/os", "exclude": ["tzdata"]}

        first = self.build(site, source)
        second = self.build(site, source)

        assert (first["changed"], second["changed"]) == (True, False)
        assert [request.path for request in server.requests_for("*.rpm")] == [
            f"os/Packages/{BASH.filename}"
        ]
        assert len(server.requests_for("os/repodata/*-primary.xml.zst")) == 1

    def test_check_mode_fetches_no_package(self, site: Site, server: Upstream) -> None:
        options = {
            "name": "rocks",
            "path": str(site.root),
            "nodes": False,
            "closure": "warn",
            "sources": [{"name": "os", "url": f"{server.url}/os"}],
        }

        result = module("rocks_dist", options, check=True)

        assert len(result["added"]) == 2
        assert server.requests_for("*.rpm") == []

    def test_fetch_everything_fetches_the_whole_repository(
        self, site: Site, server: Upstream
    ) -> None:
        self.build(
            site,
            {"name": "os", "url": f"{server.url}/os", "exclude": ["tzdata"], "fetch": "everything"},
        )

        assert len(server.requests_for("*.rpm")) == 2
        assert site.nevras("rocks") == ["bash-0:5.1.8-6.el9.x86_64"]

    def test_a_distribution_of_another_frontend_can_be_a_parent(
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

    def test_a_remote_parent_with_false_verdicts_is_read_by_its_xml(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        """The published verdicts of a remote parent are not trusted."""
        campus = Site(tmp_path / "campus")
        campus.build("rocks", campus.mirror("os", [BASH, Rpm("tzdata")]))
        tree = campus.tree("rocks").resolve()
        falsify(tree, "rocks-verdicts", b"bash", b"dash")

        with upstream(campus.root) as server:
            result = self.build(
                site, {"name": "campus", "type": "parent", "url": f"{server.url}/rocks/x86_64"}
            )

        assert result["added"] == ["bash-5.1.8-6.el9.x86_64", "tzdata-1.0-1.noarch"]

    def test_a_path_outside_of_build_in_a_remote_parent_is_refused(
        self, site: Site, tmp_path: pathlib.Path
    ) -> None:
        campus = Site(tmp_path / "campus")
        (tmp_path / "xml" / "nodes").mkdir(parents=True)
        (tmp_path / "xml" / "nodes" / "aa.xml").write_text("<kickstart/>")
        campus.build("rocks", campus.mirror("os", [BASH]), xml=(str(tmp_path / "xml"),))
        falsify(campus.tree("rocks").resolve(), "rocks-build", b"nodes/aa.xml", b"../../../aa.x")

        with upstream(campus.root) as server:
            result = self.build(
                site, {"name": "campus", "type": "parent", "url": f"{server.url}/rocks/x86_64"}
            )

        assert "'../../../aa.x'" in result["msg"]
        assert not site.tree("rocks").exists()

    def test_a_failing_server_leaves_the_published_tree_unchanged(
        self, site: Site, server: Upstream
    ) -> None:
        self.build(site, {"name": "os", "url": f"{server.url}/os"})
        repository(site.folder / "www" / "os", [BASH_FIXED], revision=1_700_000_001)
        server.fail(f"*{BASH_FIXED.filename}", status(404), times=99)

        result = self.build(site, {"name": "os", "url": f"{server.url}/os"})

        assert BASH_FIXED.filename in result["msg"]
        assert 'source "os"' in result["msg"]
        assert site.nevras("rocks")[0] == "bash-0:5.1.8-6.el9.x86_64"

    def test_the_installer_of_a_source_is_published_and_inherited(
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
        paths = [site.tree(name) / "images/install.img" for name in ("rocks", "child")]
        assert paths[0].stat().st_ino == paths[1].stat().st_ino


def falsify(tree: pathlib.Path, kind: str, before: bytes, after: bytes) -> None:
    """Change a metadata file, and its checksum in repomd.xml."""
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
    def test_unsigned_packages_are_refused_and_signed_packages_accepted(
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

    def test_a_child_checks_the_signature_of_our_metadata(
        self, site: Site, options: dict[str, Any], key: Any
    ) -> None:
        ours: SecretKey = key("site")
        result = command(
            "ansible",
            "localhost",
            "-m",
            "rocks_dist",
            "-a",
            json.dumps({**options, "sign_key": ours.user}),
            env=ours.environment,
        )
        assert result.returncode == 0, result.stdout
        parent = {
            "name": "rocks",
            "type": "parent",
            "url": site.tree("rocks").as_uri(),
            "repo_gpgcheck": True,
            "gpgcheck": False,
        }

        other = Site(site.folder / "other")
        common = {"name": "child", "path": str(other.root), "nodes": False}
        good = module(
            "rocks_dist",
            {
                **common,
                "sources": [
                    {**parent, "gpg_keys": [str(site.tree("rocks") / "RPM-GPG-KEY-rocks")]}
                ],
            },
        )
        bad = module(
            "rocks_dist",
            {**common, "sources": [{**parent, "gpg_keys": [str(key("vendor").public)]}]},
        )

        assert good["changed"]
        assert "repomd.xml" in bad["msg"]


SHIPPED_XML = pathlib.Path(__file__).parents[3] / "xml"


def test_the_playbook_builds_and_a_second_run_changes_nothing(site: Site) -> None:
    repository(site.folder / "stock" / "BaseOS" / "x86_64" / "os", [BASH])
    repository(
        site.folder / "stock" / "AppStream" / "x86_64" / "os", [Rpm("gcc", requires=["bash"])]
    )
    variables = {
        "distribution_mirror": (site.folder / "stock").as_uri(),
        "distribution_keys": [],
        "distribution_release": "rhel9",
        "distribution_settings": str(site.folder / "settings"),
        "distribution_path": str(site.root),
        "distribution_contrib": str(site.folder / "contrib"),
        "distribution_local": str(site.folder / "local"),
        "distribution_xml": [str(SHIPPED_XML), str(site.folder / "xml")],
        "distribution_install_libraries": False,
    }
    (site.folder / "local").mkdir()
    write(SITE, site.folder / "local")

    def play() -> str:
        result = command(
            "ansible-playbook", "playbooks/rebuild-dist.yml", "-e", json.dumps(variables)
        )
        assert result.returncode == 0, result.stdout
        return result.stdout

    first = play()
    second = play()

    assert "rocks is now generation" in first
    assert "3 packages, 3 added, 0 removed" in first
    assert f"{SHIPPED_XML}/" not in first  # no warnings about its files
    assert (site.tree("rocks") / "build/nodes/compute.xml").read_bytes() == (
        SHIPPED_XML / "nodes/compute.xml"
    ).read_bytes()
    assert "rocks stays generation" in second
    assert "changed=0" in second
