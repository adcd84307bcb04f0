# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""rocks_reinstall for all hosts of a pattern at once.  At a terminal bars show how far the nodes are; elsewhere each step
is a line.
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
    reinstall,
    result_of,
)
from ansible_collections.npaci.rocks.plugins.plugin_utils.batch_action import BatchAction

# Ansible loads this file before it starts the process that runs the task, and that process has no terminal any more.
AT_TERMINAL = sys.stdout.isatty()
SIZE = shutil.get_terminal_size()

display = Display()


class ActionModule(BatchAction):
    """One call for the whole batch of hosts."""

    argument_spec = staticmethod(argument_spec)
    work = staticmethod(reinstall)
    result_of = staticmethod(result_of)

    def make_display(self) -> Callable[[Step], None]:
        return _Bars().add if AT_TERMINAL else lambda step: display.display(format_step(step))


class _Bars:
    """A bar for each node, drawn over the last picture."""

    def __init__(self) -> None:
        self._last: dict[str, Step] = {}
        self._drawn = 0

    def add(self, step: Step) -> None:
        self._last[step.node] = step
        lines = format_bars(self._last, SIZE.columns - 1, SIZE.lines - 1)
        back = f"\x1b[{self._drawn}F\x1b[J" if self._drawn else ""
        display.display(back + "\n".join(lines), screen_only=True)
        self._drawn = len(lines)
