"""One test for each known defect of Rocks that was reproduced, in the order of the list."""

from __future__ import annotations

import pathlib
import random

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.lint import lint
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.serialization import (
    serialize,
)
from support.kickstarts import parse_strictly, script_bodies, single_node_tree, tree


def nodes(
    folder: pathlib.Path, graph: str, attributes: dict[str, str], names: str = "abc"
) -> list[str]:
    files = {f"nodes/{name}.xml": "<kickstart/>" for name in names}
    path = tree(folder, {"graphs/default/g.xml": f"<graph>{graph}</graph>", **files})
    return [node.name for node in compile_profile(path, "a", attributes, "rhel9").nodes]


def test_1_a_node_behind_an_edge_that_does_not_hold_is_not_included(
    tmp_path: pathlib.Path,
) -> None:
    assert nodes(tmp_path, '<edge from="a" to="b" cond="FALSE"/><edge from="b" to="c"/>', {}) == [
        "a"
    ]


def test_2_a_node_is_included_although_its_first_edge_does_not_hold(tmp_path: pathlib.Path) -> None:
    graph = '<edge from="a" to="b" cond="FALSE"/><edge from="a" to="c"/><edge from="c" to="b"/>'
    assert nodes(tmp_path, graph, {}) == ["a", "b", "c"]


@pytest.mark.parametrize(("x", "reached"), [("true", ["a", "b"]), ("false", ["a"])])
def test_3_a_condition_on_the_to_element_applies_to_the_edge(
    tmp_path: pathlib.Path, x: str, reached: list[str]
) -> None:
    assert nodes(tmp_path, '<edge from="a"><to cond="x">b</to></edge>', {"x": x}) == reached


def test_4_a_cycle_of_order_edges_is_an_error_that_names_it(tmp_path: pathlib.Path) -> None:
    graph = (
        '<edge from="a"><to>b</to><to>c</to></edge>\n'
        '<order head="b" tail="c"/>\n<order head="c" tail="b"/>\n'
    )
    with pytest.raises(DescriptionError) as caught:
        nodes(tmp_path, graph, {})
    assert "b before c before b" in str(caught.value)
    assert f"{tmp_path}/graphs/default/g.xml:2" in str(caught.value)
    assert f"{tmp_path}/graphs/default/g.xml:3" in str(caught.value)


def test_5_the_order_of_files_and_elements_does_not_change_the_kickstart(
    tmp_path: pathlib.Path,
) -> None:
    edges = [f'<edge from="a"><to>n{number}</to></edge>' for number in range(30)]
    orders = [f'<order head="n{number}" tail="n{number + 3}"/>' for number in range(0, 27, 2)]
    texts = set()
    for run in range(5):
        lines = edges + orders
        random.Random(run).shuffle(lines)
        files = {
            f"nodes/n{n}.xml": f"<kickstart><package>p{n}</package></kickstart>" for n in range(30)
        }
        graphs = {
            f"graphs/default/{k}.xml": f"<graph>{''.join(lines[k::3])}</graph>" for k in range(3)
        }
        path = tree(tmp_path / str(run), {**files, **graphs, "nodes/a.xml": "<kickstart/>"})
        profile = compile_profile(path, "a", {}, "rhel9")
        texts.add(render(profile, {}))
    assert len(texts) == 1


def test_6_an_order_of_an_unknown_node_is_a_finding(tmp_path: pathlib.Path) -> None:
    path = tree(
        tmp_path,
        {
            "graphs/default/g.xml": '<graph>\n<order head="networking-serve" tail="a"/>\n'
            '<edge from="a" to="networking-server"/></graph>',
            "nodes/a.xml": "<kickstart/>",
            "nodes/networking-server.xml": "<kickstart/>",
        },
    )
    (finding,) = lint(path, {}, [])
    assert (finding.rule, finding.origin.line) == ("order-of-nothing", 2)
    assert "did you mean networking-server?" in str(finding)


def test_7_an_edge_to_a_node_without_a_file_is_an_error(
    tmp_path: pathlib.Path,
) -> None:
    path = tree(
        tmp_path,
        {
            "graphs/default/g.xml": '<graph>\n<edge from="a" to="globus-server"/></graph>',
            "nodes/a.xml": "<kickstart/>",
        },
    )
    assert [finding.rule for finding in lint(path, {}, [])] == ["edge-to-nothing"]
    with pytest.raises(DescriptionError, match=r'g.xml:2: the edge leads to "globus-server"'):
        compile_profile(path, "a", {}, "rhel9")


@pytest.mark.parametrize(
    ("attribute", "rule", "hint"),
    [('perm="0600"', "unknown-attribute", "perms"), ('mode="755"', "odd-value", "perms")],
)
def test_8_an_unknown_xml_attribute_is_a_warning_with_a_suggestion(
    tmp_path: pathlib.Path, attribute: str, rule: str, hint: str
) -> None:
    path = single_node_tree(tmp_path, f'<post>\n<file name="/etc/x" {attribute}>x</file></post>')
    (remark,) = compile_profile(path, "compute", {}, "rhel9").remarks
    assert (remark.rule, remark.origin.line) == (rule, 3)
    assert hint in remark.hint


def test_9_no_content_can_end_its_file_or_its_section(tmp_path: pathlib.Path) -> None:
    path = single_node_tree(
        tmp_path, '<post><file name="/etc/x">\nEOF\n%end\n|EOF\nROCKS-SCRIPT\n</file></post>'
    )
    text = render(compile_profile(path, "compute", {}, "rhel9"), {})
    parse_strictly(text, "rhel9")
    (script,) = script_bodies(text)
    assert script.endswith("|EOF\n|%end\n||EOF\n|ROCKS-SCRIPT\nEOF\n")


def test_10_a_condition_cannot_run_code(tmp_path: pathlib.Path) -> None:
    canary = tmp_path / "canary"
    path = single_node_tree(
        tmp_path, f"<post cond=\"__import__('pathlib').Path('{canary}').touch()\">x</post>"
    )
    with pytest.raises(DescriptionError, match=r"compute.xml:2: cond="):
        compile_profile(path, "compute", {}, "rhel9")
    assert not canary.exists()


def test_11_an_undefined_attribute_is_an_error_with_its_place(tmp_path: pathlib.Path) -> None:
    profile = compile_profile(
        single_node_tree(tmp_path, "<post>\necho &nowhere;\n</post>"), "compute", {}, "rhel9"
    )
    with pytest.raises(DescriptionError) as caught:
        render(profile, {})
    assert str(caught.value).startswith('nodes/compute.xml:3: attribute "nowhere" is not defined')


def test_12_attribute_values_are_never_read_as_code_or_markup(tmp_path: pathlib.Path) -> None:
    path = single_node_tree(
        tmp_path, '<main><lang>&lang;</lang></main><post>\necho "&value;" &amp;&amp; true\n</post>'
    )
    values = {"lang": "x", "value": "&lt;/post>{'a': __import__('os')}&hostname;%(x)s{}"}
    profile = compile_profile(path, "compute", values, "rhel9")
    assert profile.shape == {}
    assert f'echo "{values["value"]}" && true\n' in render(profile, values)
    assert "__import__" not in serialize(profile)
