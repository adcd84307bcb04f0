# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The attributes that all modules of the collection share."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    support: full
    description: Reports what would change, and changes nothing.
  diff_mode:
    support: full
    description: Returns the state before and after the change in diff mode.
  platform:
    support: full
    platforms: posix
    description: The frontend of the cluster; no module runs on a compute node.
  idempotent:
    support: full
    description: A second run changes nothing.
options: {}
"""

    # For modules that only read.
    INFO = r"""
attributes:
  check_mode:
    support: full
    description: Changes nothing, with or without check mode.
  diff_mode:
    support: N/A
    description: Changes nothing.
  platform:
    support: full
    platforms: posix
    description: The frontend of the cluster; no module runs on a compute node.
  idempotent:
    support: full
    description: Only reads.
options: {}
"""
