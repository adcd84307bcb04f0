# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Positions for a layered drawing of a directed graph, with few crossings and short straight edges.

The usual three steps (Sugiyama): columns by the longest path from a source, the order in a column
by the mean position of the neighbours, and heights by least squares with a minimum distance. An
edge over several columns bends in each of them, at a position of its own. Equal input gives equal
positions.
"""

from __future__ import annotations

import math
from typing import Iterable, Mapping, NamedTuple, Sequence

Pair = tuple[str, str]
SWEEPS = 24
SETTLE = 16


class Point(NamedTuple):
    """A column, and a height in rows."""

    column: int
    height: float


class GraphLayout(NamedTuple):
    """The positions of the nodes, and the points that each edge passes between its ends."""

    nodes: Mapping[str, Point]
    bends: Mapping[Pair, tuple[Point, ...]]
    columns: int


def layout_graph(names: Iterable[str], edges: Iterable[Pair]) -> GraphLayout:
    """Return positions for all nodes. An edge that would close a cycle decides no column."""
    node_names = sorted(set(names))
    pairs = sorted({edge for edge in edges if edge[0] != edge[1]})
    columns = _columns(node_names, pairs)
    forward = [edge for edge in pairs if columns[edge[0]] < columns[edge[1]]]
    slots, links = _slots(columns, forward)
    _untangle(slots, links)
    heights = _heights(slots, links)
    bends = {
        edge: tuple(
            Point(column, heights[edge, column])
            for column in range(columns[edge[0]] + 1, columns[edge[1]])
        )
        for edge in forward
    }
    nodes = {
        name: Point(columns[name], heights[(name, name), columns[name]]) for name in node_names
    }
    return GraphLayout(nodes, bends, len(slots))


def _columns(names: Sequence[str], edges: Sequence[Pair]) -> dict[str, int]:
    """Return the longest path to each node, over edges that close no cycle."""
    after: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        after[source].append(target)
    order: list[str] = []
    state: dict[str, int] = {}
    forward: list[Pair] = []
    targets = {edge[1] for edge in edges}
    for start in sorted(names, key=lambda name: (name in targets, name)):
        _visit(start, after, state=state, order=order, forward=forward)
    columns = dict.fromkeys(names, 0)
    leaving: dict[str, list[str]] = {name: [] for name in names}
    for source, target in forward:
        leaving[source].append(target)
    for name in reversed(order):
        for target in leaving[name]:
            columns[target] = max(columns[target], columns[name] + 1)
    return columns


def _visit(
    start: str,
    after: Mapping[str, Sequence[str]],
    *,
    state: dict[str, int],
    order: list[str],
    forward: list[Pair],
) -> None:
    """Search depth first, without recursion, and add to ``order`` and ``forward``."""
    if start in state:
        return
    state[start] = 1
    stack = [(start, iter(after[start]))]
    while stack:
        name, remaining = stack[-1]
        target = next(remaining, None)
        if target is None:
            state[name] = 2
            order.append(name)
            stack.pop()
            continue
        if state.get(target) != 1:
            forward.append((name, target))
        if target not in state:
            state[target] = 1
            stack.append((target, iter(after[target])))


Key = tuple[Pair, int]
Links = Mapping[Key, Sequence[Key]]


def _slots(
    columns: Mapping[str, int], edges: Sequence[Pair]
) -> tuple[list[list[Key]], tuple[Links, Links]]:
    """Return the positions in each column, and their links to the left and to the right."""
    slots: list[list[Key]] = [[] for _column in range(max(columns.values(), default=-1) + 1)]
    for name, column in sorted(columns.items()):
        slots[column].append(((name, name), column))
    left: dict[Key, list[Key]] = {key: [] for column in slots for key in column}
    right: dict[Key, list[Key]] = {key: [] for column in slots for key in column}
    for edge in edges:
        source, target = edge
        path = [((source, source), columns[source])]
        for column in range(columns[source] + 1, columns[target]):
            path.append((edge, column))
            slots[column].append((edge, column))
        path.append(((target, target), columns[target]))
        for left_key, right_key in zip(path, path[1:]):
            right.setdefault(left_key, []).append(right_key)
            left.setdefault(right_key, []).append(left_key)
    return slots, (left, right)


def _untangle(slots: list[list[Key]], links: tuple[Links, Links]) -> None:
    """Sort each column by the mean rank of its neighbours in alternating sweeps; keep the best."""
    best = [list(column) for column in slots]
    fewest = _crossings(slots, links[1])
    for sweep in range(SWEEPS):
        order = range(1, len(slots)) if sweep % 2 == 0 else range(len(slots) - 2, -1, -1)
        neighbours = links[sweep % 2]
        for number in order:
            adjacent = slots[number - 1 if sweep % 2 == 0 else number + 1]
            ranks = {key: rank for rank, key in enumerate(adjacent)}
            current = {key: rank for rank, key in enumerate(slots[number])}
            slots[number].sort(
                key=lambda key: (
                    _mean([ranks[n] for n in neighbours.get(key, ())], current[key]),
                    key,
                )
            )
        crossings = _crossings(slots, links[1])
        if crossings < fewest:
            best = [list(column) for column in slots]
            fewest = crossings
    for column, ordered in zip(slots, best):
        column[:] = ordered


def _mean(values: Sequence[float], otherwise: float) -> float:
    # fsum gives the same result on every Python; sum() rounds differently since 3.12.
    return math.fsum(values) / len(values) if values else otherwise


def _crossings(slots: Sequence[Sequence[Key]], right: Links) -> int:
    total = 0
    for column, following in zip(slots, slots[1:]):
        ranks = {key: rank for rank, key in enumerate(following)}
        seen: list[int] = []
        for key in column:
            ends = sorted(ranks[other] for other in right.get(key, ()))
            total += sum(1 for end in ends for before in seen if before > end)
            seen += ends
    return total


def _heights(slots: Sequence[Sequence[Key]], links: tuple[Links, Links]) -> dict[Key, float]:
    """Move all positions as close to their neighbours as the order and the distances permit."""
    heights: dict[Key, float] = {}
    for column in slots:
        spaces = _spaces(column)
        middle = math.fsum(spaces) / 2
        position = -middle
        for key, space in zip(column, spaces):
            position += space
            heights[key] = position
    for _pass in range(SETTLE):
        for column in (*slots, *reversed(slots)):
            preferred = []
            for key in column:
                neighbours = [heights[other] for side in links for other in side.get(key, ())]
                preferred.append(_mean(neighbours, heights[key]))
            for key, height in zip(column, _separate(preferred, _spaces(column))):
                heights[key] = height
    lowest = min(heights.values(), default=0.0)
    return {key: round(height - lowest, 3) for key, height in heights.items()}


def _spaces(column: Sequence[Key]) -> list[float]:
    """Return the distance of each position from the one before it.

    It is smaller next to a bend than between two nodes.
    """
    rows = [1.0 if edge[0] == edge[1] else 0.4 for edge, _column in column]
    return [0.0, *((row + next_row) / 2 for row, next_row in zip(rows, rows[1:]))] if rows else []


def _separate(preferred: Sequence[float], spaces: Sequence[float]) -> list[float]:
    """Return the heights closest to the preferred ones (least squares) with these distances.

    This is the algorithm of pooled adjacent violators.
    """
    offsets = []
    offset = 0.0
    for space in spaces:
        offset += space
        offsets.append(offset)
    blocks: list[list[float]] = []  # sum, count
    for height, shift in zip(preferred, offsets):
        blocks.append([height - shift, 1])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] > blocks[-1][0] * blocks[-2][1]:
            last = blocks.pop()
            blocks[-1] = [blocks[-1][0] + last[0], blocks[-1][1] + last[1]]
    levels = [total / count for total, count in blocks for _item in range(int(count))]
    return [level + shift for level, shift in zip(levels, offsets)]
