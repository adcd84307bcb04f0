"""Layers of XML: a distribution's own, and a site's."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.layers import XmlLayers
from support.kickstarts import tree


def package(name: str) -> str:
    return f"<kickstart><package>{name}</package></kickstart>"


BASE = {
    "graphs/default/base.xml": '<graph><edge from="a" to="b"/></graph>',
    "nodes/a.xml": package("a"),
}


def packages(*paths: str) -> list[str]:
    return [item.name for item in compile_profile(paths, "a", {}, "rhel9").packages]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"nodes/b.xml": "b"}, ["a", "b"], id="alone"),
        pytest.param(
            {"nodes/b.xml": "b", "nodes/extend-b.xml": "e"}, ["a", "b", "e"], id="extended"
        ),
        pytest.param({"nodes/b.xml": "b", "nodes/replace-b.xml": "r"}, ["a", "r"], id="replaced"),
        pytest.param(
            {"nodes/b.xml": "b", "site-nodes/extend-b.xml": "e"}, ["a", "b", "e"], id="site-nodes"
        ),
        pytest.param(
            {"nodes/b.xml": "b", "nodes/replace-b.xml": "r", "nodes/extend-b.xml": "e"},
            ["a", "e", "r"],
            id="extend and replace",
        ),
        pytest.param(
            {"nodes/b.xml": "b", "nodes/extend-b.xml": "e", "site-nodes/replace-b.xml": "r"},
            ["a", "r"],
            id="a replace of a site",
        ),
        pytest.param({"nodes/extend-b.xml": "e"}, ["a", "e"], id="an extension of nothing"),
    ],
)
def test_overlays_in_one_directory(
    tmp_path: pathlib.Path, files: dict[str, str], expected: list[str]
) -> None:
    assert (
        packages(tree(tmp_path, {**BASE, **{name: package(p) for name, p in files.items()}}))
        == expected
    )


def test_a_site_layer_extends_and_replaces_nodes_and_adds_edges(
    tmp_path: pathlib.Path,
) -> None:
    rolls = tree(
        tmp_path / "rolls", {**BASE, "nodes/b.xml": package("b"), "nodes/c.xml": package("c")}
    )
    site = tree(
        tmp_path / "site",
        {
            "graphs/default/site.xml": '<graph><edge from="a" to="c"/></graph>',
            "nodes/extend-a.xml": package("more"),
            "nodes/b.xml": package("ours"),
        },
    )
    assert packages(rolls, site) == ["a", "c", "more", "ours"]


def test_a_graph_file_of_a_later_layer_replaces_the_one_with_the_same_name(
    tmp_path: pathlib.Path,
) -> None:
    rolls = tree(
        tmp_path / "rolls", {**BASE, "nodes/b.xml": package("b"), "nodes/c.xml": package("c")}
    )
    site = tree(
        tmp_path / "site", {"graphs/default/base.xml": '<graph><edge from="a" to="c"/></graph>'}
    )
    assert packages(rolls, site) == ["a", "c"]


def test_a_profile_is_the_same_wherever_its_layers_are(
    tmp_path: pathlib.Path,
) -> None:
    for folder in ("x", "y"):
        tree(tmp_path / folder / "rolls", {**BASE, "nodes/b.xml": package("b")})
        tree(tmp_path / folder / "site", {"nodes/extend-b.xml": package("e")})
    first, second = (
        compile_profile(
            [str(tmp_path / folder / name) for name in ("rolls", "site")], "a", {}, "rhel9"
        )
        for folder in ("x", "y")
    )
    assert first == second
    assert first.nodes[1].files == ("rolls/nodes/b.xml", "site/nodes/extend-b.xml")


def test_two_layers_of_the_same_name_get_numbers(tmp_path: pathlib.Path) -> None:
    paths = [
        tree(tmp_path / "xml", {**BASE, "nodes/b.xml": package("b")}),
        tree(tmp_path / "site" / "xml", {}),
    ]
    tree(
        tmp_path / "site" / "xml",
        {"nodes/extend-b.xml": package("e"), "nodes/extend-a.xml": package("e")},
    )
    profile = compile_profile(paths, "a", {}, "rhel9")
    assert profile.nodes[1].files == ("xml-1/nodes/b.xml", "xml-2/nodes/extend-b.xml")


def test_the_graph_directory_of_stacki_is_read(tmp_path: pathlib.Path) -> None:
    assert XmlLayers(
        tree(tmp_path, {"graph/g.xml": '<graph><edge from="a" to="b"/></graph>'})
    ).graph.edges


def test_both_graph_directories_of_a_layer_count(tmp_path: pathlib.Path) -> None:
    graph = '<graph><edge from="%s" to="b"/></graph>'
    files = {"graph/g.xml": graph % "a", "graphs/default/h.xml": graph % "c"}
    edges = XmlLayers(tree(tmp_path, files)).graph.edges
    assert {edge.source for edge in edges} == {"a", "c"}


def test_a_file_that_nothing_reads_is_a_warning_of_the_compile(tmp_path: pathlib.Path) -> None:
    path = tree(tmp_path, {**BASE, "nodes/b.xml": package("b"), "extend-b.xml": package("c")})
    (remark,) = compile_profile(path, "a", {}, "rhel9").remarks
    assert (remark.rule, remark.origin.file) == ("misplaced-file", "extend-b.xml")


@pytest.mark.parametrize(
    "element", ['<egde from="a" to="b"/>', '<edge from="a"><too>b</too></edge>']
)
def test_an_unknown_element_of_a_graph_is_an_error_of_the_compile(
    tmp_path: pathlib.Path, element: str
) -> None:
    graph = f'<graph>\n<edge from="a" to="b"/>\n{element}</graph>'
    path = tree(tmp_path, {**BASE, "nodes/b.xml": package("b"), "graphs/default/g.xml": graph})
    with pytest.raises(DescriptionError, match=r"graphs/default/g\.xml:3: "):
        compile_profile(path, "a", {}, "rhel9")


def test_the_extensions_of_a_merged_folder_are_read_in_their_order(tmp_path: pathlib.Path) -> None:
    files = {f"nodes/extend-b{number}.xml": package(f"e{number}") for number in ("", "+2", "+3")}
    path = tree(tmp_path, {**BASE, "nodes/b.xml": package("b"), **files})
    names = [file.rpartition("/")[2] for file in XmlLayers(path).node_files("b")]
    assert names == ["b.xml", "extend-b.xml", "extend-b+2.xml", "extend-b+3.xml"]
    assert XmlLayers(path).node_names() == {"a", "b"}


def test_an_unknown_path_graph_root_or_release_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match="absent: no such directory"):
        XmlLayers(str(tmp_path / "absent"))
    path = tree(tmp_path, {**BASE, "graphs/other/x.xml": "<graph/>", "nodes/b.xml": package("b")})
    with pytest.raises(NotFound, match=r'graph "defualt".*default, other'):
        XmlLayers(path, "defualt")
    with pytest.raises(NotFound, match='root "computer"'):
        compile_profile(path, "computer", {}, "rhel9")
    with pytest.raises(NotFound, match=r"release .rhel6.*rhel7"):
        compile_profile(path, "a", {}, "rhel6")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret"])
def test_an_include_outside_its_directory_is_an_error(tmp_path: pathlib.Path, name: str) -> None:
    (tmp_path / "secret").write_text("secret")
    path = tree(
        tmp_path / "xml",
        {**BASE, "nodes/b.xml": f'<kickstart><post><include file="{name}"/></post></kickstart>'},
    )
    with pytest.raises(DescriptionError, match=r"nodes/b.xml:1: .*include/"):
        compile_profile(path, "a", {}, "rhel9")


def test_the_include_file_of_the_last_layer_counts(tmp_path: pathlib.Path) -> None:
    script = '<kickstart><post><include file="part"/></post></kickstart>'
    rolls = tree(tmp_path / "rolls", {**BASE, "nodes/b.xml": script, "include/part": "theirs"})
    site = tree(tmp_path / "site", {"include/part": "ours"})
    profile = compile_profile([rolls, site], "a", {}, "rhel9")
    assert ("ours",) in [line.pieces for line in profile.lines]


def test_only_files_that_end_in_xml_are_read(tmp_path: pathlib.Path) -> None:
    path = tree(
        tmp_path,
        {**BASE, "nodes/b.xml": package("b"), "nodes/c.xml~": "broken", "nodes/.d.xml": "broken"},
    )
    (tmp_path / "nodes" / "e.xml").mkdir()
    assert packages(path) == ["a", "b"]
    assert XmlLayers(path).node_names() == {"a", "b"}


def test_a_file_that_is_too_large_is_not_read(tmp_path: pathlib.Path) -> None:
    path = tree(tmp_path, {**BASE, "nodes/b.xml": package("b")})
    with (tmp_path / "nodes" / "b.xml").open("r+b") as file:
        file.truncate(1 << 40)  # a hole: no disk is used
    with pytest.raises(DescriptionError, match="too large"):
        compile_profile(path, "a", {}, "rhel9")
