# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a root reaches, and in which order it comes.

A node is in a profile when a way of edges whose conditions all hold leads to it from the root.  The order is the
original's where that was defined: what must come before HEAD, then the nodes that some order edge names, then the
others, then what must come after TAIL.  Within the freedom that remains, names decide.
"""

from __future__ import annotations

import collections
import heapq
from typing import Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence

from ...errors import DescriptionError
from ..model import Edge, Graph, OrderEdge
from ..xml.conditions import TrackedAttributes, holds

HEAD, TAIL = "HEAD", "TAIL"


class Step(NamedTuple):
    """How the traversal came to a node: the edge on a shortest way, none for the root."""

    node: str
    edge: Optional[Edge]


def reachable_nodes(graph: Graph, root: str, attributes: TrackedAttributes) -> dict[str, Step]:
    """Every node that ``root`` includes, itself first, in breadth-first order.

    The original kept a node behind an edge that did not hold, and lost one whose first edge did not hold; here only
    the edges count, not the order in which they are met.
    """
    reached = {root: Step(root, None)}
    for edge in followed_edges(graph, root, attributes):
        reached.setdefault(edge.target, Step(edge.target, edge))
    return reached


def followed_edges(graph: Graph, root: str, attributes: TrackedAttributes) -> Iterator[Edge]:
    """Every edge that holds and whose source ``root`` includes, with the ends' names as the attributes make them."""
    leaving: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        leaving.setdefault(attributes.resolve(edge.source, edge.origin), []).append(edge)
    reached, queue = {root}, collections.deque([root])
    while queue:
        node = queue.popleft()
        for edge in leaving.get(node, ()):
            if all(holds(asked, attributes) for asked in edge.conditions):
                target = attributes.resolve(edge.target, edge.origin)
                if target not in reached:
                    reached.add(target)
                    queue.append(target)
                yield edge._replace(source=node, target=target)


def order_nodes(nodes: Iterable[str], orders: Sequence[OrderEdge]) -> list[str]:
    """The nodes in an order that keeps every order edge, also those through nodes that are not there.

    Raises DescriptionError that names the members of a cycle and where each of its edges stands.
    """
    after: dict[str, set[str]] = {HEAD: {TAIL}}
    for order in orders:
        after.setdefault(order.head, set()).add(order.tail)
    named = set(after).union(*after.values())
    wanted = set(nodes)
    _bind(after, named | wanted)
    ranks = {name: (name not in named, name) for name in named | wanted}
    arranged = _sort(after, ranks)
    if len(arranged) < len(ranks):
        raise _cycle_error(after, set(ranks) - set(arranged), orders)
    return [name for name in arranged if name in wanted]


def _bind(after: dict[str, set[str]], names: set[str]) -> None:
    """Put what is neither before HEAD nor after TAIL between the two."""
    before: dict[str, set[str]] = {}
    for head, tails in after.items():
        for tail in tails:
            before.setdefault(tail, set()).add(head)
    early, late = _closure(HEAD, before), _closure(TAIL, after)
    for name in names - early:
        after[HEAD].add(name)
    for name in names - late:
        after.setdefault(name, set()).add(TAIL)
    after[HEAD].discard(HEAD)
    after.get(TAIL, set()).discard(TAIL)


def _closure(start: str, neighbours: Mapping[str, set[str]]) -> set[str]:
    found, queue = {start}, [start]
    for name in queue:
        fresh = neighbours.get(name, set()) - found
        found |= fresh
        queue.extend(fresh)
    return found


def _sort(after: Mapping[str, set[str]], ranks: Mapping[str, tuple[bool, str]]) -> list[str]:
    """Kahn's algorithm; of the names that may come next, the lowest rank comes."""
    waiting = dict.fromkeys(ranks, 0)
    for tails in after.values():
        for tail in tails:
            waiting[tail] += 1
    ready = [rank for name, rank in ranks.items() if not waiting[name]]
    heapq.heapify(ready)
    arranged: list[str] = []
    while ready:
        name = heapq.heappop(ready)[1]
        arranged.append(name)
        for tail in after.get(name, ()):
            waiting[tail] -= 1
            if not waiting[tail]:
                heapq.heappush(ready, ranks[tail])
    return arranged


def _cycle_error(
    after: Mapping[str, set[str]], rest: set[str], orders: Sequence[OrderEdge]
) -> DescriptionError:
    cycle = find_cycle({name: after.get(name, set()) & rest for name in rest})
    places = {(order.head, order.tail): order.origin for order in reversed(orders)}
    edges = [places[pair] for pair in zip(cycle, cycle[1:]) if pair in places]
    return DescriptionError(
        f"the order is a circle: {' before '.join(cycle)}",
        str(edges[0]) if edges else "",
        "remove one of the order edges"
        + (f", at {' or '.join(map(str, edges))}" if len(edges) > 1 else ""),
    )


def find_cycle(after: Mapping[str, set[str]]) -> list[str]:
    """A shortest circle, of several the one with the lowest name, which stands at both ends.  There must be one."""
    best: list[str] = []
    for start in sorted(after):
        ways: dict[str, list[str]] = {start: [start]}
        queue = collections.deque([start])
        while queue:
            name = queue.popleft()
            if best and len(ways[name]) >= len(best):
                break
            for tail in sorted(after[name]):
                if tail == start:
                    way = [*ways[name], start]
                    best = way if not best or len(way) < len(best) else best
                elif tail not in ways:
                    ways[tail] = [*ways[name], tail]
                    queue.append(tail)
    return best
