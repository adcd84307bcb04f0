# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The schema for editors accepts what the reader accepts."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import jsonschema
import pytest
import yaml

from ansible_collections.npaci.rocks.plugins.module_utils.rolls.json_schema import roll_schema
from support.ansible import ROOT

PATH = ROOT / "xml" / "schema" / "roll.json"
ROLLS = ROOT / "rolls"
DESCRIPTIONS = sorted(ROLLS.glob("*/roll.yml"))


def test_the_file_is_the_schema_of_the_tables(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--renew"):
        PATH.write_text(roll_schema())
    assert PATH.read_text() == roll_schema()


def faults(content: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(json.loads(roll_schema()))
    return [error.message for error in validator.iter_errors(content)]


@pytest.mark.parametrize("path", DESCRIPTIONS, ids=lambda path: path.parent.name)
def test_every_shipped_roll_is_valid(path: pathlib.Path) -> None:
    assert not faults(yaml.load(path.read_text(), yaml.BaseLoader) | _booleans(path))


def _booleans(path: pathlib.Path) -> dict[str, Any]:
    """Return the sources with their booleans, which BaseLoader reads as text."""
    content = yaml.safe_load(path.read_text())
    return {"sources": content["sources"]} if "sources" in content else {}


@pytest.mark.parametrize(
    "change",
    [{"vresion": "1"}, {"releases": ["el9"]}, {"name": "A b"}, {"keys": {}}, {"version": None}],
)
def test_faults_are_found(change: dict[str, Any]) -> None:
    content = yaml.load((ROLLS / "slurm" / "roll.yml").read_text(), yaml.BaseLoader)
    assert not faults(content)
    assert faults({**content, **change})
