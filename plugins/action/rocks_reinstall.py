# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""rocks_reinstall for all hosts of a pattern at once, on the frontend itself: one process, one look at the database.

A process per host costs 75 ms of CPU each, and a node that is to be reinstalled need not answer at all.  At a terminal
bars show how far the nodes are; elsewhere each step is a line.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any, Optional

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.install.drive import Step
from ansible_collections.npaci.rocks.plugins.module_utils.install.show import bars, line
from ansible_collections.npaci.rocks.plugins.module_utils.reinstalling import argument_spec, reinstall, result_of

# Ansible loads this file before it starts the process that runs the task, and that process has no terminal any more.
AT_TERMINAL = sys.stdout.isatty()
SIZE = shutil.get_terminal_size()

display = Display()


class ActionModule(ActionBase):
    """One call for the whole batch of hosts."""

    BYPASS_HOST_LOOP = True
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(argument_spec=argument_spec())
        asked: dict[str, str] = {}
        self._compute_environment_string(asked)
        # The batch respects pattern, --limit and serial.
        names = options["nodes"] or list((task_vars or {}).get("ansible_play_batch", []))
        steps: list[Step] = []
        try:
            show = _Bars() if AT_TERMINAL else _Lines()
            for step in reinstall(options, names, self._task.check_mode, {**os.environ, **asked}):
                steps.append(step)
                show.add(step)
        except RocksError as error:
            result.update(result_of(steps), failed=True, msg=str(error))
            return result
        result.update(result_of(steps))
        return result


class _Lines:
    """Each step as a line."""

    def add(self, step: Step) -> None:
        display.display(line(step))


class _Bars:
    """A bar for each node, drawn over the last picture."""

    def __init__(self) -> None:
        self._last: dict[str, Step] = {}
        self._drawn = 0

    def add(self, step: Step) -> None:
        self._last[step.node] = step
        lines = bars(self._last, SIZE.columns - 1, SIZE.lines - 1)
        back = f"\x1b[{self._drawn}F\x1b[J" if self._drawn else ""
        display.display(back + "\n".join(lines), screen_only=True)
        self._drawn = len(lines)
