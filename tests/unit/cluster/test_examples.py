"""The examples in the modules' documentation work, and show every option."""

from __future__ import annotations

import importlib
import pathlib
from typing import Any

import pytest
import yaml

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networks import put_network
from support.cluster import Urls
from support.modules import MODULES, run

WRITING = ("network", "appliance", "membership", "attribute", "secret", "interface", "node")
READING = ("node_info", "sql_info")


def documented(module: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The documented options of a module, and those of each of its examples."""
    code = importlib.import_module(f"{MODULES}.rocks_{module}")
    tasks = yaml.safe_load(code.EXAMPLES)
    name = f"npaci.rocks.rocks_{module}"
    return yaml.safe_load(code.DOCUMENTATION)["options"], [task[name] for task in tasks if name in task]


@pytest.mark.parametrize("module", (*WRITING, *READING, "database"))
def test_every_option_stands_in_an_example(module: str) -> None:
    options, examples = documented(module)
    shown = {option for example in examples for option in example} | {"database"}
    assert sorted(set(options) - shown) == []


@pytest.mark.parametrize("module", (*WRITING, *READING))
def test_the_examples_work_on_the_papers_cluster(
    table_ii: Database, urls: Urls, tmp_path: pathlib.Path, module: str
) -> None:
    if module != "network":
        put_network(table_ii, "management", subnet="192.168.0.0/16", kind="management")
        put_network(table_ii, "fabric", subnet="172.16.0.0/16")
    machines = tmp_path / "machines.csv"
    machines.write_text("mac,rack\n02:00:00:00:00:01,3\n", encoding="utf-8")
    for example in documented(module)[1]:
        if "csv" in example:
            example["csv"] = str(machines)
        url = urls.reader if module in READING else urls.administrator
        said = run(f"rocks_{module}", **example, database=url)
        assert "failed" not in said, said["msg"]
