# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When a machine that cannot be served now is asked to come back: each at its own moment, so that a herd spreads out.

The installer's curl tries three times more and waits as ``Retry-After`` says (curl(1), since 7.66; an older one waits
1, 2 and 4 seconds). The moments are far enough apart that three of them outlast a restart of the database.
"""

from __future__ import annotations

import zlib

SOONEST, SPREAD = 10, 50


def retry_after(address: str) -> int:
    """Seconds, the same for one machine each time: it needs no memory, and neighbours differ."""
    return SOONEST + zlib.crc32(address.encode()) % SPREAD
