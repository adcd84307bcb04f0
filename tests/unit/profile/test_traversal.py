"""What a root reaches, and in which order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.traversal import (
    HEAD,
    TAIL,
    order_nodes,
    reachable_nodes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import (
    Edge,
    Graph,
    OrderEdge,
    Origin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.conditions import (
    TrackedAttributes,
)

NAMES = st.sampled_from("abcdefgh")
PAIRS = st.lists(st.tuples(NAMES, NAMES), max_size=14)


def orders(*pairs: tuple[str, str]) -> list[OrderEdge]:
    return [
        OrderEdge(head, tail, Origin("g.xml", number)) for number, (head, tail) in enumerate(pairs)
    ]


def test_nodes_without_an_order_are_sorted_by_name() -> None:
    assert order_nodes(["c", "a", "b"], []) == ["a", "b", "c"]


def test_nodes_with_an_order_come_before_nodes_without_one() -> None:
    assert order_nodes(["a", "x", "y"], orders(("y", "x"))) == ["y", "x", "a"]


def test_head_comes_before_and_tail_after_all_other_nodes() -> None:
    ordered = order_nodes(
        ["a", "z", "first", "last"], orders(("first", HEAD), (TAIL, "last"), ("z", "a"))
    )
    assert ordered == ["first", "z", "a", "last"]


def test_an_order_holds_through_a_node_that_is_not_included() -> None:
    assert order_nodes(["a", "b"], orders(("b", "absent"), ("absent", "a"))) == ["b", "a"]


def test_a_node_before_head_and_after_tail_is_a_cycle() -> None:
    with pytest.raises(DescriptionError, match="HEAD before TAIL"):
        order_nodes(["a"], orders(("a", HEAD), (TAIL, "a")))


@given(st.sets(NAMES), PAIRS, st.lists(st.tuples(NAMES, st.sampled_from([HEAD, TAIL])), max_size=3))
def test_every_order_edge_holds_or_a_cycle_is_reported(
    nodes: set[str], pairs: list[tuple[str, str]], bands: list[tuple[str, str]]
) -> None:
    given_orders = orders(*pairs, *((n, band) if band == HEAD else (band, n) for n, band in bands))
    try:
        ordered = order_nodes(nodes, given_orders)
    except DescriptionError as error:
        members = error.what.partition(": ")[2].split(" before ")
        assert members[0] == members[-1]
        edges = {(order.head, order.tail) for order in given_orders} | {(HEAD, TAIL)}
        # Between two named edges a node may stand in the middle band: after HEAD, before TAIL.
        assert all(
            pair in edges or HEAD in pair or TAIL in pair for pair in zip(members, members[1:])
        )
        return
    assert sorted(ordered) == sorted(nodes)
    positions = {name: number for number, name in enumerate(ordered)}
    assert all(
        positions[o.head] < positions[o.tail]
        for o in given_orders
        if o.head in positions and o.tail in positions
    )
    assert order_nodes(sorted(nodes, reverse=True), list(reversed(given_orders))) == ordered


@given(PAIRS)
def test_a_root_reaches_every_node_that_a_path_of_edges_leads_to(
    pairs: list[tuple[str, str]],
) -> None:
    edges = tuple(
        Edge(source=source, target=target, conditions=(), origin=Origin("g.xml", 1), roll="r")
        for source, target in pairs
    )
    reached = reachable_nodes(
        Graph(name="g", edges=edges, orders=(), attributes=()), "a", TrackedAttributes({})
    )
    expected = {"a"}
    while True:
        more = {target for source, target in pairs if source in expected} - expected
        if not more:
            break
        expected |= more
    assert set(reached) == expected
    for name, step in reached.items():
        assert (
            name == "a"
            if step.edge is None
            else (step.edge.source in reached and step.edge.target == name)
        )
