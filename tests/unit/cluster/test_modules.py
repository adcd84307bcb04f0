"""The modules of the cluster database: check mode, diff mode, idempotence, and one clear error."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Optional

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.dump import dump_database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.schema import CURRENT_VERSION
from ansible_collections.npaci.rocks.plugins.plugin_utils.summaries import summarize
from support.cluster import Urls
from support.modules import run

MAC = "02:00:00:00:00:01"

# Each changes the cluster of the paper once; a second run changes nothing.
CHANGES = [
    pytest.param("rocks_network", {"name": "management", "subnet": "192.168.0.0/16"}, id="network"),
    pytest.param("rocks_network", {"name": "private", "mtu": 9000}, id="network-changed"),
    pytest.param("rocks_appliance", {"name": "gpu", "root": "gpu"}, id="appliance"),
    pytest.param("rocks_appliance", {"name": "compute", "root": "big"}, id="appliance-changed"),
    pytest.param(
        "rocks_membership",
        {"name": "Big", "appliance": "compute", "compute": True},
        id="membership",
    ),
    pytest.param(
        "rocks_membership", {"name": "Compute", "distribution": "next"}, id="membership-changed"
    ),
    pytest.param("rocks_membership", {"name": "Login", "state": "absent"}, id="membership-absent"),
    pytest.param(
        "rocks_attribute", {"name": "gpu", "value": "yes", "node": "compute-0-3"}, id="attribute"
    ),
    pytest.param(
        "rocks_attribute",
        {"name": "name_pattern", "appliance": "nas", "state": "absent"},
        id="no-attribute",
    ),
    pytest.param(
        "rocks_secret", {"name": "munge", "value": "swordfish", "appliance": "compute"}, id="secret"
    ),
    pytest.param(
        "rocks_interface", {"node": "nfs-0-0", "name": "bmc", "network": "private"}, id="interface"
    ),
    pytest.param("rocks_node", {"mac": MAC, "rack": 1}, id="node"),
    pytest.param("rocks_node", {"name": "compute-0-3", "comment": "new"}, id="node-changed"),
    pytest.param("rocks_node", {"name": "compute-0-3", "new_name": "spare"}, id="node-renamed"),
    pytest.param("rocks_node", {"name": "compute-0-3", "rack": 4, "rank": 2}, id="node-moved"),
    pytest.param(
        "rocks_node", {"name": "compute-0-3", "mac": MAC, "replace": True}, id="node-replaced"
    ),
    pytest.param(
        "rocks_node", {"nodes": [{"mac": MAC}, {"name": "web-1-0", "ip": "none"}]}, id="nodes"
    ),
    pytest.param("rocks_node", {"name": "compute-0-3", "state": "absent"}, id="node-absent"),
    pytest.param(
        "rocks_node",
        {"nodes": [{"name": "web-1-0"}, {"name": "web-9-9"}], "state": "absent"},
        id="nodes-absent",
    ),
]


@pytest.mark.parametrize(("module", "options"), CHANGES)
def test_a_module_predicts_its_change_and_makes_it_once(
    table_ii: Database, module: str, options: dict[str, Any]
) -> None:
    all_options = {**options, "database": table_ii.location.url}
    before = dump_database(table_ii, secrets=True)
    predicted = run(module, check=True, diff=True, **all_options)
    assert dump_database(table_ii, secrets=True) == before
    result = run(module, diff=True, **all_options)
    assert dump_database(table_ii, secrets=True) != before
    assert predicted == result
    assert result["changed"] is True and result["diff"]
    after = dump_database(table_ii, secrets=True)
    second = run(module, diff=True, **all_options)
    assert (second["changed"], dump_database(table_ii, secrets=True)) == (False, after)


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        pytest.param(
            "rocks_network",
            {"name": "lan", "subnet": "10.0.0.0/9"},
            "overlaps network 'private'",
            id="network",
        ),
        pytest.param(
            "rocks_appliance",
            {"name": "nas", "state": "absent"},
            "NFS Server",
            id="appliance",
        ),
        pytest.param("rocks_membership", {"name": "New"}, "no appliance ''", id="membership"),
        pytest.param("rocks_attribute", {"name": "rack", "value": "1"}, "'rack'", id="attribute"),
        pytest.param(
            "rocks_secret",
            {"name": "name_pattern", "value": "swordfish"},
            "'name_pattern'",
            id="secret",
        ),
        pytest.param(
            "rocks_interface",
            {"node": "moon", "name": "eth1"},
            "no node 'moon'",
            id="interface",
        ),
        pytest.param("rocks_node", {"mac": "nonsense"}, "nonsense: 'nonsense'", id="node"),
        pytest.param(
            "rocks_node",
            {"nodes": [{"mac": MAC}, {"mac": MAC}]},
            f"nodes[1]: the MAC {MAC} is also at nodes[0]",
            id="nodes",
        ),
        pytest.param("rocks_node", {"csv": "/nowhere.csv"}, "/nowhere.csv: no such file", id="csv"),
        pytest.param(
            "rocks_sql_info", {"query": "delete from nodes"}, "'delete from nodes'", id="sql"
        ),
        pytest.param("rocks_node_info", {"name": ["moon"]}, "no node 'moon'", id="node-info"),
    ],
)
def test_a_failing_module_reports_the_error_and_changes_nothing(
    table_ii: Database, urls: Urls, module: str, options: dict[str, Any], message: str
) -> None:
    before = dump_database(table_ii, secrets=True)
    url = urls.reader if module.endswith("_info") else urls.administrator
    result = run(module, **options, database=url)
    assert result["failed"] is True and message in result["msg"]
    assert "swordfish" not in json.dumps({**result, "invocation": None})
    assert dump_database(table_ii, secrets=True) == before


@pytest.mark.parametrize(
    "module",
    [
        "rocks_network",
        "rocks_node",
        "rocks_node_info",
        "rocks_sql_info",
        "rocks_attribute",
        "rocks_database",
    ],
)
def test_a_missing_database_is_an_error_with_the_remedy(
    tmp_path: pathlib.Path, module: str
) -> None:
    options: dict[str, dict[str, Any]] = {
        "rocks_node_info": {},
        "rocks_sql_info": {"query": "select 1"},
        "rocks_attribute": {"name": "a", "value": "b"},
        "rocks_database": {"state": "dumped", "path": str(tmp_path / "dump")},
    }
    url = f"sqlite://{tmp_path / 'typo.sqlite'}"
    result = run(module, **options.get(module, {"name": "x"}), database=url)
    assert result["msg"].startswith(f"{url}: ")
    assert "ansible localhost -m rocks_database" in result["msg"]
    assert list(tmp_path.iterdir()) == []


def test_rocks_node_returns_the_new_node(table_ii: Database) -> None:
    result = run("rocks_node", mac=MAC, database=table_ii.location.url)
    assert (result["added"], result["updated"], result["removed"]) == (["compute-0-4"], [], [])
    assert result["nodes"] == [
        {
            "name": "compute-0-4",
            "mac": MAC,
            "membership": "Compute",
            "appliance": "compute",
            "root": "compute",
            "distribution": "rocks",
            "rack": 0,
            "rank": 4,
            "ip": "10.255.255.254",
            "arch": "x86_64",
            "comment": "",
        }
    ]


def test_all_lines_of_a_csv_file_are_written_or_none(
    table_ii: Database, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "machines.csv"
    url = table_ii.location.url
    path.write_text(f"mac,rack\n{MAC},2\nnonsense,2\n", encoding="utf-8")
    failed = run("rocks_node", csv=str(path), database=url)
    assert failed["msg"].startswith(f"{path}:3: 'nonsense'")
    assert run("rocks_node", csv=str(path), database=url, state="absent")["msg"] == failed["msg"]
    path.write_text(f"mac,rack\n{MAC},2\n{MAC[:-1]}2,2\n", encoding="utf-8")
    assert run("rocks_node", csv=str(path), database=url)["added"] == ["compute-2-0", "compute-2-1"]
    assert run("rocks_node", csv=str(path), database=url)["changed"] is False
    assert run("rocks_node", csv=str(path), database=url, state="absent")["removed"] == [
        "compute-2-0",
        "compute-2-1",
    ]


def test_the_diff_of_a_node_shows_the_changed_fields(table_ii: Database) -> None:
    result = run(
        "rocks_node", diff=True, name="compute-0-3", comment="new", database=table_ii.location.url
    )
    (difference,) = result["diff"]
    before = difference["before"]
    after = difference["after"]
    assert [field for field in after if after[field] != before[field]] == ["comment"]
    assert difference["after_header"] == "compute-0-3"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of the following is required: name, mac, nodes, csv"),
        ({"nodes": [], "csv": "x"}, "mutually exclusive"),
        ({"nodes": [], "name": "x"}, "mutually exclusive"),
        (
            {"name": "x", "replace": True},
            "replace is True but all of the following are missing: mac",
        ),
        ({"mac": MAC, "new_name": "x"}, "missing parameter(s) required by 'new_name': name"),
    ],
)
def test_contradictory_options_of_rocks_node_are_rejected(
    options: dict[str, Any], message: str
) -> None:
    assert message in run("rocks_node", **options)["msg"]


def test_rocks_sql_info_returns_rows_in_three_forms(table_ii: Database, urls: Urls) -> None:
    result = run(
        "rocks_sql_info", query="select name, rack from nodes where rack=1", database=urls.reader
    )
    result.pop("invocation")
    assert result == {
        "changed": False,
        "columns": ["name", "rack"],
        "rows": [["web-1-0", 1]],
        "records": [{"name": "web-1-0", "rack": 1}],
        "first_column": ["web-1-0"],
    }


@pytest.mark.parametrize("form", ["rows", "records", "first_column"])
def test_rocks_sql_info_returns_only_the_requested_form(
    table_ii: Database, urls: Urls, form: str
) -> None:
    query = "select name from nodes where rack=1"
    result = run("rocks_sql_info", query=query, forms=[form], database=urls.reader)
    assert {"rows", "records", "first_column"} & set(result) == {form}
    assert "web-1-0" in "\n".join(summarize("rocks_sql_info", result) or [])


def test_rocks_node_info_returns_the_source_of_attributes(table_ii: Database, urls: Urls) -> None:
    run("rocks_attribute", name="swap", value="1", appliance="compute", database=urls.administrator)
    result = run("rocks_node_info", name=["compute-0-3"], attributes=True, database=urls.reader)
    (node,) = result["nodes"]
    assert node["attributes"]["swap"] == {"value": "1", "source": "appliance"}


def test_the_result_of_rocks_secret_does_not_contain_the_secret(table_ii: Database) -> None:
    url = table_ii.location.url
    for value in ("swordfish", "swordfish", "halibut"):
        result = run("rocks_secret", diff=True, name="munge", value=value, database=url)
        assert value not in json.dumps(result)
    assert result["diff"]["before"] != result["diff"]["after"]


def test_modules_use_the_database_of_the_site_settings(
    table_ii: Database, urls: Urls, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rocks.yml"
    path.write_text(f"database: {urls.administrator}\nreader: {urls.reader}\n", encoding="utf-8")
    monkeypatch.setenv("ROCKS_CONFIG", str(path))
    assert run("rocks_sql_info", query="select count(*) from nodes")["first_column"] == [8]
    assert run("rocks_node", mac=MAC)["added"] == ["compute-0-4"]
    monkeypatch.setenv("ROCKS_DATABASE", f"sqlite://{tmp_path / 'other.sqlite'}")
    assert "other.sqlite: no such database" in run("rocks_node", mac=MAC)["msg"]


def test_rocks_database_creates_dumps_and_restores_once(
    table_ii: Database, tmp_path: pathlib.Path
) -> None:
    url = f"sqlite://{tmp_path / 'new.sqlite'}"
    path = str(tmp_path / "dump")
    created = run("rocks_database", database=url)
    assert created["changed"] is True and created["accounts"] == []
    assert (created["schema_before"], created["schema"]) == (0, CURRENT_VERSION)
    assert run("rocks_database", database=url)["changed"] is False
    dump_options: dict[str, Any] = {
        "database": table_ii.location.url,
        "state": "dumped",
        "path": path,
    }
    assert [run("rocks_database", **dump_options)["changed"] for _ in range(2)] == [True, False]
    restore_options: dict[str, Any] = {"database": url, "state": "restored", "path": path}
    assert [run("rocks_database", **restore_options)["changed"] for _ in range(2)] == [True, False]
    with connect(url) as database:
        assert dump_database(database) == dump_database(table_ii)


def test_rocks_database_cannot_drop_a_database() -> None:
    assert "present, dumped, restored" in run("rocks_database", state="absent")["msg"]


@pytest.mark.parametrize(
    ("content", "value"),
    [("swordfish\n", "swordfish"), ("swordfish", "swordfish"), ("[sssd]\na = 1\n", None)],
)
def test_a_secret_is_read_from_a_file(
    table_ii: Database, tmp_path: pathlib.Path, content: str, value: Optional[str]
) -> None:
    path = tmp_path / "secret"
    path.write_text(content)
    options = {"name": "munge", "value_file": str(path), "database": table_ii.location.url}
    result = run("rocks_secret", options, diff=True)
    assert result["changed"] is True and "swordfish" not in json.dumps(result)
    stored = table_ii.row("select value from secrets where name = 'munge'")
    assert stored == (content if value is None else value,)
    assert run("rocks_secret", options)["changed"] is False


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\n"])
def test_a_file_without_a_secret_is_an_error_that_names_it(
    table_ii: Database, tmp_path: pathlib.Path, content: Optional[bytes]
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    result = run("rocks_secret", name="munge", value_file=str(path), database=table_ii.location.url)
    assert result["failed"] is True and str(path) in result["msg"]
    assert table_ii.rows("select 1 from secrets") == []
