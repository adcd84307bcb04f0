"""The three modules: documented results, and errors that name the option or the place."""

from __future__ import annotations

import hashlib
import importlib
import json
import pathlib
import re
from typing import Any

import pytest
import yaml
from lxml import etree

from ansible_collections.npaci.rocks.plugins.module_utils import argument_specs
from ansible_collections.npaci.rocks.plugins.module_utils.profile import releases
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output import profile_store
from support.cluster import Urls
from support.distributions import ARCH, Site
from support.kickstarts import COMPUTE_0_0, FIGURE_4, parse_strictly, tree, write_library
from support.modules import MODULES, run
from support.rpms import Rpm

Options = dict[str, Any]


@pytest.fixture
def xml(tmp_path: pathlib.Path) -> str:
    return tree(tmp_path / "xml", FIGURE_4)


@pytest.fixture
def compute(xml: str) -> Options:
    """The options for a compute node that is not in a database."""
    return {"path": [xml], "root": "compute", "release": "rhel9", "attributes": COMPUTE_0_0}


def options_for(folder: pathlib.Path, element: str) -> Options:
    """The options for a root with one element."""
    files = {
        "graphs/default/g.xml": "<graph/>",
        "nodes/a.xml": f"<kickstart>\n{element}</kickstart>",
    }
    return {"path": [tree(folder, files)], "root": "a", "release": "rhel9"}


def test_rocks_kickstart_returns_the_documented_values(compute: Options, xml: str) -> None:
    result = run("rocks_kickstart", **compute, provenance=True)
    parse_strictly(result["kickstart"], "rhel9")
    assert result["sha256"] == hashlib.sha256(result["kickstart"].encode()).hexdigest()
    assert result["nodes"] == ["base", "c-development", "compute", "mpi"]
    assert result["packages"] == ["gcc", "openmpi"]
    assert len(result["profile"]) == 64
    assert (result["changed"], result["shape"], result.get("warnings", [])) == (False, {}, [])
    assert "\n".join(line["text"] for line in result["provenance"]) + "\n" == result["kickstart"]
    assert {"text": "gcc", "file": "nodes/c-development.xml", "line": 2} in result["provenance"]


def test_rocks_kickstart_is_idempotent_and_check_mode_writes_nothing(
    compute: Options, tmp_path: pathlib.Path
) -> None:
    dest = tmp_path / "x.ks"
    options: Options = {**compute, "dest": str(dest), "mode": "0600"}
    checked = run("rocks_kickstart", check=True, diff=True, **options)
    assert (checked["changed"], dest.exists()) == (True, False)
    assert checked["diff"]["after"] == checked["kickstart"]
    assert run("rocks_kickstart", **options)["changed"] is True
    assert (dest.read_text(), dest.stat().st_mode & 0o777) == (checked["kickstart"], 0o600)
    assert run("rocks_kickstart", **options)["changed"] is False
    dest.chmod(0o644)
    assert run("rocks_kickstart", **options)["changed"] is True


def test_yaml_values_become_texts_of_attributes(tmp_path: pathlib.Path) -> None:
    options = options_for(
        tmp_path, "<package cond=\"dense and rack == 0 and spare == ''\">yes</package>"
    )
    result = run("rocks_kickstart", **options, attributes={"rack": 0, "dense": True, "spare": None})
    assert result["packages"] == ["yes"]
    assert result["shape"] == {"dense": "true", "rack": "0", "spare": ""}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"root": "computer"}, "did you mean compute?"),
        ({"path": ["/nowhere"]}, "/nowhere: "),
        ({"release": None}, "set release"),
        ({"release": "rhel6"}, "rhel6"),
        ({"attributes": {}}, 'nodes/base.xml:3: attribute "install_url" is not defined'),
        ({"path": None}, "set path or distribution"),
        ({"path": None, "distribution": "rocks", "attributes": {}}, "set attributes.arch"),
        ({"node": "compute-0-0"}, "mutually exclusive"),
        ({"root": None}, "one of the following is required"),
        ({"dest": "/nowhere/x.ks"}, "/nowhere"),
        ({"dest": "/tmp", "mode": "rw"}, "octal"),
        ({"eval_user": "nobody-of-that-name"}, "nobody-of-that-name"),
    ],
)
def test_wrong_options_fail_with_a_message_that_names_them(
    compute: Options, changes: Options, message: str
) -> None:
    options: Options = {
        name: value for name, value in {**compute, **changes}.items() if value is not None
    }
    result = run("rocks_kickstart", **options)
    assert result["failed"] is True
    assert message in result["msg"]


def test_wrong_xml_fails_with_every_error_and_its_line(compute: Options, xml: str) -> None:
    tree(pathlib.Path(xml), {"nodes/mpi.xml": "<kickstart>\n<x/></kickstart>"})
    pathlib.Path(xml, "nodes", "base.xml").unlink()
    result = run("rocks_kickstart", **compute)
    assert re.search(rf"{xml}/nodes/mpi.xml:2: .*<x>", result["msg"])
    assert re.search(rf"{xml}/graphs/default/base.xml:3: .*nodes/base.xml", result["msg"])


def test_remarks_of_the_compiler_become_warnings(tmp_path: pathlib.Path) -> None:
    options = options_for(tmp_path, '<post><file name="/x" perm="0600">x</file></post>')
    (warning,) = run("rocks_kickstart", **options)["warnings"]
    assert 'nodes/a.xml:2: perm="0600" on <file> has no effect; did you mean perms?' in str(warning)


@pytest.mark.programs
def test_an_eval_runs_unprivileged_and_its_failure_is_an_error(tmp_path: pathlib.Path) -> None:
    options = options_for(tmp_path, "<post>\n# <eval>id -un</eval></post>")
    assert "# nobody\n" in run("rocks_kickstart", **options)["kickstart"]
    slow = options_for(tmp_path, "<post>\n<eval>sleep 60</eval></post>")
    result = run("rocks_kickstart", **slow, eval_timeout=0.2)
    assert "nodes/a.xml:3: <eval> failed" in result["msg"]
    assert "still running after 0.2 s" in result["msg"]


def test_a_node_gets_its_attributes_from_the_database(table_ii: Any, urls: Urls, xml: str) -> None:
    options: Options = {
        "path": [xml],
        "release": "rhel9",
        "database": urls.administrator,
        "attributes": {"install_url": "http://h"},
    }
    result = run("rocks_kickstart", node="compute-0-2", **options)
    assert "--hostname=compute-0-2\n" in result["kickstart"]
    assert "compute" in result["nodes"]
    assert "has no root" in run("rocks_kickstart", node="network-0-0", **options)["msg"]
    assert "compute-0-9" in run("rocks_kickstart", node="compute-0-9", **options)["msg"]


@pytest.fixture
def published_distribution(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """Publish the second of two generations of a distribution, and return the options for it."""
    install = tmp_path / "install"
    for generation, package in (("one", "old"), ("two", "new")):
        build = install / ".generations" / "rocks" / "x86_64" / generation / "build"
        main = "<main>\n<url>--url=&install_url;</url></main>"
        node = f"<kickstart>{main}<package>{package}</package></kickstart>"
        tree(build, {"graphs/default/g.xml": "<graph/>", "nodes/compute.xml": node})
        (build / "profiles").mkdir()
        requests = [profile_store.ProfileRequest("compute", {"arch": "x86_64"})]
        library = profile_store.compile_library(str(build), requests, "rhel9")
        write_library(library, build / "profiles")
    (install / "rocks").mkdir()
    (install / "rocks" / "x86_64").symlink_to("../.generations/rocks/x86_64/two")
    (tmp_path / "rocks.yml").write_text(
        json.dumps({"distributions": str(install), "url": "http://10.1.1.1"})
    )
    monkeypatch.setenv("ROCKS_CONFIG", str(tmp_path / "rocks.yml"))
    return {"root": "compute", "distribution": "rocks", "attributes": {"arch": "x86_64"}}


def test_a_distribution_defines_the_release_and_the_install_url(
    published_distribution: Options,
) -> None:
    result = run("rocks_kickstart", **published_distribution)
    assert "url --url=http://10.1.1.1/install/rocks/x86_64\n" in result["kickstart"]
    assert result["packages"] == ["new"]
    assert "for rhel9" in result["kickstart"]
    other = run("rocks_kickstart", **published_distribution, release="rhel10")
    assert "for rhel10" in other["kickstart"]


def test_two_generations_are_compared_for_one_node(published_distribution: Options) -> None:
    result = run(
        "rocks_profile_info",
        {"diff": {"generation": "two"}},
        **published_distribution,
        generation="one",
    )["difference"]
    assert (result["packages_added"], result["packages_removed"]) == (["new"], ["old"])
    assert "-old    # nodes/compute.xml:2\n+new    # nodes/compute.xml:2\n" in result["text"]
    assert result["attributes"] == {
        "install_url": [
            f"http://10.1.1.1/install/.generations/rocks/x86_64/{identity}"
            for identity in ("one", "two")
        ]
    }


@pytest.mark.parametrize("generation", ["one", "on", "o", "previous"])
def test_a_generation_is_given_by_its_name_its_beginning_or_as_the_previous_one(
    published_distribution: Options, generation: str
) -> None:
    result = run("rocks_kickstart", **published_distribution, generation=generation)
    assert result["packages"] == ["old"]
    assert "/.generations/rocks/x86_64/one\n" in result["kickstart"]


def test_an_unknown_generation_is_an_error_with_the_existing_ones(
    published_distribution: Options,
) -> None:
    message = run("rocks_kickstart", **published_distribution, generation="three")["msg"]
    assert "three" in message and "one, two" in message


@pytest.mark.parametrize(
    "changes", [{"distribution": "rokcs"}, {"attributes": {"arch": "ppc64le"}}]
)
def test_an_unknown_distribution_or_generation_is_an_error(
    published_distribution: Options, changes: Options
) -> None:
    message = run("rocks_kickstart", **{**published_distribution, **changes})["msg"]
    assert list({**changes, **changes.get("attributes", {})}.values())[-1] in message
    assert "rocks_dist" in message


def test_why_returns_the_path_through_the_graph(compute: Options) -> None:
    result = run("rocks_profile_info", **compute, why="gcc")
    assert result["reasons"] == [
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


def test_the_overview_is_returned_without_why_diff_and_lint(compute: Options, xml: str) -> None:
    result = run("rocks_profile_info", **compute)
    assert result["attributes"]["hostname"] == "nodes/base.xml:5"
    assert result["declarations"] == {
        "timezone": {
            "default": "Etc/UTC",
            "meaning": "Time zone.",
            "type": "str",
            "values": [],
            "where": f"{xml}/graphs/default/base.xml:2",
        }
    }
    assert (result["nodes"][0]["name"], result["nodes"][0]["files"]) == ("base", ["nodes/base.xml"])
    for question in ({"why": "gcc"}, {"lint": True}, {"diff": {"root": "frontend"}}):
        answer = run("rocks_profile_info", question, **compute)
        assert len(set(answer) & {"reasons", "findings", "difference"}) == 1
        assert not set(answer) & {"nodes", "shape", "attributes"}


def test_two_roots_are_compared(compute: Options) -> None:
    result = run("rocks_profile_info", {"diff": {"root": "frontend"}}, **compute)["difference"]
    assert (result["packages_added"], result["packages_removed"]) == (["dhcp-server"], [])
    assert (result["nodes_added"], result["nodes_removed"]) == (
        ["dhcp-server", "frontend"],
        ["compute"],
    )


def test_two_nodes_are_compared(table_ii: Any, urls: Urls, xml: str) -> None:
    options: Options = {
        "path": [xml],
        "release": "rhel9",
        "database": urls.administrator,
        "attributes": {"install_url": "http://h"},
    }
    result = run(
        "rocks_profile_info", {"diff": {"node": "frontend-0"}}, node="compute-0-0", **options
    )["difference"]
    assert result["attributes"] == {"hostname": ["compute-0-0", "frontend-0"]}
    assert result["packages_added"] == ["dhcp-server"]


def test_lint_returns_findings_and_does_not_fail_the_module(
    compute: Options, tmp_path: pathlib.Path
) -> None:
    result = run("rocks_profile_info", **compute, lint=True, releases=["rhel10"])
    assert result["findings"] == []
    options = options_for(tmp_path / "other", "<main><zerombr/></main>")
    result = run("rocks_profile_info", **options, lint=True)
    (error,) = [finding for finding in result["findings"] if finding["severity"] == "error"]
    assert (error["rule"], error["where"]) == (
        "wipes-every-disk",
        f"{options['path'][0]}/nodes/a.xml:2",
    )
    assert "nodes" not in result


def test_lint_checks_packages_against_the_distribution(
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
    options: Options = {
        "root": "a",
        "distribution": "rocks",
        "release": "rhel9",
        "attributes": {"arch": ARCH},
    }
    result = run("rocks_profile_info", **options, lint=True)
    (absent,) = [finding for finding in result["findings"] if finding["rule"] == "absent-package"]
    assert (absent["where"].rpartition("/build/")[2], absent["hint"]) == (
        "nodes/a.xml:3",
        "did you mean gcc?",
    )
    assert built.generation.identity


@pytest.mark.parametrize("name", ["graph.svg", "graph.dot"])
def test_rocks_graph_is_idempotent_and_check_mode_writes_nothing(
    xml: str, tmp_path: pathlib.Path, name: str
) -> None:
    options: Options = {"path": [xml], "dest": str(tmp_path / name)}
    assert run("rocks_graph", check=True, **options)["changed"] is True
    assert not (tmp_path / name).exists()
    result = run("rocks_graph", **options)
    assert (result["roots"], result["absent"], result["edges"]) == (["compute", "frontend"], [], 6)
    assert (tmp_path / name).read_text() == result["picture"]
    assert result["picture"].startswith("digraph" if name.endswith("dot") else "<svg")
    if name.endswith("svg"):
        etree.fromstring(result["picture"].encode())
    assert run("rocks_graph", **options)["changed"] is False


def test_rocks_graph_can_draw_what_one_root_includes(xml: str) -> None:
    cases: list[Options] = [{}, {"attributes": {"rack": 0}}]
    for attributes in cases:
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


def test_the_choices_of_release_are_those_of_the_table() -> None:
    assert set(argument_specs.profile_spec()["release"]["choices"]) == {
        *releases.RELEASES,
        *releases.ALIASES,
    }
