# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kill a function with SIGKILL at every step: at its first, second, third … change of a file.

for step in killed_at_every_step(lambda: publish(generation)):
    assert what_was_published_before() is still there
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from typing import Callable, Iterator

CHANGES = (
    "write",
    "rename",
    "replace",
    "link",
    "symlink",
    "unlink",
    "rmdir",
    "mkdir",
    "fsync",
    "ftruncate",
    "utime",
)


def killed_at_every_step(
    work: Callable[[], object], first: int = 1, stride: int = 1
) -> Iterator[int]:
    """Run ``work`` in children, each killed one change later, until one survives; yield the steps.

    A change is a call of one of os.CHANGES. Changes by the code of libraries in C do not count.
    """
    step = first
    while _killed_at(step, work):
        yield step
        step += stride


def _killed_at(step: int, work: Callable[[], object]) -> bool:
    """Return whether the child was killed. Raises RuntimeError if it failed otherwise."""
    with warnings.catch_warnings():
        # Threads of the test, such as a server, must not continue in the child.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            _arm(step)
            work()
        except BaseException as error:  # noqa: BLE001 - a child must not return into pytest
            print(f"the child of {os.getppid()} ended by {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    _child, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    if status:
        raise RuntimeError(f"the child ended with status {status}, and was not killed")
    return False


def _arm(step: int) -> None:
    """Replace the calls by counting ones; the last one kills the process."""
    remaining = step

    def count_down(call: Callable[..., object]) -> Callable[..., object]:
        def call_or_kill(*arguments: object, **options: object) -> object:
            nonlocal remaining
            remaining -= 1
            if remaining <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return call_or_kill

    for name in CHANGES:
        setattr(os, name, count_down(getattr(os, name)))
