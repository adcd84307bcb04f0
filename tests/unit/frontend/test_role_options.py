# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The documentation of a role shows the defaults that the role has."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest
import yaml

from support.ansible import ROOT

ROLES = ("frontend", "distribution")


def read(role: str, path: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "roles" / role / path).read_text())
    return content


def remembered(name: str, default: Any) -> Any:
    """Return the default where the last run set nothing, of a variable that it can set."""
    saved = rf"{{{{ __\w+_saved\.{name} \| default\((.*)\) }}}}"
    match = re.fullmatch(saved, str(default))
    if match is None or match[1].startswith("__"):
        return default
    booleans = {"true": True, "false": False}
    return booleans[match[1]] if match[1] in booleans else ast.literal_eval(match[1])


@pytest.mark.parametrize("role", ROLES)
def test_every_option_shows_its_default(role: str) -> None:
    options = read(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = read(role, "defaults/main.yml")
    defaults = {name: remembered(name, default) for name, default in defaults.items()}
    assert len(options) > 20
    for name, option in options.items():
        computed = name not in defaults or "{{" in json.dumps(defaults[name])
        if option.get("required"):
            assert "default" not in option, name
        elif computed:
            assert "default" not in option, name
            assert "The default is" in json.dumps(option["description"]), name
        else:
            assert option["default"] == defaults[name], name
