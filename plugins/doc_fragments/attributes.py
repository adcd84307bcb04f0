# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What holds for all modules of the collection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    support: full
    description: Says what would change, and changes nothing.
  diff_mode:
    support: full
    description: Returns what was and what is, when in diff mode.
  platform:
    support: full
    platforms: posix
    description: The frontend of the cluster; no module runs on a compute node.
  idempotent:
    support: full
    description: Running it twice changes nothing the second time.
options: {}
"""

    # For the modules that only read.
    INFO = r"""
attributes:
  check_mode:
    support: full
    description: Changes nothing, in check mode or out of it.
  diff_mode:
    support: N/A
    description: There is no difference to show.
  platform:
    support: full
    platforms: posix
    description: The frontend of the cluster; no module runs on a compute node.
  idempotent:
    support: full
    description: Only reads.
options: {}
"""
