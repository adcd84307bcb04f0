"""Measure and print the figures of benchmarks: one line each, with limit and baseline."""

from __future__ import annotations

import resource
import subprocess
import time
from typing import Callable, NamedTuple, Optional, Sequence


class Cost(NamedTuple):
    """Seconds of wall time and of CPU (user and system, with children), and the largest process in
    MB.
    """

    wall: float
    cpu: float
    peak: float


def cost_of(work: Callable[[], object]) -> Cost:
    """Return the cost of a function in this process and in the children that it waits for."""
    before = _cpu()
    started = time.perf_counter()
    work()
    wall = time.perf_counter() - started
    return Cost(wall, _cpu() - before, _peak())


def program(argv: Sequence[str], env: Optional[dict[str, str]] = None) -> Cost:
    """Return the cost of a program. Raises CalledProcessError if it fails."""
    return cost_of(lambda: subprocess.run(argv, env=env, check=True, stdout=subprocess.DEVNULL))


def best(times: int, work: Callable[[], Cost]) -> Cost:
    """Return the cheapest of several runs, because other load only adds to the cost."""
    return min((work() for _ in range(times)), key=lambda cost: cost.cpu)


def figure(
    what: str, value: float, unit: str, *, limit: Optional[float] = None, baseline: str = ""
) -> bool:
    """Print one figure; return whether it is within its limit."""
    within_limit = limit is None or value <= limit
    verdict = (
        ""
        if limit is None
        else f"  limit {limit:.3g} {unit}  {'kept' if within_limit else 'EXCEEDED'}"
    )
    print(
        f"  {what:<58} {value:>9.3f} {unit:<5}{verdict}{'  | ' + baseline if baseline else ''}",
        flush=True,
    )
    return within_limit


def _cpu() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak() -> float:
    return (
        max(
            resource.getrusage(who).ru_maxrss
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        / 1024
    )
