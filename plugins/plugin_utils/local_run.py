# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the work of a module in Ansible's own process, where it can print lines while it runs."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase


def can_run_here(action: ActionBase) -> bool:
    """Whether this process runs on the target host, as the target user."""
    becomes = action._connection.become is not None and os.geteuid() != 0
    return bool(action._connection.transport == "local" and not becomes)


def task_environment(action: ActionBase) -> dict[str, str]:
    """Return the environment of the process with the variables of the task."""
    environment: dict[str, Any] = {}
    action._compute_environment_string(environment)
    return {**os.environ, **environment}
