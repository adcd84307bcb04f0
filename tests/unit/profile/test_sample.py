"""Real Rocks 7 rolls: the results of Rocks for four roots, and the lint of 160 node files."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

import createrepo_c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import ERROR, Profile
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.lint import (
    AvailablePackages,
    lint,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import (
    matches,
    render,
    render_with_origins,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.releases import RELEASES
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml import relax_ng
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.layers import XmlLayers
from support.kickstarts import parse_strictly
from support.samples import sample

ROOTS = ("compute", "login", "nas", "server")


def evaluate(script: str, _interpreter: str) -> str:
    """Replace the programs of the rolls, which are not installed; Rocks needs only a password."""
    return "$6$salt$hash" if "gen_root_pw" in script else ""


def expected_result(root: str) -> Any:
    return json.loads((sample("rocks7") / "expected" / f"{root}.json").read_text())


@functools.cache
def compile_root(root: str, release: str = "rhel7") -> Profile:
    return compile_profile(
        str(sample("rocks7")), root, expected_result(root)["attributes"], release, evaluate=evaluate
    )


@pytest.mark.parametrize("root", ROOTS)
def test_the_nodes_are_those_of_rocks(root: str) -> None:
    ours = {node.name: node for node in compile_root(root).nodes}
    theirs = set(expected_result(root)["node_files_in_order"])
    assert theirs <= set(ours)
    # Rocks lists only nodes with content.
    used = {line.origin.file for line in compile_root(root).lines if line.origin}
    silent = [name for name in set(ours) - theirs if used & set(ours[name].files)]
    assert silent == []


@pytest.mark.parametrize("root", ROOTS)
def test_every_order_edge_holds(root: str) -> None:
    place = {node.name: number for number, node in enumerate(compile_root(root).nodes)}
    orders = XmlLayers(str(sample("rocks7"))).graph.orders
    assert [o for o in orders if place.get(o.head, -1) > place.get(o.tail, len(place))] == []
    first, *_, last = place
    assert first in ("partitions-save", "python-development")
    assert last in ("postshell", "ethers-server-postshell", "pxeboot", "install")


@pytest.mark.parametrize("root", ROOTS)
def test_the_packages_are_those_of_rocks(root: str) -> None:
    assert [package.name for package in compile_root(root).packages] == sorted(
        expected_result(root)["packages"], key=lambda name: (not name.startswith("@"), name)
    )


@pytest.mark.parametrize("root", ROOTS)
def test_the_commands_are_those_of_rocks(root: str) -> None:
    text = render(compile_root(root), expected_result(root)["attributes"])
    commands = [line for line in text.splitlines() if not line.startswith("#")]
    before_include = commands[: commands.index("%include /tmp/partition-info")]
    assert before_include == [line.strip() for line in expected_result(root)["main"]]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("root", ROOTS)
def test_the_kickstart_is_strictly_valid(root: str, release: str) -> None:
    parse_strictly(
        render(compile_root(root, release), expected_result(root)["attributes"]), release
    )


@pytest.mark.parametrize("root", ROOTS)
def test_the_kickstart_is_a_third_of_the_size_in_rocks(root: str) -> None:
    text = render(compile_root(root), expected_result(root)["attributes"])
    assert text.count("\n%post ") < expected_result(root)["posts"] / 3
    assert len(text) < expected_result(root)["bytes"] / 3


@pytest.mark.parametrize("root", ROOTS)
def test_every_line_has_a_line_of_a_file(root: str) -> None:
    attributes = expected_result(root)["attributes"]
    folder = sample("rocks7")
    lengths: dict[str, int] = {}
    for line in render_with_origins(compile_root(root), attributes):
        if line.origin is None:
            assert line.text == "" or line.text.startswith(("#", "%packages", "%end"))
            continue
        name = line.origin.file
        lengths.setdefault(name, (folder / name).read_bytes().count(b"\n") + 1)
        assert 1 <= line.origin.line <= lengths[name]


def test_a_literal_line_is_at_its_line_in_the_file() -> None:
    folder = sample("rocks7")
    count = 0
    for line in render_with_origins(
        compile_root("compute"), expected_result("compute")["attributes"]
    ):
        if line.origin and len(line.text) > 20 and re.fullmatch(r"[\w/. -]+", line.text):
            source = (folder / line.origin.file).read_text().splitlines()[line.origin.line - 1]
            assert line.text in source or "&" in source or "<" in source, (line, source)
            count += 1
    assert count > 50


def roots() -> dict[str, dict[str, str]]:
    return {root: expected_result(root)["attributes"] for root in ROOTS}


def test_the_lint_has_no_error_for_the_release_of_the_rolls() -> None:
    findings = lint(str(sample("rocks7")), roots(), ["rhel7"], evaluate=evaluate)
    assert [str(finding) for finding in findings if finding.severity == ERROR] == []
    rules = {finding.rule for finding in findings}
    assert rules == {
        "order-of-nothing",
        "dropped-element",
        "unreached",
        "secret",
        "reference-in-cdata",  # firewall rules of two files: the original wrote the name there too
    }
    orders = {finding.text for finding in findings if finding.rule == "order-of-nothing"}
    assert ["database-server" in text for text in orders] == [True]


def test_the_lint_names_the_node_files_that_a_newer_release_cannot_use() -> None:
    names: set[str] = set()
    for file in sample("cs9-appstream").glob("repodata/*-primary.xml.gz"):
        createrepo_c.xml_parse_primary(
            str(file), pkgcb=lambda package: names.add(package.name), do_files=False
        )
    findings = lint(
        str(sample("rocks7")), {"compute": expected_result("compute")["attributes"]}, ["rhel9"],
        evaluate=evaluate, available=AvailablePackages(names),
    )  # fmt: skip
    absent = {
        finding.origin.file.rsplit("/", 1)[-1]
        for finding in findings
        if finding.rule == "absent-package"
    }
    assert {"411-base.xml", "foundation-core.xml", "rpc.xml"} <= absent
    assert all(finding.origin.line > 1 for finding in findings if finding.rule == "absent-package")


@pytest.mark.parametrize(("kind", "folder"), [("graph", "graphs/default"), ("node", "nodes")])
def test_the_schemas_accept_every_file_of_the_rolls(kind: str, folder: str) -> None:
    text = relax_ng.graph_schema() if kind == "graph" else relax_ng.node_schema()
    relax = etree.RelaxNG(etree.fromstring(text.encode()))
    for file in sorted((sample("rocks7") / folder).glob("*.xml")):
        body = re.sub(r"<\?xml[^>]*\?>", "", file.read_text())
        names = sorted(
            set(re.findall(r"&([A-Za-z_][\w.-]*);", body)) - {"amp", "lt", "gt", "quot", "apos"}
        )
        entities = "".join(f'<!ENTITY {name} "x">' for name in names)
        document = etree.fromstring(f"<!DOCTYPE x [{entities}]>{body.strip()}")
        assert relax.validate(document), (file, relax.error_log.last_error)


YES = st.sampled_from(["true", "false", "yes", ""])
SHAPERS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("x11", "fail2ban", "rsh", "UseTracker", "ssh_use_dns", "sge"), YES),
        "rocks_version_major": st.sampled_from(["6", "7"]),
        "arch": st.sampled_from(["i386", "x86_64"]),
    },
)


@settings(max_examples=10, deadline=None)
@given(changes=SHAPERS)
def test_a_profile_matches_a_node_exactly_if_the_node_compiles_to_it(
    changes: dict[str, str],
) -> None:
    attributes = {**expected_result("compute")["attributes"], **changes}
    profile = compile_profile(
        str(sample("rocks7")), "compute", attributes, "rhel7", evaluate=evaluate
    )
    first = compile_root("compute")
    if matches(first, attributes):
        assert profile == first
    else:
        assert profile.shape != first.shape
