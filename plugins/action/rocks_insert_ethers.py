# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""rocks_insert_ethers on the frontend itself: what happens is shown while it happens.

At a terminal a table grows, and q or Ctrl-C ends it; elsewhere each event is a line.  On another machine, or as another
user, the module does the same silently.
"""

from __future__ import annotations

import os
import queue
import shutil
import sys
import threading
from typing import Any, Iterator, Mapping, Optional, Union

from ansible import constants as C
from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_display import (
    Table,
    line,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_options import (
    request_from,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_result import Summary
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import Event
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.modules.rocks_insert_ethers import (
    argument_spec,
    insert_ethers,
)
from ansible_collections.npaci.rocks.plugins.plugin_utils.worker_signals import (
    end_with_parent,
    raise_interrupts,
)

# Ansible loads this file before it starts the process that runs the task, and that process has no terminal any more.
AT_TERMINAL = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
SIZE = shutil.get_terminal_size()
# The prompt that reads the keys writes its text into Ansible's log file too, where a table is of no use.
SHOWS_TABLE = AT_TERMINAL and not C.DEFAULT_LOG_PATH
KEYS_TO_STOP = (b"q", b"\x03", b"\x04")
REDRAW_SECONDS = 1
HINT = "press q or Ctrl-C to end"

display = Display()


class ActionModule(ActionBase):
    """One run for the whole batch of hosts: there is one database."""

    BYPASS_HOST_LOOP = True
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        if not self._is_here():
            end_with_parent()
            result.update(self._execute_module(task_vars=task_vars))
            return result
        raise_interrupts()
        _validated, options = self.validate_argument_spec(argument_spec=argument_spec())
        summary = Summary()
        try:
            result.update(self._watched(options, summary))
        except RocksError as error:
            result.update(summary.result(), failed=True, msg=str(error))
        if not self._task.diff:
            result.pop("diff", None)
        return result

    def _is_here(self) -> bool:
        """Whether this process may do it itself."""
        becomes = self._connection.become is not None and os.geteuid() != 0
        return self._connection.transport == "local" and not becomes

    def _watched(self, options: Mapping[str, Any], summary: Summary) -> dict[str, Any]:
        asked: dict[str, str] = {}
        self._compute_environment_string(asked)
        stop = threading.Event()
        events = insert_ethers(
            options, self._task.check_mode, stop=stop.is_set, environment={**os.environ, **asked}
        )
        try:
            if not SHOWS_TABLE:
                raise AnsiblePromptNoninteractive("nobody is there")
            title = f"insert-ethers: {options['membership']}, rack {options['rack']}; {HINT}"
            _in_table(_Background(events), Table(title), summary, stop)
        except AnsiblePromptNoninteractive:
            request_from(options).must_end(self._task.check_mode)
            for event in events:
                summary.add(event)
                display.display(line(event))
        return summary.result()


class _Background:
    """Runs the loop in a thread of its own: it must not wait for the terminal."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._told: queue.Queue[Union[Event, BaseException, None]] = queue.Queue()
        threading.Thread(target=self._run, args=(events,), daemon=True).start()

    def _run(self, events: Iterator[Event]) -> None:
        try:
            for event in events:
                self._told.put(event)
            self._told.put(None)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is read
            self._told.put(error)

    def news(self) -> Iterator[Optional[Event]]:
        """What has happened since the last call; None when it is over.  Raises what ended it."""
        while True:
            try:
                told = self._told.get_nowait()
            except queue.Empty:
                return
            if isinstance(told, BaseException):
                raise told
            yield told


def _in_table(
    background: _Background, table: Table, summary: Summary, stop: threading.Event
) -> None:
    """Draw the table anew each second until it is over."""
    drawn, over = 0, False
    while not over:
        for event in background.news():
            over = over or event is None
            if event is not None:
                summary.add(event)
                table.add(event)
        lines = table.lines(SIZE.columns - 1, SIZE.lines - 1)
        text = (f"\x1b[{drawn}F\x1b[J" if drawn else "") + "\n".join(lines)
        drawn = len(lines)
        if over:
            display.display(text, screen_only=True)
            return
        try:
            display.prompt_until(
                text,
                private=True,
                seconds=REDRAW_SECONDS,
                interrupt_input=KEYS_TO_STOP,
                complete_input=(),
            )
        except AnsiblePromptInterrupt:
            stop.set()
