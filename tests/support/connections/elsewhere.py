# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A connection to this machine that is not called local.

Modules are packed and transferred as to any other machine.
"""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: elsewhere
short_description: this machine, as if it were another one
description: For tests.
author: the npaci.rocks contributors (@npaci)
options: {}
"""


class Connection(Local):
    """The local connection under another name."""

    transport = "elsewhere"
