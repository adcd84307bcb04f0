# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""rocks_report with a line while a daemon is slow, when Ansible runs on the frontend.

For another host or user, it runs the module, which prints nothing until it ends.
"""

from __future__ import annotations

from typing import Any, Optional

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.site_reports import (
    argument_spec,
    write_site_reports,
)
from ansible_collections.npaci.rocks.plugins.plugin_utils.local_run import (
    can_run_here,
    task_environment,
)
from ansible_collections.npaci.rocks.plugins.plugin_utils.worker_signals import (
    install_signal_handlers,
    terminate_with_parent,
)

display = Display()


class ActionModule(ActionBase):
    """Writes the reports in this process, or else runs the module."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Return the result of the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        if not can_run_here(self):
            terminate_with_parent()
            result.update(self._execute_module(task_vars=task_vars))
            return result
        install_signal_handlers()
        _validated, params = self.validate_argument_spec(argument_spec=argument_spec())
        try:
            result.update(
                write_site_reports(
                    params,
                    dry_run=self._task.check_mode,
                    environment=task_environment(self),
                    notify=display.display,
                )
            )
        except RocksError as error:
            result.update(failed=True, msg=str(error))
        if not self._task.diff:
            result.pop("diff", None)
        return result
