# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hardware that nodes report, and which reports are plausible.

A node's own count must not decide whether the frontend can write a file: Slurm, for example, stores
processors in 16 bits, and rejects its whole configuration for one number beyond that.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional


class Hardware(NamedTuple):
    """The hardware that a node's first installation reported."""

    cpus: int
    """Hardware threads."""
    sockets: int
    cores: int
    """Per socket."""
    threads: int
    """Per core."""
    memory: int
    """MiB."""
    gpus: int = 0
    disk: int = 0
    """MiB."""


# Several times the largest machines that are sold.
LIMITS: Mapping[str, range] = {
    "cpus": range(1, 16_385),
    "sockets": range(1, 1025),
    "cores": range(1, 16_385),
    "threads": range(1, 1025),
    "memory": range(1, (1 << 30) + 1),  # 1 PiB
    "gpus": range(1025),
    "disk": range((1 << 40) + 1),  # 1 EiB
}


def hardware_fault(hardware: Hardware) -> Optional[str]:
    """Return why this cannot be the hardware of one machine, or None."""
    for name, limit in LIMITS.items():
        value = getattr(hardware, name)
        if value not in limit:
            return f"{name} is {value}, and must be {limit.start} to {limit.stop - 1}"
    product = hardware.sockets * hardware.cores * hardware.threads
    if product > hardware.cpus:
        return (
            f"sockets × cores × threads is {product} ({hardware.sockets} × {hardware.cores} ×"
            f" {hardware.threads}), and cpus is {hardware.cpus}"
        )
    return None
