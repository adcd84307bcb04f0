"""The examples in docs/database.md and in the modules' documentation work."""

from __future__ import annotations

import importlib
import pathlib
import shlex
from typing import Any

import pytest
import yaml
from ansible.parsing.splitter import parse_kv

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    put_network,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.query import select
from support.cluster import Urls
from support.modules import MODULES, run

WRITING = ("network", "appliance", "membership", "attribute", "secret", "interface", "node")
PAGE = pathlib.Path(__file__).parents[3] / "docs" / "database.md"
READING = ("node_info", "sql_info")


def read_documentation(module: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the documented options of a module, and the options of each of its examples."""
    code = importlib.import_module(f"{MODULES}.rocks_{module}")
    tasks = yaml.safe_load(code.EXAMPLES)
    name = f"npaci.rocks.rocks_{module}"
    return yaml.safe_load(code.DOCUMENTATION)["options"], [
        task[name] for task in tasks if name in task
    ]


@pytest.mark.parametrize("module", (*WRITING, *READING, "database"))
def test_every_option_occurs_in_an_example(module: str) -> None:
    options, examples = read_documentation(module)
    shown = {option for example in examples for option in example} | {"database"}
    assert sorted(set(options) - shown) == []


@pytest.mark.parametrize("module", (*WRITING, *READING))
def test_the_examples_work_on_the_cluster_of_the_paper(
    table_ii: Database, urls: Urls, tmp_path: pathlib.Path, module: str
) -> None:
    if module != "network":
        put_network(table_ii, "management", subnet="192.168.0.0/16", kind="management")
        put_network(table_ii, "fabric", subnet="172.16.0.0/16")
    machines = tmp_path / "machines.csv"
    machines.write_text("mac,rack\n02:00:00:00:00:01,3\n", encoding="utf-8")
    for example in read_documentation(module)[1]:
        for option in {"csv", "value_file"} & set(example):
            example[option] = str(machines)
        if example.get("name") == "root_password_hash":
            example["value"] = "$6$salt$hash"
        url = urls.reader if module in READING else urls.administrator
        result = run(f"rocks_{module}", **example, database=url)
        assert "failed" not in result, result["msg"]


def commands() -> list[tuple[str, dict[str, Any]]]:
    """Return the modules that the page runs on localhost, with their options."""
    modules = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("$ ansible localhost -m "):
            words = shlex.split(line, comments=True)
            modules.append((words[4], parse_kv(words[6]) if len(words) > 6 else {}))
    return modules


def test_the_commands_of_the_page_work(
    table_ii: Database, urls: Urls, tmp_path: pathlib.Path
) -> None:
    machines = tmp_path / "machines.csv"
    machines.write_text("mac,rack\n02:00:00:00:00:01,3\n", encoding="utf-8")
    replaced = {"csv": str(machines), "path": str(tmp_path / "dump")}
    count = 0
    for module, options in commands():
        url = urls.reader if module.endswith("_info") else urls.administrator
        local_options = {name: replaced.get(name, value) for name, value in options.items()}
        if "database" not in local_options:
            result = run(module, **{**local_options, "database": url})
            assert "failed" not in result, (module, local_options, result["msg"])
            count += 1
    assert count > 12


def test_the_queries_of_the_page_work(reader: Database) -> None:
    blocks = PAGE.read_text(encoding="utf-8").split("```sql\n")[1:]
    queries = [
        line
        for block in blocks
        for line in block.split("```")[0].splitlines()
        if line.startswith("select")
    ]
    assert len(queries) == 6
    for query in queries:
        select(reader, query)


def test_the_errors_on_the_page_are_those_of_a_bad_file(
    table_ii: Database, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "mac,membership,ip\n02:00:00:00:00:01,,\nnonsense,,\n,,10.255.255.245\n,Computer,\n"
    pathlib.Path("machines.csv").write_text(text, encoding="utf-8")
    message = run("rocks_node", csv="machines.csv", database=table_ii.location.url)["msg"]
    assert f"```\n{message.replace(str(tmp_path) + '/', '')}\n```" in PAGE.read_text(
        encoding="utf-8"
    )
