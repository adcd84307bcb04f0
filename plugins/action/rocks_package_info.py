# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run rocks_package_info once for all hosts of a pattern, and show each result as it arrives."""

from __future__ import annotations

from typing import Callable

from ansible.utils.display import Display

from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout.display import printable
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.package_versions import (
    VersionFinding,
    argument_spec,
    find_versions,
    format_version_finding,
    result_of,
)
from ansible_collections.npaci.rocks.plugins.plugin_utils.batch_action import BatchAction

display = Display()


class ActionModule(BatchAction):
    """Queries the whole batch of hosts in one call."""

    argument_spec = staticmethod(argument_spec)
    work = staticmethod(find_versions)
    result_of = staticmethod(result_of)

    def make_display(self) -> Callable[[VersionFinding], None]:
        return lambda finding: display.display(printable(format_version_finding(finding)))
