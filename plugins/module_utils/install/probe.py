# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Probe whether machines answer: a TCP connection to their ssh port, many at once.

A machine that refuses the connection answers as well.
"""

from __future__ import annotations

import asyncio
from typing import Iterable

PORT = 22
TIMEOUT_SECONDS = 2.0
AT_ONCE = 256
"""Connections at the same time: fewer than the neighbours that a kernel remembers."""


def probe(addresses: Iterable[str], port: int = PORT, timeout: float = TIMEOUT_SECONDS) -> set[str]:
    """Return the addresses that answer.  Takes at most ``timeout`` for each 256 addresses."""
    return asyncio.run(_probe_all(list(addresses), port, timeout))


async def _probe_all(addresses: list[str], port: int, timeout: float) -> set[str]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def answers(address: str) -> bool:
        async with limit:
            return await _answers(address, port, timeout)

    results = await asyncio.gather(*map(answers, addresses))
    return {address for address, answered in zip(addresses, results) if answered}


async def _answers(address: str, port: int, timeout: float) -> bool:
    try:
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), timeout)
    except ConnectionRefusedError:
        return True
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    return True
