"""The graph as a picture: everything is on it, nothing lies on anything else."""

from __future__ import annotations

import itertools
import pathlib
import random
import re

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


def drawn(path: str) -> Drawing:
    sources = XmlLayers(path)
    return make_drawing(sources, sources.graph.edges)


def boxes(picture: str) -> dict[str, tuple[float, float, float, float]]:
    """Name -> left, top, right, bottom."""
    found = {}
    for group in etree.fromstring(picture.encode()).iter(f"{SVG}g"):
        if "node" in group.get("class").split():
            (rect,), (text,) = group.iter(f"{SVG}rect"), group.iter(f"{SVG}text")
            x, y, width, height = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
            found[text.text] = (x, y, x + width, y + height)
    return found


def apart(picture: str) -> bool:
    """Whether no two boxes touch."""
    return all(
        one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
        for one, other in itertools.combinations(boxes(picture).values(), 2)
    )


def test_the_shipped_graph_contains_the_papers_figure_4() -> None:
    drawing = drawn(XML)
    assert {"compute", "frontend"} <= drawing.roots
    assert drawing.absent == frozenset()
    found = boxes(to_svg(drawing))
    assert found["compute"][0] < found["mpi"][0] < found["c-development"][0]
    assert found["frontend"][0] < found["dhcp-server"][0]


def test_the_picture_of_real_rolls_is_legible() -> None:
    drawing = drawn(str(sample("rocks7")))
    picture = to_svg(drawing)
    assert set(boxes(picture)) == set(drawing.nodes)
    assert apart(picture)
    root = etree.fromstring(picture.encode())
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
    """As large as the 14 rolls that were counted: 188 nodes, 220 edges, a few nodes that include most of the others."""
    chance = random.Random(14)
    pairs = [(chance.randrange(min(number, 12)), number) for number in range(1, nodes)]
    pairs += [sorted(chance.sample(range(nodes), 2)) for _ in range(edges - len(pairs))]
    lines = (
        f'<edge from="node-{one}" to="node-{other}" {CONDITION if other % 9 == 0 else ""}/>'
        for one, other in pairs
    )
    return "".join(lines)


def test_188_nodes_are_drawn_without_overlap(tmp_path: pathlib.Path) -> None:
    path = tree(tmp_path, {"graphs/default/g.xml": f"<graph>{graph(188, 220)}</graph>"})
    drawing = drawn(path)
    assert (len(drawing.nodes), len(drawing.edges)) == (188, 220)
    assert apart(to_svg(drawing))


def test_a_cycle_of_edges_is_drawn(tmp_path: pathlib.Path) -> None:
    edges = '<edge from="a" to="b"/><edge from="b" to="a"/><edge from="c" to="c"/>'
    drawing = drawn(tree(tmp_path, {"graphs/default/g.xml": f"<graph>{edges}</graph>"}))
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
    drawing = drawn(path)
    assert (drawing.roots, drawing.absent) == ({"a"}, {"c"})
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
    path.write_text(to_dot(drawn(str(sample("rocks7")))))
    drawing = process.run(["dot", "-Tplain", str(path)], timeout=60).stdout
    assert drawing.count("\nnode ") == len(drawn(str(sample("rocks7"))).nodes)


def test_edges_below_a_root_are_those_it_can_follow() -> None:
    sources = XmlLayers(XML)
    names = {edge.target for edge in edges_below(sources.graph.edges, "mpi")}
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
    for one, other in itertools.combinations(layout.nodes.values(), 2):
        assert one.column != other.column or abs(one.height - other.height) > 0.999
    for source, target in edges:
        bends = layout.bends.get((source, target), ())
        columns = [
            layout.nodes[source].column,
            *(bend.column for bend in bends),
            layout.nodes[target].column,
        ]
        if (source, target) in layout.bends:
            assert columns == list(range(columns[0], columns[-1] + 1))
