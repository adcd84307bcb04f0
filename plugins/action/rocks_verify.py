# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""rocks_verify for all hosts of a pattern at once: one process, many connections; each node's answer is shown as it comes."""

from __future__ import annotations

from typing import Any, Callable

from ansible.utils.display import Display

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
    """One call for the whole batch of hosts."""

    argument_spec = staticmethod(argument_spec)
    work = staticmethod(verify)
    result_of = staticmethod(result_of)

    def make_display(self) -> Callable[[Any], None]:
        return lambda finding: display.display("\n".join(map(printable, format_finding(finding))))
