"""What docs/profiles.md says is so."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.profile import condition, context, elements, releases
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compiler import compile_profile
from support.kickstarts import tree

ROOT = pathlib.Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "profiles.md").read_text()
ROOM = ROOT / "plugins" / "module_utils" / "profile"
NOT_IN_THE_TABLE = {"not-a-node-file", "refused-element"}  # said in the text about elements


def test_the_first_example_compiles(tmp_path: pathlib.Path) -> None:
    node, graph = re.findall(r"```xml\n<!-- xml/\S+ -->\n(.*?)```", PAGE, re.DOTALL)
    absent = {f"nodes/{name}.xml": "<kickstart/>" for name in ("frontend", "base", "compute", "mpi", "c-development")}
    path = tree(tmp_path, {"graphs/default/base.xml": graph, "nodes/dhcp-server.xml": node, **absent})
    assert [package.name for package in compile_profile(path, "frontend", {}, "rhel10").packages] == ["kea"]
    assert len(compile_profile(path, "compute", {}, "rhel10").nodes) == 4


def test_every_rule_is_in_the_table_and_every_row_is_a_rule() -> None:
    rules = set()
    for file in ROOM.glob("*.py"):
        rules |= set(re.findall(r'Remark\(\s*(?:ERROR|WARNING),\s*"([a-z-]+)"', file.read_text()))
    section = PAGE.partition("| rule | finds |")[2].partition("\n\n")[0]
    told = {
        name
        for row in re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
        for name in re.findall(r"`([a-z-]+)`", row)
    }
    assert told == rules - NOT_IN_THE_TABLE


def test_every_element_is_told_of() -> None:
    for name, rule in elements.NODE_ELEMENTS.items():
        if name != "native" and not (rule.fate == elements.DROPPED and not rule.hint):
            assert re.search(rf"<{name}\b|`{name}`", PAGE), name


@pytest.mark.parametrize(
    "line", PAGE.partition("## Conditions")[2].partition("```\n")[2].partition("```")[0].splitlines()
)
def test_the_conditions_can_be_read(line: str) -> None:
    assert condition.names(condition.parse(line))


def test_every_release_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in [*releases.RELEASES, *releases.ALIASES])


def test_the_characters_that_are_always_plain_are_those_of_the_page() -> None:
    (listed,) = re.findall(r"another language's code \| letters, digits and `([^`]*)`", PAGE)
    assert "".join(
        sorted(c for c in map(chr, range(33, 127)) if context.PLAIN.match(c) and not c.isalnum())
    ) == "".join(sorted(listed.replace(" ", "")))
