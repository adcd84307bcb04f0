# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The process of a task ends with the command that it belongs to.

Ansible's worker is the leader of a session of its own: no terminal and no dead parent ends it, and the signal that
Ansible passes on kills it where it stands. A task that waits for machines would outlive a killed command for hours, and
an interrupted one would leave undone what it owes.
"""

from __future__ import annotations

import ctypes
import signal
from typing import Any

PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def end_with_parent() -> None:
    """When Ansible is killed, this process gets SIGTERM."""
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)


def raise_interrupts() -> None:
    """From now on the first SIGINT or SIGTERM, and so the end of Ansible, is a KeyboardInterrupt; further ones are nothing."""
    for number in SIGNALS:
        signal.signal(number, _interrupted)
    end_with_parent()


def _interrupted(_number: int, _frame: Any) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
