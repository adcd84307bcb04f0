# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When a machine should retry after a 503: each at a different time, to spread the load.

The installer's curl retries three times and waits as ``Retry-After`` says (curl(1), since 7.66;
older releases wait 1, 2 and 4 seconds). Three waits of MIN_SECONDS outlast a database restart.
"""

from __future__ import annotations

import zlib

MIN_SECONDS = 10
SPREAD_SECONDS = 50


def retry_after(address: str) -> int:
    """Return seconds, always the same for one address and different for its neighbours."""
    return MIN_SECONDS + zlib.crc32(address.encode()) % SPREAD_SECONDS
