# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The person who runs a command, for orders and the audit."""

from __future__ import annotations

import getpass
import os


def acting_user() -> str:
    """Return the login name; under sudo that of the person, because all of them are root then.

    Only root is believed, because any user can set SUDO_USER.
    """
    user = getpass.getuser()
    return os.environ.get("SUDO_USER") or user if os.geteuid() == 0 else user
