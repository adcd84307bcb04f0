# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base class of action plugins that run once, on the frontend, for all hosts of a batch.

Ansible would otherwise start a process for each host, which costs 75 ms of CPU, and would connect
to nodes that may be down.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Optional, Sequence

from ansible.plugins.action import ActionBase

from ansible_collections.npaci.rocks.plugins.module_utils.event_collector import Work, collect
from ansible_collections.npaci.rocks.plugins.plugin_utils.worker_signals import (
    install_signal_handlers,
)


class BatchAction(ActionBase):
    """Runs ``work`` for the nodes of the batch.  Subclasses set the four class attributes."""

    BYPASS_HOST_LOOP = True
    _requires_connection = False
    _supports_check_mode = True

    argument_spec: Callable[[], dict[str, Any]]
    work: Work
    result_of: Callable[[Sequence[Any]], dict[str, Any]]
    """Converts the events of ``work`` into the result of the task."""
    make_display: Callable[[], Callable[[Any], None]]
    """Returns a function that prints an event; called once for each run."""

    def run(self, tmp: Any = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Run the task for the option ``nodes``, or for the hosts of the batch.

        The batch respects the pattern, ``--limit`` and ``serial``.
        """
        result: dict[str, Any] = super().run(tmp, task_vars)
        install_signal_handlers()
        _validated, options = self.validate_argument_spec(argument_spec=self.argument_spec())
        environment: dict[str, str] = {}
        self._compute_environment_string(environment)
        names = options["nodes"] or list((task_vars or {}).get("ansible_play_batch", []))
        result.update(
            collect(
                self.work,
                self.result_of,
                options,
                names,
                check_mode=self._task.check_mode,
                environment={**os.environ, **environment},
                show=self.make_display(),
            )
        )
        return result
