# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Argument specs that several modules share; plugins/doc_fragments documents each of them."""

from __future__ import annotations

from typing import Any


def database_spec() -> dict[str, Any]:
    """Return the option ``database`` of modules that read or change the cluster database."""
    return {"database": {"type": "str"}}


def profile_spec() -> dict[str, Any]:
    """Return the options of the fragment ``profile``: which profile a module works with."""
    return {
        "node": {"type": "str"},
        "root": {"type": "str"},
        "attributes": {"type": "dict", "default": {}},
        "path": {"type": "list", "elements": "path"},
        "distribution": {"type": "str"},
        "generation": {"type": "str"},
        "graph": {"type": "str", "default": "default"},
        "release": {
            "type": "str",
            "choices": ["rhel7", "rhel8", "rhel9", "rhel10", "f44", "f45", "fedora"],
        },
        "eval_user": {"type": "str", "default": "nobody"},
        "eval_timeout": {"type": "float", "default": 30},
    }


def distribution_spec() -> dict[str, Any]:
    """Return the options of the fragment ``distribution``: its name and the root of all
    distributions.
    """
    return {
        "name": {"type": "str", "required": True},
        "arch": {"type": "str", "default": "x86_64"},
        "path": {"type": "path"},
    }


def source_spec() -> dict[str, Any]:
    """Return the suboptions of a source of a distribution."""
    return {
        "name": {"type": "str", "required": True},
        "type": {"type": "str", "choices": ["mirror", "parent", "directory"], "default": "mirror"},
        "url": {"type": "str", "default": ""},
        "path": {"type": "path", "default": ""},
        "priority": {"type": "int"},
        "wins": {"type": "list", "elements": "str", "default": []},
        "include": {"type": "list", "elements": "str", "default": []},
        "exclude": {"type": "list", "elements": "str", "default": []},
        "gpg_keys": {"type": "list", "elements": "path", "default": [], "no_log": False},
        "gpgcheck": {"type": "bool"},
        "repo_gpgcheck": {"type": "bool", "default": False},
        "trust_installer": {"type": "bool", "default": False},
        "installer_checksums": {"type": "path", "default": ""},
        "installer_iso": {"type": "path", "default": ""},
        "skip_metadata": {
            "type": "list",
            "elements": "str",
            "choices": ["advisories", "groups", "modules"],
            "default": [],
        },
        "fetch": {"type": "str", "choices": ["needed", "everything"], "default": "needed"},
        "ca": {"type": "path", "default": ""},
        "certificate": {"type": "path", "default": ""},
        "key": {"type": "path", "default": "", "no_log": False},
        "proxy": {"type": "str", "default": ""},
    }
