# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run rocks_maintenance once for all hosts of a pattern."""

from __future__ import annotations

from typing import Callable

from ansible.utils.display import Display

from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout.display import printable
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.node_maintenance import (
    MaintenanceStep,
    argument_spec,
    format_maintenance_step,
    maintain,
    result_of,
)
from ansible_collections.npaci.rocks.plugins.plugin_utils.batch_action import BatchAction

display = Display()


class ActionModule(BatchAction):
    """Changes the whole batch of hosts in one call."""

    argument_spec = staticmethod(argument_spec)
    work = staticmethod(maintain)
    result_of = staticmethod(result_of)

    def make_display(self) -> Callable[[MaintenanceStep], None]:
        return lambda step: display.display(printable(format_maintenance_step(step)))
