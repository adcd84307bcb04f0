# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Metrics in Prometheus's text format, version 0.0.4: the same for a scrape and for node_exporter's textfile."""

from __future__ import annotations

from typing import Dict, Iterable, NamedTuple, Tuple, Union

TYPE = "text/plain; version=0.0.4; charset=utf-8"
QUANTILES = (0.5, 0.9, 1.0)

Numbers = Dict[Tuple[str, ...], int]  # label values -> number


class Metric(NamedTuple):
    """One family; ``labels`` are the names of the label values."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    values: Numbers


class Summary(NamedTuple):
    """A distribution, told by some of its quantiles, its sum and its count."""

    name: str
    help: str
    values: tuple[int, ...]


Family = Union[Metric, Summary]


def text(metrics: Iterable[Family]) -> str:
    """The families, each sorted by its labels."""
    lines = [
        line
        for metric in metrics
        for line in (_summary(metric) if isinstance(metric, Summary) else _plain(metric))
    ]
    return "".join(f"{line}\n" for line in lines)


def _plain(metric: Metric) -> Iterable[str]:
    yield from _head(metric.name, metric.kind, metric.help)
    for given, value in sorted(metric.values.items()):
        labels = ",".join(f'{name}="{_escaped(text)}"' for name, text in zip(metric.labels, given))
        yield f"{metric.name}{{{labels}}} {value}" if labels else f"{metric.name} {value}"


def _summary(metric: Summary) -> Iterable[str]:
    yield from _head(metric.name, "summary", metric.help)
    ordered = sorted(metric.values)
    for quantile in QUANTILES if ordered else ():
        # The nearest rank: the smallest value that so large a share does not exceed.
        value = ordered[max(0, -int(-quantile * len(ordered) // 1) - 1)]
        yield f'{metric.name}{{quantile="{quantile:g}"}} {value}'
    yield f"{metric.name}_sum {sum(ordered)}"
    yield f"{metric.name}_count {len(ordered)}"


def _head(name: str, kind: str, told: str) -> Iterable[str]:
    yield f"# HELP {name} {told}"
    yield f"# TYPE {name} {kind}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
