# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run rocks_verify once for all hosts of a pattern, and show each result as it arrives.

One process opens many connections.
"""

from __future__ import annotations

from typing import Callable

from ansible.utils.display import Display

from ansible_collections.npaci.rocks.plugins.module_utils.install.drift import Finding
from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout.display import printable
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.verify import (
    argument_spec,
    format_finding,
    result_of,
    verify,
)
from ansible_collections.npaci.rocks.plugins.plugin_utils.batch_action import BatchAction

display = Display()


class ActionModule(BatchAction):
    """Verifies the whole batch of hosts in one call."""

    argument_spec = staticmethod(argument_spec)
    work = staticmethod(verify)
    result_of = staticmethod(result_of)

    def make_display(self) -> Callable[[Finding], None]:
        return lambda finding: display.display("\n".join(map(printable, format_finding(finding))))
