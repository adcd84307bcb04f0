# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""rocks_insert_ethers with output while it runs, when Ansible runs on the frontend.

At a terminal it shows a table until q or Ctrl-C is pressed; otherwise it prints a line for each
event.  For another host or user, it runs the module, which prints nothing.
"""

from __future__ import annotations

import queue
import shutil
import sys
import threading
from typing import Any, Iterator, Mapping, Optional, Union

from ansible import constants as C
from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.utils.display import Display

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_display import (
    StatusTable,
    event_line,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_options import (
    options_from_params,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_result import RunResult
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    Event,
    EventKind,
)
from ansible_collections.npaci.rocks.plugins.module_utils.slow_steps import Notify
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.insert_ethers import (
    argument_spec,
    disk_notice,
    insert_ethers,
)
from ansible_collections.npaci.rocks.plugins.plugin_utils.local_action import LocalAction

# Read when Ansible loads this file: the worker process that runs the task has no terminal.
AT_TERMINAL = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
SIZE = shutil.get_terminal_size()
# Display.prompt_until also writes its text to Ansible's log file, where a table is of no use.
SHOWS_TABLE = AT_TERMINAL and not C.DEFAULT_LOG_PATH
STOP_KEYS = (b"q", b"\x03", b"\x04")
REDRAW_SECONDS = 1
KEY_HINT = "press q or Ctrl-C to end"

display = Display()


class ActionModule(LocalAction):
    """One run for all hosts of the batch, because there is one database."""

    BYPASS_HOST_LOOP = True

    argument_spec = staticmethod(argument_spec)

    def work(self, params: Mapping[str, Any], result: dict[str, Any]) -> None:
        """Run insert-ethers; the result contains what happened before an error, too."""
        run_result = RunResult()
        try:
            self._insert_ethers(params, run_result)
        finally:
            result.update(run_result.to_data())

    def _insert_ethers(self, params: Mapping[str, Any], run_result: RunResult) -> None:
        """Run insert-ethers, and show and record its events."""
        stop = threading.Event()
        show: list[Notify] = [display.display]

        def show_line(line: str) -> None:
            show[-1](line)

        events = insert_ethers(
            params,
            dry_run=self._task.check_mode,
            stop=stop.is_set,
            environment=self.task_environment(),
            notify=show_line,
        )
        if disk_notice(params):
            display.display(f"disks: {disk_notice(params)}")
        try:
            if not SHOWS_TABLE:
                raise AnsiblePromptNoninteractive("not at a terminal")
            title = f"insert-ethers: {params['membership']}, rack {params['rack']}; {KEY_HINT}"
            thread = _EventThread(events)
            show.append(thread.add_line)
            _show_table(thread, StatusTable(title), run_result, stop)
        except AnsiblePromptNoninteractive:
            options_from_params(params).require_stop_condition(self._task.check_mode)
            for event in events:
                run_result.add(event)
                display.display(event_line(event))


class _EventThread:
    """Runs insert-ethers in a thread, because the prompt for a key blocks this one."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._queue: queue.Queue[Union[Event, BaseException, None]] = queue.Queue()
        threading.Thread(target=self._run, args=(events,), daemon=True).start()

    def _run(self, events: Iterator[Event]) -> None:
        try:
            for event in events:
                self._queue.put(event)
            self._queue.put(None)
        except BaseException as error:  # noqa: BLE001 - new_events raises it
            self._queue.put(error)

    def add_line(self, line: str) -> None:
        """Add a line about a step that takes long."""
        self._queue.put(Event(EventKind.WAITING, text=line))

    def new_events(self) -> Iterator[Optional[Event]]:
        """Yield the events since the last call, and None at the end.  Raises the thread's error."""
        while True:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return
            if isinstance(item, BaseException):
                raise item
            yield item


def _show_table(
    thread: _EventThread, table: StatusTable, run_result: RunResult, stop: threading.Event
) -> None:
    """Redraw the table each second until the run has ended."""
    drawn_lines = 0
    ended = False
    while not ended:
        for event in thread.new_events():
            if event is None:
                ended = True
            else:
                run_result.add(event)
                table.add(event)
        lines = table.lines(SIZE.columns - 1, SIZE.lines - 1)
        text = (f"\x1b[{drawn_lines}F\x1b[J" if drawn_lines else "") + "\n".join(lines)
        drawn_lines = len(lines)
        if ended:
            display.display(text, screen_only=True)
            return
        try:
            display.prompt_until(
                text,
                private=True,
                seconds=REDRAW_SECONDS,
                interrupt_input=STOP_KEYS,
                complete_input=(),
            )
        except AnsiblePromptInterrupt:
            stop.set()
