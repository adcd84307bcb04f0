# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Format metrics as Prometheus's text, version 0.0.4, for scrapes and for node_exporter."""

from __future__ import annotations

from typing import Dict, Iterable, Literal, NamedTuple, Tuple, Union

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
QUANTILES = (0.5, 0.9, 1.0)

Numbers = Dict[Tuple[str, ...], int]  # label values -> number


class Metric(NamedTuple):
    """A family of numbers."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    labels: tuple[str, ...]
    """Label names, in the order of the label values in ``values``."""
    values: Numbers


class Summary(NamedTuple):
    """A distribution, exported as QUANTILES, sum and count."""

    name: str
    help: str
    values: tuple[int, ...]


Family = Union[Metric, Summary]


def format_families(families: Iterable[Family]) -> str:
    """Return the text of the families, each sorted by its label values."""
    lines = [
        line
        for family in families
        for line in (
            _summary_lines(family) if isinstance(family, Summary) else _metric_lines(family)
        )
    ]
    return "".join(f"{line}\n" for line in lines)


def _metric_lines(metric: Metric) -> Iterable[str]:
    yield from _header_lines(metric.name, metric.kind, metric.help)
    for label_values, value in sorted(metric.values.items()):
        labels = ",".join(
            f'{name}="{_escape(text)}"' for name, text in zip(metric.labels, label_values)
        )
        yield f"{metric.name}{{{labels}}} {value}" if labels else f"{metric.name} {value}"


def _summary_lines(summary: Summary) -> Iterable[str]:
    yield from _header_lines(summary.name, "summary", summary.help)
    values = sorted(summary.values)
    for quantile in QUANTILES if values else ():
        # Nearest rank: the smallest value that at least this share of the values does not exceed.
        value = values[max(0, -int(-quantile * len(values) // 1) - 1)]
        yield f'{summary.name}{{quantile="{quantile:g}"}} {value}'
    yield f"{summary.name}_sum {sum(values)}"
    yield f"{summary.name}_count {len(values)}"


def _header_lines(name: str, kind: str, help_text: str) -> Iterable[str]:
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} {kind}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
