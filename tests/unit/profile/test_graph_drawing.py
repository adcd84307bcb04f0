"""The graph as a picture: it contains everything, and nothing overlaps."""

from __future__ import annotations

import itertools
import pathlib
import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.profile.drawing.graph_drawing import (
    Drawing,
    edges_below,
    make_drawing,
    to_dot,
    to_svg,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.drawing.graph_layout import (
    layout_graph,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.layers import XmlLayers
from support.kickstarts import tree
from support.samples import sample

XML = str(pathlib.Path(__file__).parents[3] / "xml")
SVG = "{http://www.w3.org/2000/svg}"


def draw(path: str) -> Drawing:
    layers = XmlLayers(path)
    return make_drawing(layers, layers.graph.edges)


def boxes(picture: str) -> dict[str, tuple[float, float, float, float]]:
    """Return name -> left, top, right, bottom."""
    boxes_by_name = {}
    document: Any = etree.fromstring(picture.encode())
    for group in document.iter(f"{SVG}g"):
        if "node" in group.get("class").split():
            (rect,) = group.iter(f"{SVG}rect")
            (text,) = group.iter(f"{SVG}text")
            x, y, width, height = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
            boxes_by_name[text.text] = (x, y, x + width, y + height)
    return boxes_by_name


def without_overlap(picture: str) -> bool:
    """Return whether no two boxes touch."""
    return all(
        first[2] < second[0] or second[2] < first[0] or first[3] < second[1] or second[3] < first[1]
        for first, second in itertools.combinations(boxes(picture).values(), 2)
    )


def test_the_shipped_graph_contains_the_papers_figure_4() -> None:
    drawing = draw(XML)
    assert {"compute", "frontend"} <= drawing.roots
    assert drawing.absent == frozenset()
    positions = boxes(to_svg(drawing))
    assert positions["compute"][0] < positions["mpi"][0] < positions["c-development"][0]
    assert positions["frontend"][0] < positions["dhcp-server"][0]


def test_the_picture_of_real_rolls_is_legible() -> None:
    drawing = draw(str(sample("rocks7")))
    picture = to_svg(drawing)
    assert set(boxes(picture)) == set(drawing.nodes)
    assert without_overlap(picture)
    root: Any = etree.fromstring(picture.encode())
    assert float(root.get("width")) < 2400
    assert float(root.get("height")) < 1800
    labels = [
        text.text
        for group in root.iter(f"{SVG}g")
        if "when" in group.get("class")
        for text in group.iter(f"{SVG}text")
    ]
    assert "rsh" in labels
    assert "rocks_version_major == 7" in labels
    assert {"base", "core", "hpc", "serf"} <= {text.text for text in root.iter(f"{SVG}text")}


CONDITION = 'cond="rocks_version_major == 7"'


def graph(nodes: int, edges: int) -> str:
    """Return the edges of a large graph, of which a few nodes include most of the others.

    The size is that of the 14 rolls that were counted: 188 nodes and 220 edges.
    """
    chance = random.Random(14)
    pairs = [(chance.randrange(min(number, 12)), number) for number in range(1, nodes)]
    for _ in range(edges - len(pairs)):
        source, target = sorted(chance.sample(range(nodes), 2))
        pairs.append((source, target))
    lines = (
        f'<edge from="node-{source}" to="node-{target}" {CONDITION if target % 9 == 0 else ""}/>'
        for source, target in pairs
    )
    return "".join(lines)


def test_188_nodes_are_drawn_without_overlap(tmp_path: pathlib.Path) -> None:
    path = tree(tmp_path, {"graphs/default/g.xml": f"<graph>{graph(188, 220)}</graph>"})
    drawing = draw(path)
    assert (len(drawing.nodes), len(drawing.edges)) == (188, 220)
    assert without_overlap(to_svg(drawing))


def test_a_cycle_of_edges_is_drawn(tmp_path: pathlib.Path) -> None:
    edges = '<edge from="a" to="b"/><edge from="b" to="a"/><edge from="c" to="c"/>'
    drawing = draw(tree(tmp_path, {"graphs/default/g.xml": f"<graph>{edges}</graph>"}))
    assert set(boxes(to_svg(drawing))) == {"a", "b", "c"}
    assert to_svg(drawing).count('class="edge"') == 3


def test_roots_conditions_rolls_and_absent_files_are_marked_in_both_forms(
    tmp_path: pathlib.Path,
) -> None:
    path = tree(
        tmp_path,
        {
            "graphs/default/base.xml": '<graph><edge from="a" to="b" cond="x &lt; 1"/></graph>',
            "graphs/default/hpc.xml": '<graph><edge from="b" to="c" os="linux"/></graph>',
            "nodes/a.xml": "<kickstart/>",
            "nodes/b.xml": "<kickstart/>",
        },
    )
    drawing = draw(path)
    assert (set(drawing.roots), set(drawing.absent)) == ({"a"}, {"c"})
    picture = to_svg(drawing)
    assert 'class="node root"' in picture
    assert 'class="node absent"' in picture
    assert "x &lt; 1" in picture
    assert "os in linux" in picture
    assert "[hpc]" in picture
    assert len(set(re.findall(r'<path d="[^"]*" stroke="([^"]*)"', picture))) == 2
    text = to_dot(drawing)
    assert 'label="x < 1"' in text
    assert '"c" [color="#cc0000", style=dashed];' in text


@pytest.mark.programs
def test_graphviz_reads_the_dot_form(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "graph.dot"
    path.write_text(to_dot(draw(str(sample("rocks7")))))
    drawing = process.run(["dot", "-Tplain", str(path)], timeout=60).stdout
    assert drawing.count("\nnode ") == len(draw(str(sample("rocks7"))).nodes)


def test_edges_below_a_root_are_those_it_can_follow() -> None:
    layers = XmlLayers(XML)
    names = {edge.target for edge in edges_below(layers.graph.edges, "mpi")}
    assert "c-development" in names
    assert "dhcp-server" not in names


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefghij"), st.sampled_from("abcdefghij")), max_size=20)
)
def test_positions_keep_their_distance_and_do_not_depend_on_the_order(
    edges: list[tuple[str, str]],
) -> None:
    names = "abcdefghij"
    layout = layout_graph(names, edges)
    assert layout == layout_graph(reversed(names), reversed(edges))
    for first, second in itertools.combinations(layout.nodes.values(), 2):
        assert first.column != second.column or abs(first.height - second.height) > 0.999
    for source, target in edges:
        bends = layout.bends.get((source, target), ())
        columns = [
            layout.nodes[source].column,
            *(bend.column for bend in bends),
            layout.nodes[target].column,
        ]
        if (source, target) in layout.bends:
            assert columns == list(range(columns[0], columns[-1] + 1))
