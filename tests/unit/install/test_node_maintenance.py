# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node in maintenance gets no install order and no jobs, and keeps everything else."""

from __future__ import annotations

from typing import Any, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.inventory import load_inventory
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Unavailable
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Pin
from ansible_collections.npaci.rocks.plugins.module_utils.install.schedulers.slurm import Slurm
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult
from ansible_collections.npaci.rocks.plugins.module_utils.workflows import node_maintenance
from support.modules import run

NODE = "compute-0-0"
OTHER = "compute-0-1"
NOW = "2026-11-22 09:14:05"


def maintain(database: Database, *names: str, **options: Any) -> dict[str, Any]:
    check = options.pop("check", False)
    values = {"nodes": list(names), "database": database.location.url, **options}
    return run("rocks_maintenance", values, check=check)


def actions(database: Database, pin: Pin, *names: str) -> list[str]:
    verdicts = orders.create_orders(
        database, dict.fromkeys(names, pin), by="root", now=NOW, force=True
    )
    return [verdict.action for verdict in verdicts]


def test_no_order_is_created_until_the_maintenance_ends(table_ii: Database, pin: Pin) -> None:
    before = table_ii.rows("select * from nodes order by id")
    result = maintain(table_ii, NODE, reason="fan 3")
    assert result["changed"] and result["nodes"][NODE]["state"] == "maintenance"
    assert "fan 3" in result["nodes"][NODE]["message"]
    assert not maintain(table_ii, NODE, reason="fan 3")["changed"]

    assert actions(table_ii, pin, NODE, OTHER) == ["maintenance", "order"]
    (verdict,) = orders.preview(table_ii, {NODE: pin}, force=True)
    assert "fan 3" in verdict.reason and "state=absent" in verdict.reason
    assert table_ii.rows("select * from nodes order by id") == before
    hosts = load_inventory(table_ii, {}).hosts
    assert [host.name for host in hosts if "maintenance" in host.conditions] == [NODE]

    assert maintain(table_ii, NODE, state="absent")["changed"]
    assert not maintain(table_ii, NODE, state="absent")["changed"]
    assert actions(table_ii, pin, NODE) == ["order"]
    details = table_ii.rows("select detail from audit where action = 'maintenance' order by id")
    assert [tuple(row) for row in details] == [("begins: fan 3",), ("ends",)]


def test_check_mode_changes_nothing(table_ii: Database, pin: Pin) -> None:
    assert maintain(table_ii, NODE, reason="fan 3", check=True)["changed"]
    assert actions(table_ii, pin, NODE) == ["order"]


def test_a_reason_is_required(table_ii: Database) -> None:
    assert "reason" in maintain(table_ii, NODE, reason="  ")["msg"]


def test_a_frontend_and_a_node_with_a_live_order_are_refused(table_ii: Database, pin: Pin) -> None:
    orders.create_orders(table_ii, {NODE: pin}, by="root", now=NOW)
    result = maintain(table_ii, NODE, OTHER, "frontend-0", reason="fan 3")
    states = {name: node["state"] for name, node in result["nodes"].items()}
    assert states == {NODE: "refused", OTHER: "maintenance", "frontend-0": "refused"}
    assert result["failed"]


class Sinfo:
    """Slurm's programs, with the states of the nodes."""

    def __init__(self, **states: str) -> None:
        self.states = states
        self.updates: list[str] = []

    def __call__(self, argv: Sequence[str], **_options: Any) -> ProgramResult:
        if argv[0] == "scontrol":
            self.updates.append(" ".join(argv[2:]))
        lines = (f"{name.replace('_', '-')}|{state}\n" for name, state in self.states.items())
        return ProgramResult(0, "".join(lines), "", 0.0)


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Sinfo:
    programs = Sinfo(compute_0_0="mixed|none", compute_0_1="drained|bad DIMM")
    factory = lambda: Slurm(programs, prefix=node_maintenance.PREFIX)  # noqa: E731
    monkeypatch.setitem(node_maintenance.FACTORIES, "slurm", factory)
    return programs


def test_the_scheduler_drains_and_resumes_only_what_it_drained(
    table_ii: Database, slurm: Sinfo
) -> None:
    result = maintain(table_ii, NODE, OTHER, reason="fan 3", scheduler="slurm")
    drained = f"NodeName={NODE} State=DRAIN Reason=rocks_maintenance: fan 3"
    assert slurm.updates == [drained]
    assert "a job still runs" in result["nodes"][NODE]["message"]
    assert "a job still runs" not in result["nodes"][OTHER]["message"]

    slurm.states["compute_0_0"] = "drained|rocks_maintenance: fan 3"
    Slurm(slurm).resume([NODE])
    assert slurm.updates == [drained]  # a reinstallation does not end it
    maintain(table_ii, NODE, OTHER, state="absent", scheduler="slurm")
    assert slurm.updates == [drained, f"NodeName={NODE} State=RESUME"]


def test_nothing_is_changed_if_the_scheduler_does_not_answer(
    table_ii: Database, pin: Pin, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def drain(self, nodes: Sequence[str], reason: str) -> None:
            raise Unavailable("Slurm failed")

    monkeypatch.setitem(node_maintenance.FACTORIES, "slurm", Away)
    assert maintain(table_ii, NODE, reason="fan 3", scheduler="slurm")["failed"]
    assert actions(table_ii, pin, NODE) == ["order"]
