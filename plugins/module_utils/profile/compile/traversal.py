# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which nodes a root reaches, and in which order.

A node is in a profile if a path of edges whose conditions all hold leads to it from the root. The
order is that of Rocks where Rocks defined it: nodes before HEAD, then the nodes that an order edge
names, then the others, then nodes after TAIL. Where this leaves a choice, the names decide.
"""

from __future__ import annotations

import collections
import heapq
from typing import Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence

from ...errors import DescriptionError
from ..model import Edge, Graph, OrderEdge
from ..xml.conditions import TrackedAttributes, holds

HEAD = "HEAD"
TAIL = "TAIL"


class Step(NamedTuple):
    """How the traversal reached a node: the last edge of a shortest path, None for the root."""

    node: str
    edge: Optional[Edge]


def reachable_nodes(graph: Graph, root: str, attributes: TrackedAttributes) -> dict[str, Step]:
    """Return every node that ``root`` includes, itself first, in breadth-first order.

    Rocks included a node behind an edge that did not hold, and lost one whose first edge did not
    hold. Here only the edges count, not the order in which the traversal meets them.
    """
    reached = {root: Step(root, None)}
    for edge in followed_edges(graph, root, attributes):
        reached.setdefault(edge.target, Step(edge.target, edge))
    return reached


def followed_edges(graph: Graph, root: str, attributes: TrackedAttributes) -> Iterator[Edge]:
    """Yield every edge that holds below ``root``, with references in the ends' names replaced."""
    leaving: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        leaving.setdefault(attributes.resolve(edge.source, edge.origin), []).append(edge)
    reached = {root}
    queue = collections.deque([root])
    while queue:
        node = queue.popleft()
        for edge in leaving.get(node, ()):
            if all(holds(condition, attributes) for condition in edge.conditions):
                target = attributes.resolve(edge.target, edge.origin)
                if target not in reached:
                    reached.add(target)
                    queue.append(target)
                yield edge._replace(source=node, target=target)


def order_nodes(nodes: Iterable[str], orders: Sequence[OrderEdge]) -> list[str]:
    """Sort the nodes so that every order edge holds.

    This includes order edges through nodes that are not in the profile. Raises DescriptionError
    that names the members of a cycle and the place of each of its edges.
    """
    after: dict[str, set[str]] = {HEAD: {TAIL}}
    for order in orders:
        after.setdefault(order.head, set()).add(order.tail)
    in_orders = set(after).union(*after.values())
    requested = set(nodes)
    _bind(after, in_orders | requested)
    ranks = {name: (name not in in_orders, name) for name in in_orders | requested}
    ordered = _sort(after, ranks)
    if len(ordered) < len(ranks):
        raise _cycle_error(after, set(ranks) - set(ordered), orders)
    return [name for name in ordered if name in requested]


def _bind(after: dict[str, set[str]], names: set[str]) -> None:
    """Put every name that is neither before HEAD nor after TAIL between the two."""
    before: dict[str, set[str]] = {}
    for head, tails in after.items():
        for tail in tails:
            before.setdefault(tail, set()).add(head)
    early = _closure(HEAD, before)
    late = _closure(TAIL, after)
    for name in names - early:
        after[HEAD].add(name)
    for name in names - late:
        after.setdefault(name, set()).add(TAIL)
    after[HEAD].discard(HEAD)
    after.get(TAIL, set()).discard(TAIL)


def _closure(start: str, neighbours: Mapping[str, set[str]]) -> set[str]:
    names = {start}
    queue = [start]
    for name in queue:
        fresh = neighbours.get(name, set()) - names
        names |= fresh
        queue.extend(fresh)
    return names


def _sort(after: Mapping[str, set[str]], ranks: Mapping[str, tuple[bool, str]]) -> list[str]:
    """Kahn's algorithm; of the names that can come next, the lowest rank comes first."""
    waiting = dict.fromkeys(ranks, 0)
    for tails in after.values():
        for tail in tails:
            waiting[tail] += 1
    ready = [rank for name, rank in ranks.items() if not waiting[name]]
    heapq.heapify(ready)
    ordered: list[str] = []
    while ready:
        name = heapq.heappop(ready)[1]
        ordered.append(name)
        for tail in after.get(name, ()):
            waiting[tail] -= 1
            if not waiting[tail]:
                heapq.heappush(ready, ranks[tail])
    return ordered


def _cycle_error(
    after: Mapping[str, set[str]], unordered: set[str], orders: Sequence[OrderEdge]
) -> DescriptionError:
    cycle = find_cycle({name: after.get(name, set()) & unordered for name in unordered})
    places = {(order.head, order.tail): order.origin for order in reversed(orders)}
    edges = [places[pair] for pair in zip(cycle, cycle[1:]) if pair in places]
    return DescriptionError(
        f"the order has a cycle: {' before '.join(cycle)}",
        str(edges[0]) if edges else "",
        "remove one of the order edges"
        + (f", at {' or '.join(map(str, edges))}" if len(edges) > 1 else ""),
    )


def find_cycle(after: Mapping[str, set[str]]) -> list[str]:
    """Return a shortest cycle, with its first name at both ends. There must be one.

    Of several shortest cycles it is the one with the lowest name.
    """
    best: list[str] = []
    for start in sorted(after):
        paths: dict[str, list[str]] = {start: [start]}
        queue = collections.deque([start])
        while queue:
            name = queue.popleft()
            if best and len(paths[name]) >= len(best):
                break
            for tail in sorted(after[name]):
                if tail == start:
                    path = [*paths[name], start]
                    best = path if not best or len(path) < len(best) else best
                elif tail not in paths:
                    paths[tail] = [*paths[name], tail]
                    queue.append(tail)
    return best
