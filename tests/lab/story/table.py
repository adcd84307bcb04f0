# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The paper's Table I beside what was measured, and the model of both: fixed + max(S/d, N·S/C)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

# Nodes that reinstall at the same time -> minutes (paper, Table I).
PAPER = {1: 10.3, 2: 9.8, 4: 10.1, 8: 10.4, 16: 11.1, 32: 13.7}
HEADINGS = ("nodes", "paper, min", "paper, of N=1", "measured, s", "of N=1", "model, s", "link, %")
WIDTH, HEIGHT, MARGIN = 640, 400, 50
COLOURS = {"paper": "#555555", "measured": "#1f5fbf", "model": "#c05020"}


@dataclass(frozen=True)
class Model:
    """Seconds for N nodes that each fetch ``size`` bytes: as fast as they can, or as the link lets all of them together.

    fixed   seconds that have nothing to do with the fetching
    demand  bytes a second that one node takes at most
    link    bytes a second of the frontend's link
    """

    fixed: float
    size: float
    demand: float
    link: float

    def seconds(self, nodes: int) -> float:
        return self.fixed + max(self.size / self.demand, nodes * self.size / self.link)


def text(measured: Mapping[int, float], share: Mapping[int, float], model: Model) -> str:
    """The table; ``share`` is how much of the link was used, of 1."""
    first, rows = measured[1], [HEADINGS]
    for nodes, seconds in sorted(measured.items()):
        numbers = (
            PAPER[nodes],
            PAPER[nodes] / PAPER[1],
            seconds,
            seconds / first,
            model.seconds(nodes),
            100 * share[nodes],
        )
        shown = [f"{value:.{digits}f}" for value, digits in zip(numbers, (1, 2, 1, 2, 1, 0))]
        rows.append((str(nodes), *shown))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows) + "\n"


def plot(measured: Mapping[int, float], model: Model) -> str:
    """The three curves as SVG, each relative to its own N = 1."""
    curves = {
        "paper": [(nodes, minutes / PAPER[1]) for nodes, minutes in PAPER.items()],
        "measured": [(nodes, seconds / measured[1]) for nodes, seconds in sorted(measured.items())],
        "model": [(nodes, model.seconds(nodes) / model.seconds(1)) for nodes in range(1, max(measured) + 1)],
    }
    top = max(value for points in curves.values() for _nodes, value in points)
    parts = [_axis(max(measured), top)]
    for number, (name, points) in enumerate(curves.items()):
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in _placed(points, max(measured), top))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
        parts.append(f'<text x="{MARGIN + 20}" y="{MARGIN + 20 * number}" fill="{COLOURS[name]}">{name}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="13">'
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def _placed(points: Sequence[tuple[int, float]], right: int, top: float) -> list[tuple[float, float]]:
    return [
        (MARGIN + nodes / right * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - value / top * (HEIGHT - 2 * MARGIN))
        for nodes, value in points
    ]


def _axis(right: int, top: float) -> str:
    marks = [f'<text x="{x:.0f}" y="{HEIGHT - MARGIN + 18}">{nodes}</text>'
             for nodes, (x, _y) in zip(PAPER, _placed([(nodes, 0.0) for nodes in PAPER], right, top))]  # fmt: skip
    marks += [f'<text x="{MARGIN - 30}" y="{y:.0f}">{value}</text>'
              for value, (_x, y) in zip(range(int(top) + 1), _placed([(0, float(v)) for v in range(int(top) + 1)], right, top))]  # fmt: skip
    base, left = HEIGHT - MARGIN, MARGIN
    lines = f'<path d="M{left},{MARGIN} V{base} H{WIDTH - MARGIN}" fill="none" stroke="black"/>'
    title = f'<text x="{left}" y="{MARGIN - 25}">Nodes that install at the same time, and how much longer it takes than for one</text>'
    return "\n".join([lines, title, *marks])
