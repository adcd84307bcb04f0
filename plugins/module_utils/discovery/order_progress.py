# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far the entered nodes are: whether their firmware was sent to the installer, and whether that asked for its kickstart."""

from __future__ import annotations

from typing import Sequence

from ..cluster.database import Database

AT_ONCE = 500
STATES = (
    "select nodes.name, installs.state from nodes join installs on installs.id ="
    " (select max(latest.id) from installs as latest where latest.node = nodes.id) where nodes.name in ({marks})"
)
# The states of an order (contract C6) that a machine reaches only by asking for its kickstart.
ASKED = ("installing", "installed", "up")


def order_states(database: Database, names: Sequence[str]) -> dict[str, str]:
    """Node -> the state of its latest install order; a node that was never ordered is left out."""
    found: dict[str, str] = {}
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        found.update(database.rows(STATES.format(marks=", ".join("?" * len(some))), some))
    return found
