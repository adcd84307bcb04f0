"""The three modules: options in, documented values out; wrong options and wrong XML fail with what and where."""

from __future__ import annotations

import hashlib
import importlib
import json
import pathlib
from typing import Any

import pytest
import yaml
from lxml import etree

from ansible_collections.npaci.rocks.plugins.module_utils import argument_specs
from ansible_collections.npaci.rocks.plugins.module_utils.profile import releases
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output import profile_store
from support.cluster import Urls
from support.distributions import ARCH, Site
from support.kickstarts import COMPUTE_0_0, FIGURE_4, strictly_valid, tree
from support.modules import MODULES, run
from support.rpms import Rpm

Asked = dict[str, Any]


@pytest.fixture
def xml(tmp_path: pathlib.Path) -> str:
    return tree(tmp_path / "xml", FIGURE_4)


@pytest.fixture
def compute(xml: str) -> Asked:
    """The options for a compute node that is in no database."""
    return {"path": [xml], "root": "compute", "release": "rhel9", "attributes": COMPUTE_0_0}


def alone(folder: pathlib.Path, element: str) -> Asked:
    """The options for a root with one element."""
    files = {
        "graphs/default/g.xml": "<graph/>",
        "nodes/a.xml": f"<kickstart>\n{element}</kickstart>",
    }
    return {"path": [tree(folder, files)], "root": "a", "release": "rhel9"}


def test_a_kickstart_is_returned_with_all_that_is_promised(compute: Asked, xml: str) -> None:
    found = run("rocks_kickstart", **compute, provenance=True)
    strictly_valid(found["kickstart"], "rhel9")
    assert found["sha256"] == hashlib.sha256(found["kickstart"].encode()).hexdigest()
    assert found["nodes"] == ["base", "c-development", "compute", "mpi"]
    assert found["packages"] == ["gcc", "openmpi"]
    assert len(found["profile"]) == 64
    assert (found["changed"], found["shape"], found.get("warnings", [])) == (False, {}, [])
    assert "\n".join(line["text"] for line in found["provenance"]) + "\n" == found["kickstart"]
    assert {"text": "gcc", "file": "nodes/c-development.xml", "line": 2} in found["provenance"]


def test_a_kickstart_is_written_once_and_check_mode_writes_nothing(
    compute: Asked, tmp_path: pathlib.Path
) -> None:
    dest = tmp_path / "x.ks"
    asked = {**compute, "dest": str(dest), "mode": "0600"}
    checked = run("rocks_kickstart", check=True, diff=True, **asked)
    assert (checked["changed"], dest.exists()) == (True, False)
    assert checked["diff"]["after"] == checked["kickstart"]
    assert run("rocks_kickstart", **asked)["changed"] is True
    assert (dest.read_text(), dest.stat().st_mode & 0o777) == (checked["kickstart"], 0o600)
    assert run("rocks_kickstart", **asked)["changed"] is False
    dest.chmod(0o644)
    assert run("rocks_kickstart", **asked)["changed"] is True


def test_values_of_yaml_are_the_text_of_attributes(tmp_path: pathlib.Path) -> None:
    asked = alone(tmp_path, "<package cond=\"dense and rack == 0 and spare == ''\">yes</package>")
    found = run("rocks_kickstart", **asked, attributes={"rack": 0, "dense": True, "spare": None})
    assert found["packages"] == ["yes"]
    assert found["shape"] == {"dense": "true", "rack": "0", "spare": ""}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"root": "computer"}, 'no root "computer" in the graph "default"; did you mean compute?'),
        ({"path": ["/nowhere"]}, "/nowhere: no such directory"),
        ({"release": None}, "no release is named"),
        ({"release": "rhel6"}, "rhel6"),
        ({"attributes": {}}, 'nodes/base.xml:3: attribute "install_url" is not defined'),
        ({"path": None}, "no XML is named"),
        ({"path": None, "distribution": "rocks", "attributes": {}}, "give attributes.arch"),
        ({"node": "compute-0-0"}, "mutually exclusive"),
        ({"root": None}, "one of the following is required"),
        ({"dest": "/nowhere/x.ks"}, "/nowhere"),
        ({"dest": "/tmp", "mode": "rw"}, "octal"),
        ({"eval_user": "nobody-of-that-name"}, "nobody-of-that-name"),
    ],
)
def test_what_is_asked_wrongly_fails_with_what_and_where(
    compute: Asked, wrong: Asked, message: str
) -> None:
    asked = {name: value for name, value in {**compute, **wrong}.items() if value is not None}
    found = run("rocks_kickstart", **asked)
    assert found["failed"] is True
    assert message in found["msg"]


def test_broken_xml_fails_with_every_fault_and_its_line(compute: Asked, xml: str) -> None:
    tree(pathlib.Path(xml), {"nodes/mpi.xml": "<kickstart>\n<x/></kickstart>"})
    pathlib.Path(xml, "nodes", "base.xml").unlink()
    found = run("rocks_kickstart", **compute)
    assert f"{xml}/nodes/mpi.xml:2: <x> is not known in <kickstart>" in found["msg"]
    assert (
        f'{xml}/graphs/default/base.xml:3: the edge leads to "base", and no nodes/base.xml exists'
        in found["msg"]
    )


def test_remarks_of_the_compiler_become_warnings(tmp_path: pathlib.Path) -> None:
    asked = alone(tmp_path, '<post><file name="/x" perm="0600">x</file></post>')
    (warning,) = run("rocks_kickstart", **asked)["warnings"]
    assert 'nodes/a.xml:2: perm="0600" on <file> has no effect; did you mean perms?' in str(warning)


@pytest.mark.programs
def test_an_eval_runs_unprivileged_and_its_failure_fails_the_module(tmp_path: pathlib.Path) -> None:
    asked = alone(tmp_path, "<post>\n# <eval>id -un</eval></post>")
    assert "# nobody\n" in run("rocks_kickstart", **asked)["kickstart"]
    slow = alone(tmp_path, "<post>\n<eval>sleep 60</eval></post>")
    found = run("rocks_kickstart", **slow, eval_timeout=0.2)
    assert "nodes/a.xml:3: <eval> failed" in found["msg"]
    assert "still running after 0.2 s" in found["msg"]


def test_a_node_of_the_database_has_its_own_attributes(table_ii: Any, urls: Urls, xml: str) -> None:
    asked = {
        "path": [xml],
        "release": "rhel9",
        "database": urls.administrator,
        "attributes": {"install_url": "http://h"},
    }
    found = run("rocks_kickstart", node="compute-0-2", **asked)
    assert "--hostname=compute-0-2\n" in found["kickstart"]
    assert "compute" in found["nodes"]
    assert "has no root" in run("rocks_kickstart", node="network-0-0", **asked)["msg"]
    assert "compute-0-9" in run("rocks_kickstart", node="compute-0-9", **asked)["msg"]


@pytest.fixture
def published(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """A distribution with two generations, the second one published; the options that name it."""
    install = tmp_path / "install"
    for generation, package in (("one", "old"), ("two", "new")):
        build = install / ".generations" / "rocks" / "x86_64" / generation / "build"
        main = "<main>\n<url>--url=&install_url;</url></main>"
        node = f"<kickstart>{main}<package>{package}</package></kickstart>"
        tree(build, {"graphs/default/g.xml": "<graph/>", "nodes/compute.xml": node})
        (build / "profiles").mkdir()
        wanted = [profile_store.ProfileRequest("compute", {"arch": "x86_64"})]
        profile_store.write_library(
            profile_store.compile_library(str(build), wanted, "rhel9"), str(build / "profiles")
        )
    (install / "rocks").mkdir()
    (install / "rocks" / "x86_64").symlink_to("../.generations/rocks/x86_64/two")
    (tmp_path / "rocks.yml").write_text(
        json.dumps({"distributions": str(install), "url": "http://10.1.1.1"})
    )
    monkeypatch.setenv("ROCKS_CONFIG", str(tmp_path / "rocks.yml"))
    return {"root": "compute", "distribution": "rocks", "attributes": {"arch": "x86_64"}}


def test_a_distribution_knows_its_release_and_where_it_is_served(published: Asked) -> None:
    found = run("rocks_kickstart", **published)
    assert "url --url=http://10.1.1.1/install/rocks/x86_64\n" in found["kickstart"]
    assert found["packages"] == ["new"]
    assert "for rhel9" in found["kickstart"]
    other = run("rocks_kickstart", **published, release="rhel10")
    assert "for rhel10" in other["kickstart"]


def test_two_generations_are_compared_for_one_node(published: Asked) -> None:
    found = run(
        "rocks_profile_info", {"diff": {"generation": "two"}}, **published, generation="one"
    )["difference"]
    assert (found["packages_added"], found["packages_removed"]) == (["new"], ["old"])
    assert "-old    # nodes/compute.xml:2\n+new    # nodes/compute.xml:2\n" in found["text"]
    assert found["attributes"] == {
        "install_url": [
            f"http://10.1.1.1/install/.generations/rocks/x86_64/{one}" for one in ("one", "two")
        ]
    }


@pytest.mark.parametrize(
    "wrong",
    [{"distribution": "rokcs"}, {"generation": "three"}, {"attributes": {"arch": "ppc64le"}}],
)
def test_a_distribution_or_generation_that_is_not_there_is_named(
    published: Asked, wrong: Asked
) -> None:
    assert "no distribution" in run("rocks_kickstart", **{**published, **wrong})["msg"]


def test_why_tells_the_way_through_the_graph(compute: Asked) -> None:
    found = run("rocks_profile_info", **compute, why="gcc")
    assert found["reasons"] == [
        {
            "text": "gcc",
            "where": "nodes/c-development.xml:2",
            "path": [
                {"node": "compute", "edge": ""},
                {"node": "mpi", "edge": "graphs/default/base.xml:3"},
                {"node": "c-development", "edge": "graphs/default/base.xml:4"},
            ],
        }
    ]
    assert "did you mean gcc" in run("rocks_profile_info", **compute, why="gccc")["msg"]


def test_a_profile_is_told_whole_when_nothing_in_particular_is_asked(compute: Asked) -> None:
    found = run("rocks_profile_info", **compute)
    assert found["attributes"]["hostname"] == "nodes/base.xml:5"
    assert (found["nodes"][0]["name"], found["nodes"][0]["files"]) == ("base", ["nodes/base.xml"])
    for question in ({"why": "gcc"}, {"lint": True}, {"diff": {"root": "frontend"}}):
        answer = run("rocks_profile_info", question, **compute)
        assert len(set(answer) & {"reasons", "findings", "difference"}) == 1
        assert not set(answer) & {"nodes", "shape", "attributes"}


def test_two_roots_are_compared(compute: Asked) -> None:
    found = run("rocks_profile_info", {"diff": {"root": "frontend"}}, **compute)["difference"]
    assert (found["packages_added"], found["packages_removed"]) == (["dhcp-server"], [])
    assert (found["nodes_added"], found["nodes_removed"]) == (
        ["dhcp-server", "frontend"],
        ["compute"],
    )


def test_two_nodes_are_compared(table_ii: Any, urls: Urls, xml: str) -> None:
    asked = {
        "path": [xml],
        "release": "rhel9",
        "database": urls.administrator,
        "attributes": {"install_url": "http://h"},
    }
    found = run(
        "rocks_profile_info", {"diff": {"node": "frontend-0"}}, node="compute-0-0", **asked
    )["difference"]
    assert found["attributes"] == {"hostname": ["compute-0-0", "frontend-0"]}
    assert found["packages_added"] == ["dhcp-server"]


def test_the_lint_lists_findings_and_fails_nothing(compute: Asked, tmp_path: pathlib.Path) -> None:
    found = run("rocks_profile_info", **compute, lint=True, releases=["rhel10"])
    assert found["findings"] == []
    asked = alone(tmp_path / "other", "<main><zerombr/></main>")
    found = run("rocks_profile_info", **asked, lint=True)
    (error,) = [finding for finding in found["findings"] if finding["severity"] == "error"]
    assert (error["rule"], error["where"]) == (
        "wipes-every-disk",
        f"{asked['path'][0]}/nodes/a.xml:2",
    )
    assert "nodes" not in found


def test_the_lint_of_a_distribution_looks_its_packages_up(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path)
    built = site.build("rocks", site.mirror("os", [Rpm("gcc")]))
    files = {
        "graphs/default/g.xml": "<graph/>",
        "nodes/a.xml": "<kickstart>\n<package>gcc\ngccc</package></kickstart>",
    }
    tree(site.tree("rocks") / "build", files)
    (tmp_path / "rocks.yml").write_text(json.dumps({"distributions": str(site.root)}))
    monkeypatch.setenv("ROCKS_CONFIG", str(tmp_path / "rocks.yml"))
    asked = {"root": "a", "distribution": "rocks", "release": "rhel9", "attributes": {"arch": ARCH}}
    found = run("rocks_profile_info", **asked, lint=True)
    (absent,) = [finding for finding in found["findings"] if finding["rule"] == "absent-package"]
    assert (absent["where"].rpartition("/build/")[2], absent["hint"]) == (
        "nodes/a.xml:3",
        "did you mean gcc?",
    )
    assert built.generation.identity


@pytest.mark.parametrize("name", ["graph.svg", "graph.dot"])
def test_the_graph_is_drawn_once(xml: str, tmp_path: pathlib.Path, name: str) -> None:
    asked = {"path": [xml], "dest": str(tmp_path / name)}
    assert run("rocks_graph", check=True, **asked)["changed"] is True
    assert not (tmp_path / name).exists()
    found = run("rocks_graph", **asked)
    assert (found["roots"], found["absent"], found["edges"]) == (["compute", "frontend"], [], 6)
    assert (tmp_path / name).read_text() == found["picture"]
    assert found["picture"].startswith("digraph" if name.endswith("dot") else "<svg")
    if name.endswith("svg"):
        etree.fromstring(found["picture"].encode())
    assert run("rocks_graph", **asked)["changed"] is False


def test_what_one_root_includes_is_drawn_alone(xml: str) -> None:
    for attributes in ({}, {"attributes": {"rack": 0}}):
        assert run("rocks_graph", path=[xml], root="mpi", **attributes)["nodes"] == [
            "c-development",
            "mpi",
        ]


@pytest.mark.parametrize("name", ["rocks_kickstart", "rocks_profile_info", "rocks_graph"])
def test_every_option_is_documented_and_the_examples_name_only_options(name: str) -> None:
    module = importlib.import_module(f"{MODULES}.{name}")
    documented = set(yaml.safe_load(module.DOCUMENTATION).get("options", {}))
    if (
        "npaci.rocks.profile"
        in yaml.safe_load(module.DOCUMENTATION)["extends_documentation_fragment"]
    ):
        documented |= set(argument_specs.profile_spec()) | set(argument_specs.database_spec())
    for task in yaml.safe_load(module.EXAMPLES):
        (used,) = [options for key, options in task.items() if key.startswith("npaci.rocks.")]
        assert set(used) <= documented


def test_the_releases_that_may_be_asked_for_are_those_of_the_table() -> None:
    assert set(argument_specs.profile_spec()["release"]["choices"]) == {
        *releases.RELEASES,
        *releases.ALIASES,
    }
