# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""rocks_verify for all hosts of a pattern at once, on the frontend itself: one process, many connections."""

from __future__ import annotations

import os
from typing import Any, Optional

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.install.drift import Finding
from ansible_collections.npaci.rocks.plugins.module_utils.install.show import printable
from ansible_collections.npaci.rocks.plugins.module_utils.verifying import argument_spec, lines, result_of, verify

display = Display()


class ActionModule(ActionBase):
    """One call for the whole batch of hosts."""

    BYPASS_HOST_LOOP = True
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(argument_spec=argument_spec())
        asked: dict[str, str] = {}
        self._compute_environment_string(asked)
        names = options["nodes"] or list((task_vars or {}).get("ansible_play_batch", []))
        findings: list[Finding] = []
        try:
            for finding in verify(options, names, self._task.check_mode, {**os.environ, **asked}):
                findings.append(finding)
                for line in lines(finding):
                    display.display(printable(line))
        except RocksError as error:
            result.update(result_of(findings), failed=True, msg=str(error))
            return result
        result.update(result_of(findings))
        return result
