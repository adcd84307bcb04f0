# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Attributes are checked against the graphs of the published distributions when they are set."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.memberships import put_membership
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    get_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.layers import XmlLayers
from support.modules import run

XML = Path(__file__).parents[3] / "xml"
SHIPPED = XmlLayers(str(XML)).graph.attributes


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of the distributions, in which rocks is published for x86_64."""
    root = tmp_path / "install"
    shutil.copytree(XML / "graphs", root / "rocks" / "x86_64" / "build" / "graphs")
    settings = tmp_path / "rocks.yml"
    settings.write_text(f"distributions: {root}\n")
    monkeypatch.setenv("ROCKS_CONFIG", str(settings))
    return root


def set_attribute(database: Database, **options: Any) -> dict[str, Any]:
    return run("rocks_attribute", **options, database=database.location.url)


@pytest.mark.parametrize(
    ("name", "value", "facts"),
    [
        ("gpu", "nvdia", ("'gpu'", '"nvdia"', "no, nvidia, amd", "did you mean nvidia")),
        ("root_size", "thirty", ("'root_size'", '"thirty"', "int", "base.xml:")),
        ("root_fstype", "btrfs", ("'root_fstype'", '"btrfs"', "xfs, ext4")),
        ("kdump", "sometimes", ("'kdump'", "bool")),
        ("private_network", "10.0.0.0", ("'private_network'", "network")),
    ],
)
def test_a_value_that_no_profile_permits_is_rejected(
    table_ii: Database, trees: Path, name: str, value: str, facts: tuple[str, ...]
) -> None:
    result = set_attribute(table_ii, name=name, value=value)
    assert result["failed"] is True
    assert [fact for fact in facts if fact not in result["msg"]] == []
    assert get_attribute(table_ii, name) is None


@pytest.mark.parametrize("declaration", SHIPPED, ids=lambda row: row.name)
def test_every_default_of_the_shipped_profiles_is_permitted(
    table_ii: Database, trees: Path, declaration: Any
) -> None:
    if declaration.default is None or declaration.name in ("mac", "frontend_address"):
        return
    result = set_attribute(table_ii, name=declaration.name, value=declaration.default)
    assert (result["changed"], result.get("warnings", [])) == (True, [])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("time_zone", "timezone"),
        ("TimeZone", "timezone"),
        ("schedular", "scheduler"),
        ("gpus", "gpu"),
        ("nis_domian", "nis_domain"),
        ("outlet_comand", "outlet_command"),
        ("host_name", "hostname"),
    ],
)
def test_a_name_similar_to_a_declared_one_causes_a_warning(
    table_ii: Database, trees: Path, name: str, meant: str
) -> None:
    result = set_attribute(table_ii, name=name, value="x")
    assert result["changed"] is True
    (warning,) = result["warnings"]
    text = json.dumps(warning)  # a record since ansible-core 2.19, a text before
    assert repr(name) in text and f"did you mean {meant}?" in text


@pytest.mark.parametrize("name", ["room", "disk_vendor", "cooling", "owner"])
def test_a_name_of_the_site_causes_no_warning(table_ii: Database, trees: Path, name: str) -> None:
    assert set_attribute(table_ii, name=name, value="x").get("warnings", []) == []


def test_a_value_is_rejected_only_if_no_distribution_permits_it(
    table_ii: Database, trees: Path
) -> None:
    graph = trees / "next" / "x86_64" / "build" / "graphs" / "default"
    graph.mkdir(parents=True)
    (graph / "base.xml").write_text(
        '<graph><attribute name="gpu" default="no" values="no intel">GPUs.</attribute></graph>'
    )
    assert set_attribute(table_ii, name="gpu", value="intel").get("failed") is True
    put_membership(table_ii, "Login", distribution="next")
    assert set_attribute(table_ii, name="gpu", value="intel")["changed"] is True
    assert set_attribute(table_ii, name="gpu", value="nvidia")["changed"] is True


def test_a_graph_that_cannot_be_read_permits_everything(table_ii: Database, trees: Path) -> None:
    for path in trees.rglob("*.xml"):
        path.write_text("<graph>")
    assert set_attribute(table_ii, name="gpu", value="nvdia")["changed"] is True


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (30720, "30720"), (1.5, "1.5")]
)
def test_a_value_of_yaml_becomes_text(table_ii: Database, value: object, text: str) -> None:
    assert set_attribute(table_ii, name="size", value=value)["value"] == text
    assert set_attribute(table_ii, name="size", value=text)["changed"] is False


@pytest.mark.parametrize(
    ("name", "meant"),
    [("root_password", "root_password_hash"), ("MungeKey", "munge_key"), ("license", "")],
)
def test_a_secret_that_nothing_reads_causes_a_warning(
    table_ii: Database, name: str, meant: str
) -> None:
    result = run("rocks_secret", name=name, value="swordfish", database=table_ii.location.url)
    assert result["changed"] is True
    warnings = json.dumps(result.get("warnings", []))
    assert (f"did you mean {meant}?" in warnings) is bool(meant)
    assert "swordfish" not in warnings


@pytest.mark.parametrize("value", ["swordfish", "", "$6$", "$6$salt$ha:sh", "$6$a b$c"])
def test_a_password_is_not_accepted_as_its_hash(table_ii: Database, value: str) -> None:
    options = {"name": "root_password_hash", "value": value, "database": table_ii.location.url}
    result = run("rocks_secret", options)
    assert result["failed"] is True and "root_password_hash" in result["msg"]
    assert "swordfish" not in json.dumps({**result, "invocation": None})
    assert table_ii.rows("select 1 from secrets") == []


@pytest.mark.parametrize(
    "value", ["$6$salt$" + "x" * 86, "$y$j9T$salt$hash", "$2b$12$abc", "!", "*", "!$6$a$b"]
)
def test_the_hash_of_a_password_is_accepted(table_ii: Database, value: str) -> None:
    options = {"name": "root_password_hash", "value": value, "database": table_ii.location.url}
    assert run("rocks_secret", options)["changed"] is True


@pytest.mark.parametrize("value", [["sda", "sdb"], {"a": ["sda"]}, []])
@pytest.mark.parametrize("module", ["rocks_attribute", "rocks_secret"])
def test_a_list_or_a_mapping_is_not_a_value(table_ii: Database, module: str, value: object) -> None:
    result = run(module, name="disks", value=value, database=table_ii.location.url)
    assert result["failed"] is True and "'disks'" in result["msg"] and "sda" not in result["msg"]
    assert table_ii.rows("select 1 from attributes where name = 'disks'") == []
