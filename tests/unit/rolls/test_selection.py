"""Rolls that are on: what they need, what they add, and those that contradict each other."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound
from ansible_collections.npaci.rocks.plugins.module_utils.rolls.catalog import read_catalog
from ansible_collections.npaci.rocks.plugins.module_utils.rolls.model import Selection
from ansible_collections.npaci.rocks.plugins.module_utils.rolls.selection import (
    Target,
    default_names,
    select,
)
from support.modules import run
from support.rolls import shipped, write_roll

EL9 = Target("rhel9", "x86_64")
NODE = "<kickstart><description>x</description></kickstart>"
KEY = {"name": "KEY", "url": "https://a.example.org/key", "fingerprint": "0" * 40}


class Rolls:
    """Rolls in a folder."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def add(self, name: str, **fields: Any) -> pathlib.Path:
        return write_roll(self.folder / "rolls", name, **fields)

    def select(self, *names: str, target: Target = EL9) -> Selection:
        return select(
            read_catalog([str(self.folder / "rolls")]), dict.fromkeys(names, "listed"), target
        )


@pytest.fixture
def rolls(tmp_path: pathlib.Path) -> Rolls:
    return Rolls(tmp_path)


def test_what_a_roll_needs_is_on_before_it(rolls: Rolls) -> None:
    rolls.add("a", needs=["b"])
    rolls.add("b", needs=["c"])
    rolls.add("c")

    selection = rolls.select("a", "c")

    assert [(item.roll.name, item.reason) for item in selection.active] == [
        ("c", "listed"),
        ("b", "needed by a"),
        ("a", "listed"),
    ]
    assert [pathlib.Path(path).name for path in selection.xml] == ["c", "b", "a"]


def test_no_roll_adds_nothing(rolls: Rolls) -> None:
    rolls.add("a")
    assert rolls.select() == Selection((), (), (), (), ()) or not any(map(list, rolls.select()))


def test_sources_of_the_release_and_architecture_with_their_keys(rolls: Rolls) -> None:
    rolls.add(
        "a",
        releases=["rhel8", "rhel9"],
        arches=["x86_64", "aarch64"],
        keys=[{**KEY, "name": f"KEY-{number}"} for number in (8, 9)],
        sources=[
            {
                "name": "a",
                "url": "https://a.example.org/{release}/{arch}",
                "keys": ["KEY-{major}"],
                "arch_names": {"aarch64": "sbsa"},
            },
            {"name": "a-old", "url": "https://a/b", "signed": False, "releases": ["rhel8"]},
        ],
        overrides={"packages": ["lib*"]},
    )

    selection = rolls.select("a", target=Target("rhel9", "aarch64"))

    assert selection.sources == [
        {
            "name": "a",
            "url": "https://a.example.org/rhel9/sbsa",
            "gpg_keys": ["KEY-9"],
            "wins": ["lib*"],
        }
    ]
    assert [key.name for key in selection.keys] == ["KEY-9"]


@pytest.mark.parametrize(
    ("first", "second", "facts"),
    [
        pytest.param({"conflicts": ["b"]}, {}, ['"a"', '"b"', "together"], id="declared"),
        pytest.param({}, {"conflicts": ["a"]}, ['"a"', '"b"', "together"], id="declared by other"),
        pytest.param({"needs": ["b"]}, {"needs": ["a"]}, ["a, b", "need each other"], id="cycle"),
        pytest.param({}, {"releases": ["rhel10"]}, ['"b"', "rhel9", "rhel10"], id="release"),
        pytest.param({}, {"arches": ["aarch64"]}, ['"b"', "x86_64", "aarch64"], id="architecture"),
        pytest.param(
            {"files": {"nodes/x.xml": NODE}},
            {"files": {"nodes/x.xml": NODE}},
            ['"a"', '"b"', "nodes/x.xml"],
            id="node",
        ),
        pytest.param(
            {"files": {"graphs/default/x.xml": NODE}},
            {"files": {"graphs/default/x.xml": NODE}},
            ['"a"', '"b"', "graphs/default/x.xml"],
            id="graph",
        ),
        pytest.param(
            {"files": {"include/x": "x"}},
            {"files": {"include/x": "x"}},
            ['"a"', '"b"', "include/x"],
            id="include",
        ),
        pytest.param(
            {"keys": [KEY]},
            {"keys": [{**KEY, "fingerprint": "1" * 40}]},
            ['"a"', '"b"', "KEY"],
            id="fingerprint",
        ),
        pytest.param(
            {}, {"files": {"nodes/base.xml": NODE}}, ['"b"', "nodes/base.xml"], id="the collection"
        ),
    ],
)
def test_contradictions_are_refused_by_name(
    rolls: Rolls, first: dict[str, Any], second: dict[str, Any], facts: list[str]
) -> None:
    rolls.add("a", **first)
    rolls.add("b", **second)
    base = rolls.folder / "xml" / "nodes"
    base.mkdir(parents=True)
    (base / "base.xml").write_text(NODE)

    with pytest.raises(DescriptionError) as raised:
        rolls.select("a", "b", target=EL9._replace(xml=[str(base.parent)]))

    assert all(fact in str(raised.value) for fact in facts)


def test_a_roll_extends_any_node_and_replaces_those_that_it_lists(rolls: Rolls) -> None:
    rolls.add("a", files={"nodes/x.xml": NODE, "nodes/extend-y.xml": NODE})
    rolls.add(
        "b",
        needs=["a"],
        overrides={"nodes": ["x"]},
        files={"nodes/x.xml": NODE, "nodes/extend-y.xml": NODE},
    )
    assert len(rolls.select("b").active) == 2


def test_an_unknown_roll_is_refused_with_a_suggestion(rolls: Rolls) -> None:
    rolls.add("openhpc")
    with pytest.raises(NotFound, match="openhpc"):
        rolls.select("openhcp")


@pytest.mark.parametrize(
    ("scheduler", "release", "online", "names"),
    [
        ("slurm", "rhel9", True, ["slurm", "epel"]),
        ("slurm", "rhel9", False, ["slurm"]),
        ("slurm", "fedora", True, ["slurm"]),
        ("slurm", "", True, []),
        ("pbs", "rhel9", True, ["openpbs"]),
        ("none", "rhel9", True, []),
    ],
)
def test_the_default_is_the_roll_of_the_scheduler_and_what_it_wants(
    scheduler: str, release: str, online: bool, names: list[str]
) -> None:
    assert default_names(shipped(), scheduler, Target(release, "x86_64"), online=online) == names


def test_the_module_lists_what_is_on_and_what_is_newer(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rocks.yml").write_text(f"distributions: {tmp_path}/install\n")
    monkeypatch.setenv("ROCKS_CONFIG", str(tmp_path / "rocks.yml"))
    write_roll(tmp_path / "ours", "a", version="2.0")
    write_roll(tmp_path / "site", "a", version="1.9")
    built = tmp_path / "install/rocks/x86_64/build/rolls"
    built.mkdir(parents=True)
    (built / "a.yml").write_text((tmp_path / "site/a/roll.yml").read_text())
    paths = [str(tmp_path / name) for name in ("ours", "site")]

    result = run("rocks_roll_info", path=paths, rolls=["a"], release="rhel9")

    assert [row["name"] for row in result["rolls"]] == ["a"]
    row = result["rolls"][0]
    assert (row["on"], row["version"], row["built"], row["newer"]) == (True, "1.9", "1.9", "2.0")
    assert result["on"] == ["a"]


def test_the_module_reports_contradictions(tmp_path: pathlib.Path) -> None:
    write_roll(tmp_path, "a", conflicts=["b"])
    write_roll(tmp_path, "b")
    result = run("rocks_roll_info", path=[str(tmp_path)], rolls=["a", "b"], release="rhel9")
    assert result["failed"]
    assert 'the rolls "a" and "b"' in result["msg"]
