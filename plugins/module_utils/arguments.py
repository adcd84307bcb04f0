# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Argument specs that several modules share; each has its documentation in plugins/doc_fragments."""

from __future__ import annotations

from typing import Any


def database_spec() -> dict[str, Any]:
    """The option ``database`` of every module that reads or changes the cluster database."""
    return {"database": {"type": "str"}}
