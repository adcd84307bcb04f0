"""docs/rolls.md: its tables are those of the code, and the roll that it describes works."""

from __future__ import annotations

import pathlib
import re
from typing import Iterator, Mapping

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.rolls.fields import FIELDS, Field
from ansible_collections.npaci.rocks.plugins.module_utils.rolls.reader import read_roll
from support.modules import run
from support.profiles import ROLLS, XML
from support.rolls import shipped

PATH = pathlib.Path(__file__).parents[3] / "docs" / "rolls.md"
EXAMPLE = re.compile(
    r"```(?:yaml|xml)\n(?:#|<!--) /etc/rocks/rolls/(\S+)(?: -->)?\n(.*?)```", re.DOTALL
)
KINDS = {"text": "a text", "bool": "true or false", "mapping": "a mapping of texts"}


def rolls_table() -> str:
    rows = ["| roll | adds | releases | needs |", "|---|---|---|---|"]
    rows += [
        f"| {roll.name} {roll.version} | {roll.description} | {', '.join(roll.releases)} |"
        f" {', '.join(roll.needs)} |"
        for roll in shipped().rolls.values()
    ]
    return "\n".join(rows)


def fields_table() -> str:
    rows = ["| field | meaning | value |", "|---|---|---|"]
    rows += [f"| {name} | {field.meaning} | {kind} |" for name, field, kind in _rows(FIELDS, "")]
    return "\n".join(rows)


def _rows(fields: Mapping[str, Field], prefix: str) -> Iterator[tuple[str, Field, str]]:
    for name, field in fields.items():
        kind = KINDS.get(field.kind, "a list")
        yield f"`{prefix}{name}`", field, kind + (", required" if field.required else "")
        yield from _rows(field.fields, f"{prefix}{name}.")


@pytest.mark.parametrize(("name", "table"), [("rolls", rolls_table()), ("fields", fields_table())])
def test_a_table_is_that_of_the_code(request: pytest.FixtureRequest, name: str, table: str) -> None:
    page = PATH.read_text()
    before, marker, rest = page.partition(f"<!-- {name} -->\n")
    _old, end, after = rest.partition(f"<!-- end of {name} -->")
    current = before + marker + table + "\n" + end + after
    if request.config.getoption("--renew"):
        PATH.write_text(current)
    assert PATH.read_text() == current, "pytest --renew updates the page"


def test_the_roll_of_the_page_has_no_findings(tmp_path: pathlib.Path) -> None:
    files = dict(EXAMPLE.findall(PATH.read_text()))
    assert set(files) == {
        "tools/roll.yml",
        "tools/nodes/tools.xml",
        "tools/graphs/default/tools.xml",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    result = run(
        "rocks_roll_info",
        path=[str(tmp_path)],
        rolls=["tools"],
        release="rhel9",
        xml=[XML],
        lint=True,
    )

    assert result["lint"] == []
    assert result["on"] == ["tools"]
    assert result["sources"][0]["url"] == "https://tools.example.org/el9/x86_64"
    assert read_roll(str(tmp_path / "tools")).profiles[0].nodes == ("tools",)


def test_every_roll_of_the_page_exists() -> None:
    for line in re.findall(r"distribution_rolls: \[(.*?)\]", PATH.read_text()):
        for name in line.split(", "):
            assert name in ("default", "tools") or (ROLLS / name).is_dir()
