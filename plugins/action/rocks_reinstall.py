# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run rocks_reinstall once for all hosts of a pattern.

A terminal shows a progress bar for each node; other outputs get a line for each step.
"""

from __future__ import annotations

import shutil
import sys
from typing import Callable

from ansible.utils.display import Display

from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout.display import (
    format_bars,
    format_step,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout.rollout import Step
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.reinstall import (
    argument_spec,
    describe_interrupt,
    reinstall,
    result_of,
)
from ansible_collections.npaci.rocks.plugins.plugin_utils.batch_action import BatchAction

# Ansible loads this file before it forks the process that runs the task, which has no terminal.
AT_TERMINAL = sys.stdout.isatty()
TERMINAL_SIZE = shutil.get_terminal_size()

display = Display()


class ActionModule(BatchAction):
    """Reinstalls the whole batch of hosts in one call."""

    argument_spec = staticmethod(argument_spec)
    work = staticmethod(reinstall)
    result_of = staticmethod(result_of)
    describe_interrupt = staticmethod(describe_interrupt)

    def make_display(self) -> Callable[[Step], None]:
        return _Bars().add if AT_TERMINAL else lambda step: display.display(format_step(step))


class _Bars:
    """Draws a bar for each node over the previous drawing."""

    def __init__(self) -> None:
        self._last: dict[str, Step] = {}
        self._lines_drawn = 0

    def add(self, step: Step) -> None:
        self._last[step.node] = step
        lines = format_bars(self._last, TERMINAL_SIZE.columns - 1, TERMINAL_SIZE.lines - 1)
        erase = f"\x1b[{self._lines_drawn}F\x1b[J" if self._lines_drawn else ""
        display.display(erase + "\n".join(lines), screen_only=True)
        self._lines_drawn = len(lines)
