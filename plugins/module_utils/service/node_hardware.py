# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Store the hardware that a node counted during its installation (Slurm's report needs it)."""

from __future__ import annotations

from typing import Any, Mapping

from ..cluster.database import Database
from .model import Denied
from .node_messages import count_field, text_field

HARDWARE = "hardware"
COUNTS = ("cpus", "sockets", "cores", "threads", "memory", "disk", "gpus")
TEXTS = ("vendor", "product", "serial")
FIRMWARE = ("bios", "uefi", "")
COLUMNS = (*COUNTS, *TEXTS, "firmware", "counted")
MAX_COUNT = 2**31 - 1  # of an SQL integer
MAX_TEXT = 64  # characters


def store_hardware(db: Database, node_id: int, message: Mapping[str, Any], now: str) -> None:
    """Write a node's row in ``hardware``. Raises Denied (400) when the counts are not plausible."""
    counts = {name: min(count_field(message, name), MAX_COUNT) for name in COUNTS}
    firmware = text_field(message, "firmware")
    if not counts["cpus"] or not counts["memory"] or firmware not in FIRMWARE:
        raise Denied(400, "the message must report cpus, memory, and bios or uefi as firmware")
    texts = (text_field(message, name)[:MAX_TEXT] for name in TEXTS)
    values = (*counts.values(), *texts, firmware, now)
    with db.transaction(exclusive=False):
        assignments = ", ".join(f"{name} = ?" for name in COLUMNS)
        if db.row("select 1 from hardware where node = ?", (node_id,)):
            db.execute(f"update hardware set {assignments} where node = ?", (*values, node_id))
        else:
            placeholders = ", ".join("?" * (len(COLUMNS) + 1))
            db.execute(
                f"insert into hardware (node, {', '.join(COLUMNS)}) values ({placeholders})",
                (node_id, *values),
            )
