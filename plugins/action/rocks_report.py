# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""rocks_report with a line while a daemon is slow, when Ansible runs on the frontend."""

from __future__ import annotations

from typing import Any, Mapping

from ansible.utils.display import Display

from ansible_collections.npaci.rocks.plugins.module_utils.workflows.site_reports import (
    argument_spec,
    write_site_reports,
)
from ansible_collections.npaci.rocks.plugins.plugin_utils.local_action import LocalAction

display = Display()


class ActionModule(LocalAction):
    """Writes the reports in this process, or else runs the module."""

    argument_spec = staticmethod(argument_spec)

    def work(self, params: Mapping[str, Any], result: dict[str, Any]) -> None:
        """Write the reports, and show which daemon is slow."""
        result.update(
            write_site_reports(
                params,
                dry_run=self._task.check_mode,
                environment=self.task_environment(),
                notify=display.display,
            )
        )
