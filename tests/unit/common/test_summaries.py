# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Summaries of modules' results, and the callback that prints them."""

from __future__ import annotations

import pathlib

import pytest
import yaml

from ansible_collections.npaci.rocks.plugins.module_utils.install.eligibility import UNDER_WAY
from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout.rollout import Step
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.reinstall import result_of
from ansible_collections.npaci.rocks.plugins.plugin_utils.summaries import (
    SUMMARIES,
    summarize,
    table,
)
from support.ansible import ROOT


def documented_sample(module: str) -> dict[str, object]:
    """Return the documented samples of a module's return values."""
    text = (ROOT / "plugins" / "modules" / f"{module}.py").read_text()
    returned = yaml.safe_load(text.partition('RETURN = r"""')[2].partition('"""')[0])
    return {name: value.get("sample") for name, value in returned.items()}


def test_columns_are_aligned() -> None:
    assert table([("name", "ip"), ("compute-0-0", None)]) == ["name         ip", "compute-0-0"]
    assert table([]) == []


def test_a_module_of_another_collection_has_no_summary() -> None:
    assert summarize("ansible.builtin.ping", {"ping": "pong"}) is None


@pytest.mark.parametrize(
    "module",
    ["rocks_database", "rocks_network", "rocks_node", "rocks_node_info", "rocks_attribute"]
    + ["rocks_sql_info", "rocks_install_info", "rocks_report", "rocks_install"]
    + ["rocks_appliance", "rocks_membership", "rocks_interface"],
)
def test_the_documented_sample_of_a_module_can_be_summarized(module: str) -> None:
    lines = summarize(f"npaci.rocks.{module}", documented_sample(module))
    assert lines
    assert all(line == line.rstrip() and "\n" not in line for line in lines)


def test_every_summary_belongs_to_a_module() -> None:
    modules = {path.stem for path in pathlib.Path(ROOT, "plugins", "modules").glob("*.py")}
    assert set(SUMMARIES) <= modules


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (["up", "up"], "2 nodes: 2 up"),
        (["refused"], "1 node: 1 refused (compute-0-0)"),
        ([UNDER_WAY], "1 node: 1 under way"),
        (["maintenance", "up"], "2 nodes: 1 up, 1 in maintenance (compute-0-0)"),
        (
            ["order", "unchanged", "refused"],
            "3 nodes: 1 unchanged, 1 would be ordered, 1 refused (compute-0-2)",
        ),
        (
            ["failed", "expired", "up", "not begun"],
            "4 nodes: 1 up, 1 not begun (compute-0-3), 2 not up (compute-0-0, compute-0-1)",
        ),
        ([], "0 nodes: nothing to do"),
    ],
)
def test_a_run_counts_its_nodes_by_their_states(states: list[str], message: str) -> None:
    steps = [Step(f"compute-0-{number}", state, "") for number, state in enumerate(states)]
    result = result_of(steps)
    assert result["msg"] == message
    assert result["failed"] is bool({"refused", "failed", "expired", "not begun"} & set(states))


def test_a_written_kickstart_is_summarized_by_its_file() -> None:
    result = {"warnings": ["x"], "kickstart": "a\nb\n", "changed": True}
    assert summarize("rocks_kickstart", result) == ["# x", "a", "b"]
    written = summarize("rocks_kickstart", {**result, "dest": "/tmp/ks"})
    assert written == ["# x", "/tmp/ks: 2 lines, changed"]
