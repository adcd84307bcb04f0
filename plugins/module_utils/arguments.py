# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Argument specs that several modules share; each has its documentation in plugins/doc_fragments."""

from __future__ import annotations

from typing import Any


def database_spec() -> dict[str, Any]:
    """The option ``database`` of every module that reads or changes the cluster database."""
    return {"database": {"type": "str"}}


def profile_spec() -> dict[str, Any]:
    """The options of the fragment ``profile``: which profile a module is asked about."""
    return {
        "node": {"type": "str"},
        "root": {"type": "str"},
        "attributes": {"type": "dict", "default": {}},
        "path": {"type": "list", "elements": "path"},
        "distribution": {"type": "str"},
        "generation": {"type": "str"},
        "graph": {"type": "str", "default": "default"},
        "release": {"type": "str", "choices": ["rhel7", "rhel8", "rhel9", "rhel10", "f44", "f45", "fedora"]},
        "eval_user": {"type": "str", "default": "nobody"},
        "eval_timeout": {"type": "float", "default": 30},
    }
