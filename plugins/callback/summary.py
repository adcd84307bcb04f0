# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Output of ad-hoc commands for people: a summary of a module's result instead of its JSON."""

from __future__ import annotations

DOCUMENTATION = r"""
name: summary
short_description: Summarize the results of rocks modules in ad-hoc commands
type: stdout
version_added: 0.1.0
author: npaci.rocks contributors (@npaci-rocks)
description:
  - Prints the results of C(ansible HOST -m rocks_…) as a few lines that a person can read.
  - With C(-v), for modules without a summary and for modules of other collections, the output is
    that of P(ansible.builtin.minimal#callback). Playbooks have the output of
    P(ansible.builtin.default#callback).
  - A failure is printed as its message. With C(-v) it is printed as JSON.
requirements:
  - C(bin_ansible_callbacks) enabled, and C(stdout_callback) set to this plugin, both in
    C(ansible.cfg). The role P(npaci.rocks.frontend#role) does both on a frontend.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""

from typing import Any

from ansible import constants as C
from ansible.plugins.callback.default import CallbackModule as DefaultCallback
from ansible.plugins.loader import callback_loader

from ansible_collections.npaci.rocks.plugins.plugin_utils.summaries import summarize

BATCH_MODULES = (
    "rocks_maintenance",
    "rocks_package_info",
    "rocks_power",
    "rocks_reinstall",
    "rocks_verify",
)
"""One result is for all hosts of the pattern."""
AD_HOC = "__adhoc_playbook__"
"""The file name that the ``ansible`` command gives its playbook of one task."""


class CallbackModule(DefaultCallback):
    """The default output for playbooks; summaries for ad-hoc commands."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "npaci.rocks.summary"

    def __init__(self) -> None:
        super().__init__()
        self._ad_hoc = False
        self._minimal: Any = None

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._ad_hoc = getattr(playbook, "_file_name", "") == AD_HOC
        if self._ad_hoc:
            self._minimal = callback_loader.get("minimal")
            self._minimal.set_options()
        else:
            super().v2_playbook_on_start(playbook)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        if not self._ad_hoc:
            super().v2_playbook_on_play_start(play)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        if not self._ad_hoc:
            super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if not self._ad_hoc:
            super().v2_playbook_on_stats(stats)

    def v2_on_file_diff(self, result: Any) -> None:
        if self._ad_hoc:
            self._minimal.v2_on_file_diff(result)
        else:
            super().v2_on_file_diff(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        if self._ad_hoc:
            self._minimal.v2_runner_on_skipped(result)
        else:
            super().v2_runner_on_skipped(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        if self._ad_hoc:
            self._minimal.v2_runner_on_unreachable(result)
        else:
            super().v2_runner_on_unreachable(result)

    def v2_runner_on_ok(self, result: Any) -> None:
        if not self._ad_hoc:
            super().v2_runner_on_ok(result)
            return
        lines = None if self._is_verbose() else summarize(_action(result), _values(result))
        if lines is None:
            self._minimal.v2_runner_on_ok(result)
            return
        self._handle_warnings(_values(result))
        color = C.COLOR_CHANGED if _values(result).get("changed") else C.COLOR_OK
        for line in lines:
            self._display.display(line, color=color)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        if not self._ad_hoc:
            super().v2_runner_on_failed(result, ignore_errors)
            return
        message = _values(result).get("msg")
        if self._is_verbose() or not message or not _is_ours(_action(result)):
            self._minimal.v2_runner_on_failed(result, ignore_errors)
            return
        self._handle_warnings(_values(result))
        for line in f"{_subject(result)} | FAILED! => {message}".splitlines():
            self._display.display(line, color=C.COLOR_ERROR)

    def _is_verbose(self) -> bool:
        return bool(self._display.verbosity)


def _is_ours(action: str) -> bool:
    return action.rpartition(".")[2].startswith("rocks_")


# ansible-core before 2.19 has no public attributes of a task's result.
def _values(result: Any) -> dict[str, Any]:
    values: dict[str, Any] = result.result if hasattr(result, "result") else result._result
    return values


def _action(result: Any) -> str:
    return str((result.task if hasattr(result, "task") else result._task).action)


def _subject(result: Any) -> str:
    """Return the host that a result belongs to, or the module if it is that of many hosts.

    Ansible attributes the result of a batch to its first host, whatever node has failed.
    """
    module = _action(result).rpartition(".")[2]
    if module in BATCH_MODULES:
        return module
    return str((result.host if hasattr(result, "host") else result._host).get_name())
