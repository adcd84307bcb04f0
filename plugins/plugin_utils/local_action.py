# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base class of actions that do a module's work in Ansible's own process on the frontend.

There they can print lines while they run.  For another host or user they run the module, which
prints nothing until it ends.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Mapping, Optional

from ansible.plugins.action import ActionBase

from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.plugin_utils.worker_signals import (
    install_signal_handlers,
    terminate_with_parent,
)


class LocalAction(ActionBase):
    """Runs ``work`` in this process, or else the module.  Subclasses set ``argument_spec``."""

    _supports_check_mode = True

    argument_spec: Callable[[], dict[str, Any]]

    def work(self, params: Mapping[str, Any], result: dict[str, Any]) -> None:
        """Do the work, and add to the result of the task, also before an error is raised."""
        raise NotImplementedError

    def run(self, tmp: Any = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Return the result of ``work``, or of the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        if not self._can_run_here():
            terminate_with_parent()
            result.update(self._execute_module(task_vars=task_vars))
            return result
        install_signal_handlers()
        _validated, params = self.validate_argument_spec(argument_spec=self.argument_spec())
        try:
            self.work(params, result)
        except RocksError as error:
            result.update(failed=True, msg=str(error))
        if not self._task.diff:
            result.pop("diff", None)
        return result

    def task_environment(self) -> dict[str, str]:
        """Return the environment of this process with the variables of the task."""
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        return {**os.environ, **environment}

    def _can_run_here(self) -> bool:
        """Whether this process runs on the target host, as the target user."""
        becomes = self._connection.become is not None and os.geteuid() != 0
        return bool(self._connection.transport == "local" and not becomes)
