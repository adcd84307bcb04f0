# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The paper's Table I next to the measurement, and the model of both: fixed + max(S/d, N·S/C).

The paper's nodes spend six of their ten minutes independently of the frontend, ours a few seconds.
So the comparison is of the time that other nodes add to the time of one, in units of the time in
which one node fetches alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, NamedTuple, Sequence

# Nodes that reinstall at the same time -> minutes (paper, Table I); minutes of fetching (6.3).
PAPER = {1: 10.3, 2: 9.8, 4: 10.1, 8: 10.4, 16: 11.1, 32: 13.7}
PAPER_FETCHING = 223 / 60
HEADINGS = (
    "nodes", "paper, min", "added", "measured, s", "added", "model, s", "added",
    "fetching, s", "model, s", "link, %",
)  # fmt: skip
WIDTH = 640
HEIGHT = 400
MARGIN = 50
COLOURS = {"paper": "#555555", "measured": "#1f5fbf", "model": "#c05020"}


class Row(NamedTuple):
    """A measurement.

    Seconds until the last node was installed, mean seconds of fetching, share of the link.
    """

    seconds: float
    fetching: float
    share: float


@dataclass(frozen=True)
class Model:
    """Seconds for N nodes that each fetch ``size`` bytes, limited by the node or by the link.

    fixed   seconds without fetching
    demand  bytes per second, the maximum of one node
    link    bytes per second of the frontend's link
    """

    fixed: float
    size: float
    demand: float
    link: float

    def fetching(self, nodes: int) -> float:
        return max(self.size / self.demand, nodes * self.size / self.link)

    def seconds(self, nodes: int) -> float:
        return self.fixed + self.fetching(nodes)


def text(measured: Mapping[int, Row], model: Model) -> str:
    """Return the table as text."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    added = curves(measured, model)
    for nodes, row in sorted(measured.items()):
        numbers = (
            (PAPER[nodes], 1),
            (added["paper"][nodes], 2),
            (row.seconds, 1),
            (added["measured"][nodes], 2),
            (model.seconds(nodes), 1),
            (added["model"][nodes], 2),
            (row.fetching, 1),
            (model.fetching(nodes), 1),
            (100 * row.share, 0),
        )
        rows.append((str(nodes), *(f"{value:.{digits}f}" for value, digits in numbers)))
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(HEADINGS))]
    return (
        "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(cells, widths)) for cells in rows
        )
        + "\n"
    )


def curves(measured: Mapping[int, Row], model: Model) -> dict[str, dict[int, float]]:
    """Return name -> nodes -> the time they add, in units of the time of one node's fetching."""
    single = model.fetching(1)
    return {
        "paper": {nodes: (minutes - PAPER[1]) / PAPER_FETCHING for nodes, minutes in PAPER.items()},
        "measured": {
            nodes: (row.seconds - measured[1].seconds) / single
            for nodes, row in sorted(measured.items())
        },
        "model": {
            nodes: model.fetching(nodes) / single - 1 for nodes in range(1, max(measured) + 1)
        },
    }


def plot(measured: Mapping[int, Row], model: Model) -> str:
    """Return the three curves as SVG."""
    right = max(measured)
    drawn = curves(measured, model)
    top = max(value for points in drawn.values() for value in points.values())
    parts = [_axis(right, top)]
    for number, (name, points) in enumerate(drawn.items()):
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in _to_page(list(points.items()), right, top))
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>'
        )
        position = f'x="{MARGIN + 20}" y="{MARGIN + 20 * number}"'
        parts.append(f'<text {position} fill="{COLOURS[name]}">{name}</text>')
    size = f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="13"'
    background = '<rect width="100%" height="100%" fill="white"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{background}'
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def _to_page(
    points: Sequence[tuple[int, float]], right: int, top: float
) -> list[tuple[float, float]]:
    """Convert the points to the coordinates of the page, from the upper left corner."""
    return [
        (
            MARGIN + nodes / right * (WIDTH - 2 * MARGIN),
            HEIGHT - MARGIN - value / top * (HEIGHT - 2 * MARGIN),
        )
        for nodes, value in points
    ]


def _axis(right: int, top: float) -> str:
    base = HEIGHT - MARGIN
    left = MARGIN
    across = _to_page([(nodes, 0.0) for nodes in PAPER], right, top)
    upward = _to_page([(0, float(value)) for value in range(int(top) + 1)], right, top)
    marks = [
        f'<text x="{x:.0f}" y="{base + 18}">{nodes}</text>' for nodes, (x, _y) in zip(PAPER, across)
    ]
    marks += [
        f'<text x="{left - 25}" y="{y:.0f}">{value}</text>' for value, (_x, y) in enumerate(upward)
    ]
    lines = f'<path d="M{left},{MARGIN} V{base} H{WIDTH - MARGIN}" fill="none" stroke="black"/>'
    title = "Time added by nodes that install at once, in units of one node's fetching"
    return "\n".join([lines, f'<text x="{left}" y="{MARGIN - 25}">{title}</text>', *marks])
