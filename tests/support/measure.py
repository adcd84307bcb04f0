"""What a benchmark measures, and how it tells: one line a figure, ours beside the baseline and the limit."""

from __future__ import annotations

import resource
import subprocess
import time
from typing import Callable, NamedTuple, Optional, Sequence


class Cost(NamedTuple):
    """Seconds of wall time and of CPU (user and system, children included), and the largest process in MB."""

    wall: float
    cpu: float
    peak: float


def cost_of(work: Callable[[], object]) -> Cost:
    """What a function costs in this process and in the children that it waits for."""
    before, started = _cpu(), time.perf_counter()
    work()
    wall = time.perf_counter() - started
    return Cost(wall, _cpu() - before, _peak())


def program(argv: Sequence[str], env: Optional[dict[str, str]] = None) -> Cost:
    """What a program costs; raises CalledProcessError when it fails."""
    return cost_of(lambda: subprocess.run(argv, env=env, check=True, stdout=subprocess.DEVNULL))


def best(times: int, work: Callable[[], Cost]) -> Cost:
    """The cheapest of several runs: a neighbour's noise only adds."""
    return min((work() for _ in range(times)), key=lambda cost: cost.cpu)


def figure(
    what: str, value: float, unit: str, limit: Optional[float] = None, beside: str = ""
) -> bool:
    """Print one figure; whether it keeps its limit."""
    kept = limit is None or value <= limit
    verdict = (
        "" if limit is None else f"  limit {limit:.3g} {unit}  {'kept' if kept else 'NOT KEPT'}"
    )
    print(
        f"  {what:<58} {value:>9.3f} {unit:<5}{verdict}{'  | ' + beside if beside else ''}",
        flush=True,
    )
    return kept


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _peak() -> float:
    return (
        max(
            resource.getrusage(who).ru_maxrss
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        / 1024
    )
