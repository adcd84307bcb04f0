# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""End the process of a task when its ansible-playbook or ansible command ends.

Ansible's worker leads its own session: neither a closed terminal nor a dead parent ends it, and
Ansible forwards signals that kill it at once.  Without this module, a task that waits for machines
would run for hours after its command was killed, and an interrupted one could not clean up.
"""

from __future__ import annotations

import ctypes
import signal
from typing import Any

PR_SET_PDEATHSIG = 1  # prctl(2)
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def terminate_with_parent() -> None:
    """Make the kernel send SIGTERM to this process when its parent, Ansible, ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def install_signal_handlers() -> None:
    """Raise KeyboardInterrupt at the first SIGINT or SIGTERM, or when Ansible ends.

    Later signals are ignored.
    """
    for number in SIGNALS:
        signal.signal(number, _raise_keyboard_interrupt)
    terminate_with_parent()


def _raise_keyboard_interrupt(_number: int, _frame: Any) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
