# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Store the hardware that a node counted during its installation (Slurm's report needs it)."""

from __future__ import annotations

from typing import Any, Mapping

from ..cluster.database import Database
from ..cluster.hardware import Hardware, hardware_fault
from .model import Denied
from .node_messages import count_field, text_field

HARDWARE = "hardware"
DEFAULTS: Mapping[str, int] = {"sockets": 1, "cores": 1, "threads": 1}
TEXTS = ("vendor", "product", "serial")
FIRMWARE = ("bios", "uefi", "")
COLUMNS = (*Hardware._fields, *TEXTS, "firmware", "counted")
MAX_TEXT = 64  # characters


def store_hardware(db: Database, node_id: int, message: Mapping[str, Any], now: str) -> None:
    """Write a node's row in ``hardware``. Raises Denied (400) when the counts are not plausible."""
    counted = {**DEFAULTS, **message}
    hardware = Hardware(**{name: count_field(counted, name) for name in Hardware._fields})
    fault = hardware_fault(hardware)
    if fault:
        raise Denied(400, f"the reported hardware is not plausible: {fault}")
    firmware = text_field(message, "firmware")
    if firmware not in FIRMWARE:
        raise Denied(400, f"firmware is {firmware!r}, and must be bios or uefi")
    texts = (_printable(text_field(message, name))[:MAX_TEXT] for name in TEXTS)
    values = (*hardware, *texts, firmware, now)
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


def _printable(text: str) -> str:
    """Return the text in one line, and without characters that change how a terminal shows it."""
    return "".join(character for character in text if character.isprintable()).strip()
