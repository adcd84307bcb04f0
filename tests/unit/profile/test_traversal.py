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


def test_names_decide_where_nothing_else_does() -> None:
    assert order_nodes(["c", "a", "b"], []) == ["a", "b", "c"]


def test_what_an_order_names_comes_before_what_none_names_as_in_the_original() -> None:
    assert order_nodes(["a", "x", "y"], orders(("y", "x"))) == ["y", "x", "a"]


def test_head_is_before_and_tail_behind_everything_else() -> None:
    found = order_nodes(
        ["a", "z", "first", "last"], orders(("first", HEAD), (TAIL, "last"), ("z", "a"))
    )
    assert found == ["first", "z", "a", "last"]


def test_an_order_holds_through_a_node_that_is_not_there() -> None:
    assert order_nodes(["a", "b"], orders(("b", "absent"), ("absent", "a"))) == ["b", "a"]


def test_a_node_both_before_head_and_behind_tail_is_a_circle() -> None:
    with pytest.raises(DescriptionError, match="circle"):
        order_nodes(["a"], orders(("a", HEAD), (TAIL, "a")))


@given(st.sets(NAMES), PAIRS, st.lists(st.tuples(NAMES, st.sampled_from([HEAD, TAIL])), max_size=3))
def test_every_order_edge_is_kept_or_a_circle_is_named(
    nodes: set[str], pairs: list[tuple[str, str]], bands: list[tuple[str, str]]
) -> None:
    given_orders = orders(*pairs, *((n, band) if band == HEAD else (band, n) for n, band in bands))
    try:
        found = order_nodes(nodes, given_orders)
    except DescriptionError as error:
        members = error.what.removeprefix("the order is a circle: ").split(" before ")
        assert members[0] == members[-1]
        known = {(order.head, order.tail) for order in given_orders} | {(HEAD, TAIL)}
        # Between two named edges a node may stand in the middle band: after HEAD, before TAIL.
        assert all(
            pair in known or HEAD in pair or TAIL in pair for pair in zip(members, members[1:])
        )
        return
    assert sorted(found) == sorted(nodes)
    place = {name: number for number, name in enumerate(found)}
    assert all(
        place[o.head] < place[o.tail] for o in given_orders if o.head in place and o.tail in place
    )
    assert order_nodes(sorted(nodes, reverse=True), list(reversed(given_orders))) == found


@given(PAIRS)
def test_a_root_reaches_what_a_way_of_edges_leads_to_and_each_step_is_such_an_edge(
    pairs: list[tuple[str, str]],
) -> None:
    edges = tuple(Edge(one, other, (), Origin("g.xml", 1), "r") for one, other in pairs)
    reached = reachable_nodes(Graph("g", edges, (), ()), "a", TrackedAttributes({}))
    expected = {"a"}
    while True:
        more = {other for one, other in pairs if one in expected} - expected
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
