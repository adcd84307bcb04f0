"""A faulty roll.yml is refused with file, line and remedy, and changes nothing."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound
from ansible_collections.npaci.rocks.plugins.module_utils.rolls.catalog import read_catalog
from ansible_collections.npaci.rocks.plugins.module_utils.rolls.reader import expand, read_roll
from support.rolls import write_roll

KEY = {"name": "KEY-9", "url": "https://a.example.org/key", "fingerprint": "0" * 40}
SOURCE = {"name": "tools", "url": "https://a.example.org/{major}/{arch}", "keys": ["KEY-{major}"]}


def test_a_complete_roll_is_read(tmp_path: pathlib.Path) -> None:
    roll = read_roll(str(write_roll(tmp_path, version="1.10", keys=[KEY], sources=[SOURCE])))

    assert (roll.name, roll.version, roll.releases) == ("tools", "1.10", ("rhel9",))
    assert roll.keys[0].fingerprints == ("0" * 40,)
    assert roll.sources[0].keys == ("KEY-{major}",)


@pytest.mark.parametrize(
    ("fields", "place", "facts"),
    [
        pytest.param({"versoin": "1"}, ":9", ["versoin", "version"], id="misspelt"),
        pytest.param({"version": "new"}, ":2", ['"new"', "version"], id="version"),
        pytest.param({"releases": ["el9"]}, ":6", ['"el9"', "rhel9"], id="release"),
        pytest.param({"arches": []}, ":7", ["arches", "empty"], id="empty list"),
        pytest.param({"homepage": "tools"}, ":4", ['"tools"'], id="no URL"),
        pytest.param({"needs": ["A b"]}, ":10", ['"A b"'], id="name of another roll"),
        pytest.param({"sources": {}}, ":9", ["not a list"], id="no list"),
        pytest.param({"overrides": []}, ":9", ["mapping"], id="no mapping"),
        pytest.param({"keys": [{**KEY, "fingerprint": "3228467C"}]}, ":12", ["40"], id="short"),
        pytest.param({"sources": [SOURCE]}, ":12", ['"KEY-9"', "keys"], id="unknown key"),
        pytest.param(
            {"sources": [{"name": "tools", "url": "https://a/b"}]}, ":10", ["signed"], id="no key"
        ),
        pytest.param(
            {"sources": [{**SOURCE, "keys": [], "signed": False, "name": "other"}]},
            ":10",
            ['"other"', "tools-other"],
            id="name of a source",
        ),
        pytest.param(
            {"sources": [{**SOURCE, "keys": [], "signed": False, "url": "https://a/{version}"}]},
            ":11",
            ["{version}", "{major}"],
            id="placeholder",
        ),
        pytest.param(
            {"sources": [{**SOURCE, "keys": [], "signed": False, "releases": ["rhel8"]}]},
            ":14",
            ["rhel8"],
            id="release of a source",
        ),
    ],
)
def test_a_fault_is_refused_with_its_line(
    tmp_path: pathlib.Path, fields: dict[str, Any], place: str, facts: list[str]
) -> None:
    folder = write_roll(tmp_path, **fields)

    with pytest.raises(DescriptionError) as raised:
        read_roll(str(folder))

    assert f"{folder}/roll.yml{place}" in str(raised.value)
    assert all(fact in str(raised.value) for fact in facts)


@pytest.mark.parametrize(
    ("text", "line", "fact"),
    [
        ("name: a\nname: b\n", 2, '"name"'),
        ("name: [a\nversion: 1\n", 2, "not YAML"),
        ("name: !!python/object:os.system x\n", 1, "missing"),
        ("- a\n", 1, "mapping"),
        ("", 1, "mapping"),
        ("a: &a [*a]\n", 1, "aliases"),
        ("a: " + "[" * 5000 + "]" * 5000, 1, "deeply"),
    ],
)
def test_a_text_that_is_no_mapping_is_refused(
    tmp_path: pathlib.Path, text: str, line: int, fact: str
) -> None:
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "roll.yml").write_text(text)

    with pytest.raises(DescriptionError, match=rf"roll.yml:{line}.*{fact}"):
        read_roll(str(folder))


def test_all_faults_of_a_file_are_listed(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DescriptionError) as raised:
        read_roll(str(write_roll(tmp_path, version="x", homepage="y")))
    assert {'"x"', '"y"'} <= {word for word in str(raised.value).split() if word.startswith('"')}


def test_a_roll_has_the_name_of_its_folder(tmp_path: pathlib.Path) -> None:
    write_roll(tmp_path, "tools").rename(tmp_path / "other")
    with pytest.raises(DescriptionError, match=r"roll.yml:1.*\"tools\""):
        read_roll(str(tmp_path / "other"))


def test_a_folder_without_a_description_is_no_roll(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match=r"roll\.yml"):
        read_roll(str(tmp_path))


@pytest.mark.parametrize(
    ("release", "result"), [("rhel9", "9/x86_64"), ("rhel10", "10/x86_64"), ("f44", "44/x86_64")]
)
def test_placeholders(release: str, result: str) -> None:
    assert expand("{major}/{arch}", release, "x86_64") == result


def test_a_later_folder_replaces_a_roll_and_a_faulty_roll_harms_no_other(
    tmp_path: pathlib.Path,
) -> None:
    write_roll(tmp_path / "ours", "tools", version="1.2")
    write_roll(tmp_path / "ours", "other")
    write_roll(tmp_path / "site", "tools", version="1.10")
    write_roll(tmp_path / "site", "faulty", version="x")

    catalog = read_catalog([str(tmp_path / name) for name in ("ours", "absent", "site")])

    assert {name: roll.version for name, roll in catalog.rolls.items()} == {
        "other": "1.2",
        "tools": "1.10",
    }
    assert catalog.hidden["tools"].version == "1.2"
    with pytest.raises(DescriptionError, match=r"faulty/roll.yml:2"):
        catalog.find("faulty", "test")
    with pytest.raises(NotFound, match="tools"):
        catalog.find("tool", "test")
