# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""End the process of a task when its ansible-playbook or ansible command ends.

Ansible's worker leads its own session: neither a closed terminal nor a dead parent ends it, and
Ansible forwards signals that kill it at once.  Without this module, a task that waits for machines
would run for hours after its command was killed, and an interrupted one could not clean up.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from typing import Any

PR_SET_PDEATHSIG = 1  # prctl(2)
SIGNALS = (signal.SIGINT, signal.SIGTERM)
STDERR = 2


def _duplicate_standard_error() -> int:
    """Keep Ansible's standard error, which its workers replace by /dev/null; -1 if it is closed.

    Ansible loads the file of an action before it forks the worker that runs it.
    """
    try:
        return os.dup(STDERR)
    except OSError:
        return -1


TERMINAL = _duplicate_standard_error()


def write_to_terminal(text: str) -> None:
    """Write a text to Ansible's standard error.

    An interrupted Ansible does not read the messages of its workers any more.
    """
    with contextlib.suppress(OSError):  # the terminal is gone
        os.write(TERMINAL, f"{text}\n".encode("utf-8", "replace"))


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
