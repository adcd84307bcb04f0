# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node counted of its own hardware during its installation, for the reports that need it (Slurm's nodes)."""

from __future__ import annotations

from typing import Any, Mapping

from ..cluster.database import Database
from .model import Denied
from .node_messages import number_of, text_of

HARDWARE = "hardware"
COUNTS = ("cpus", "sockets", "cores", "threads", "memory", "disk", "gpus")
TEXTS = ("vendor", "product", "serial")
FIRMWARE = ("bios", "uefi", "")
COLUMNS = (*COUNTS, *TEXTS, "firmware", "counted")


def store(db: Database, node_id: int, message: Mapping[str, Any], now: str) -> None:
    """Put the counts into the node's row.  Raises Denied (400) when they are no machine's."""
    counts = [min(number_of(message, name), 2**31 - 1) for name in COUNTS]
    firmware = text_of(message, "firmware")
    if not counts[0] or not counts[4] or firmware not in FIRMWARE:
        raise Denied(400, "a machine has a processor, memory, and BIOS or UEFI")
    values = (*counts, *(text_of(message, name)[:64] for name in TEXTS), firmware, now)
    with db.transaction(exclusive=False):
        assigned = ", ".join(f"{name} = ?" for name in COLUMNS)
        if db.row("select 1 from hardware where node = ?", (node_id,)):
            db.execute(f"update hardware set {assigned} where node = ?", (*values, node_id))
        else:
            marks = ", ".join("?" * (len(COLUMNS) + 1))
            db.execute(
                f"insert into hardware (node, {', '.join(COLUMNS)}) values ({marks})",
                (node_id, *values),
            )
