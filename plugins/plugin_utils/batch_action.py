# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base class of action plugins that run once, on the frontend, for all hosts of a batch.

Ansible would otherwise start a process for each host, which costs 75 ms of CPU, and would connect
to nodes that may be down.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Mapping, Optional, Sequence

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.npaci.rocks.plugins.module_utils import settings
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import node_names
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.event_collector import Work, collect
from ansible_collections.npaci.rocks.plugins.plugin_utils.worker_signals import (
    install_signal_handlers,
    write_to_terminal,
)

MAX_NAMES = 20  # names in the warning

display = Display()


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
    describe_interrupt: Optional[
        Callable[[Mapping[str, Any], Sequence[str], Mapping[str, str]], str]
    ] = None
    """Returns what an interrupted run leaves behind, from options, names and environment."""

    def run(self, tmp: Any = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Run the task for the option ``nodes``, or for the hosts of the batch.

        The batch respects the pattern, ``--limit`` and ``serial``.  Its hosts from other
        inventories are skipped with a warning; an unknown name in ``nodes`` is an error.
        """
        result: dict[str, Any] = super().run(tmp, task_vars)
        install_signal_handlers()
        _validated, options = self.validate_argument_spec(argument_spec=self.argument_spec())
        environment: dict[str, str] = {}
        self._compute_environment_string(environment)
        environment = {**os.environ, **environment}
        try:
            names = options["nodes"] or _nodes_of_batch(options, task_vars or {}, environment)
        except RocksError as error:
            return {**result, "failed": True, "msg": str(error)}
        if not names:
            return {**result, "skipped": True, "msg": "no host of the batch is a node"}
        try:
            outcome = collect(
                self.work,
                self.result_of,
                options,
                names,
                check_mode=self._task.check_mode,
                environment=environment,
                show=self.make_display(),
            )
        except KeyboardInterrupt:
            if self.describe_interrupt and not self._task.check_mode:
                write_to_terminal(self.describe_interrupt(options, names, environment))
            raise
        return {**result, **outcome}


def _nodes_of_batch(
    options: Mapping[str, Any], task_vars: Mapping[str, Any], environment: Mapping[str, str]
) -> list[str]:
    """Return the hosts of the batch that are nodes of the database, and warn of the others.

    If no host of the play is a node, return all hosts, so that ``work`` reports them as unknown.
    """
    batch: list[str] = list(task_vars.get("ansible_play_batch", []))
    with connect(options["database"] or settings.load(environment).database) as database:
        known = node_names(database)
    if known.isdisjoint(task_vars.get("ansible_play_hosts_all", batch)):
        return batch
    foreign = [name for name in batch if name not in known]
    if foreign:
        more = f" and {len(foreign) - MAX_NAMES} more" if len(foreign) > MAX_NAMES else ""
        display.warning(
            f"skipped, because the cluster database does not contain them: "
            f"{', '.join(foreign[:MAX_NAMES])}{more}"
        )
    return [name for name in batch if name in known]
