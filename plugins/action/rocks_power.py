# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run rocks_power once for all hosts of a pattern, and show each result as it arrives."""

from __future__ import annotations

from typing import Callable

from ansible.utils.display import Display

from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout.display import printable
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.power import (
    PowerStep,
    argument_spec,
    format_power_step,
    power,
    result_of,
)
from ansible_collections.npaci.rocks.plugins.plugin_utils.batch_action import BatchAction

display = Display()


class ActionModule(BatchAction):
    """Controls the power of the whole batch of hosts in one call."""

    argument_spec = staticmethod(argument_spec)
    work = staticmethod(power)
    result_of = staticmethod(result_of)

    def make_display(self) -> Callable[[PowerStep], None]:
        return lambda step: display.display(printable(format_power_step(step)))
