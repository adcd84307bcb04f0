# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The documentation of a role shows the defaults that the role has."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from support.ansible import ROOT

ROLES = ("frontend", "distribution")


def read(role: str, path: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "roles" / role / path).read_text())
    return content


@pytest.mark.parametrize("role", ROLES)
def test_every_option_shows_its_default(role: str) -> None:
    options = read(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = read(role, "defaults/main.yml")
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
