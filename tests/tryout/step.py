# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Steps as data, and how they are run: an action, then a condition with a deadline."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Callable, Iterator, Optional, Sequence

from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError

from .site import Site

PASSED = "passed"
SKIPPED = "skipped"
FAILED = "failed"
NOT_REACHED = "not reached"
PAUSE = 2.0


def _nothing(_site: Site) -> None:
    pass


def _at_once(_site: Site) -> bool:
    return True


def _silence(_site: Site) -> str:
    return ""


@dataclass(frozen=True)
class Step:
    """One step of the story."""

    title: str
    action: Callable[[Site], object] = _nothing
    """Raises an error when it fails."""
    condition: Callable[[Site], bool] = _at_once
    """Whether the step has ended.  Raises an error if it can no longer end well."""
    seconds: float = 120.0
    """The deadline of the condition."""
    skip: Callable[[Site], str] = _silence
    """Why the step is left out here; "" if it is not."""
    progress: Callable[[Site], str] = _silence
    """A line about the current state, for the terminal."""


@dataclass(frozen=True)
class Outcome:
    """What became of a step."""

    title: str
    state: str
    seconds: float = 0.0
    reason: str = ""


def run_steps(
    steps: Sequence[Step],
    site: Site,
    show: Callable[[str], object] = print,
    pause: float = PAUSE,
) -> Iterator[Outcome]:
    """Run the steps in order, and yield the outcome of each; after a failure none is run."""
    failed = False
    for number, step in enumerate(steps, 1):
        if failed:
            yield Outcome(step.title, NOT_REACHED)
            continue
        show(f"[{number:2}/{len(steps)}] {step.title}")
        outcome = _run_step(step, site, show, pause)
        failed = outcome.state == FAILED
        took = f" after {outcome.seconds:.0f} s" if outcome.state != SKIPPED else ""
        show(f"        {outcome.state}{took}{': ' if outcome.reason else ''}{outcome.reason}")
        yield outcome


def _run_step(step: Step, site: Site, show: Callable[[str], object], pause: float) -> Outcome:
    reason = step.skip(site)
    if reason:
        return Outcome(step.title, SKIPPED, 0.0, reason)
    start = time.monotonic()
    problem = _problem(step, site, show, start, pause)
    state = FAILED if problem else PASSED
    return Outcome(step.title, state, time.monotonic() - start, problem or "")


def _problem(
    step: Step, site: Site, show: Callable[[str], object], start: float, pause: float
) -> Optional[str]:
    """Run a step to its end; return why it failed, or None."""
    wait = threading.Event().wait
    shown = ""
    try:
        step.action(site)
        while not step.condition(site):
            if time.monotonic() - start >= step.seconds:
                return f"not within {step.seconds:.0f} s; last state: {shown or 'unknown'}"
            line = step.progress(site)
            if line and line != shown:
                shown = line
                show(f"        {line}")
            wait(pause)
    except (RocksError, RuntimeError, OSError, TimeoutError) as error:
        return str(error)
    return None
