# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slurm's partitions, resources and topology, from rows, attributes and a site's SQL."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import Snapshot
from ansible_collections.npaci.rocks.plugins.module_utils.reports.preview import preview_reports
from ansible_collections.npaci.rocks.plugins.module_utils.reports.snapshot import (
    GROUPS,
    HARDWARE,
    read_snapshot,
)
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings
from support.reports import into, report, site

WITH_GPUS = (
    "select n.name from nodes n join hardware h on h.node = n.id where h.gpus > 0 order by n.name"
)


def files(snapshot: Snapshot, **options: Any) -> dict[str, str]:
    rendered = report("slurm").render(snapshot, site("slurm", **options))
    return {pathlib.PurePath(path).name: content for path, content in rendered.items()}


def lines(content: str, start: str) -> list[str]:
    return [line for line in content.splitlines() if line.startswith(start)]


def set_attribute(database: Database, node: int, name: str, value: str) -> None:
    database.execute("delete from attributes where node = ? and name = ?", (node, name))
    database.execute(
        "insert into attributes (scope, node, owner, name, value) values ('node', ?, ?, ?, ?)",
        (node, node, name, value),
    )


def partitions_of(
    database: Database, folder: pathlib.Path, **partitions: Any
) -> tuple[list[str], str, tuple[str, ...]]:
    """Return the partitions' lines, the fault and the warnings of a preview."""
    options = into(folder, "slurm", partitions=partitions)
    settings = Settings(database=database.location.url, reports={"slurm": options})
    (preview,) = preview_reports(
        database, settings, ["slurm"], run=lambda *_argv, **_options: ProgramResult(0, "", "", 0)
    )
    content = "".join(preview.files.values())
    return lines(content, "PartitionName"), preview.fault, preview.warnings


def test_a_query_selects_the_nodes_of_a_partition(
    described: Database, tmp_path: pathlib.Path
) -> None:
    rows, fault, warnings = partitions_of(
        described,
        tmp_path,
        gpu={"nodes": WITH_GPUS, "MaxTime": "1-00:00:00", "PriorityTier": 10},
        all={"Default": True},
    )
    assert not fault
    assert not [warning for warning in warnings if "partition" in warning]
    assert rows == [
        "PartitionName=gpu Nodes=compute-0-2 MaxTime=1-00:00:00 PriorityTier=10",
        "PartitionName=all Nodes=compute-0-[0-3] Default=YES",
    ]


def test_partitions_follow_a_node_that_moves(described: Database, tmp_path: pathlib.Path) -> None:
    queries = {f"rack{rack}": f"select name from nodes where rack = {rack}" for rack in (0, 1)}
    before, _fault, _warnings = partitions_of(described, tmp_path, **queries)
    described.execute("update nodes set rack = 1 where name = 'compute-0-3'")
    after, _fault, _warnings = partitions_of(described, tmp_path, **queries)
    assert before[0] == "PartitionName=rack0 Nodes=compute-0-[0-3] Default=YES"
    assert after[0] == "PartitionName=rack0 Nodes=compute-0-[0-2] Default=YES"
    assert after[1].startswith("PartitionName=rack1 Nodes=compute-0-3")


def test_a_node_that_runs_no_jobs_is_left_out_of_a_partition_with_a_warning(
    described: Database, tmp_path: pathlib.Path
) -> None:
    rows, fault, warnings = partitions_of(
        described, tmp_path, all="select name from nodes where rack = 0 and name like '%-0-0'"
    )
    assert not fault
    assert rows == ["PartitionName=all Nodes=compute-0-0 Default=YES"]
    assert [warning for warning in warnings if "network-0-0" in warning]


@pytest.mark.parametrize(
    "partition",
    [
        "delete from nodes",
        "select nothing from nodes",
        {"nodes": 3},
        {"Nodes": "compute-0-0"},
        {"PartitionName": "x"},
        {"MaxTime": "1\nNodeName=x"},
        {"MaxTime": "a b"},
        {"max time": "1"},
        {"MaxTime": ["1"]},
        ["select name from nodes"],
    ],
)
def test_a_faulty_partition_is_an_error(
    described: Database, tmp_path: pathlib.Path, partition: Any
) -> None:
    rows, fault, _warnings = partitions_of(described, tmp_path, all=partition)
    assert fault
    assert not rows


@pytest.mark.parametrize("name", ["", "two words", 'a"b', "a\nb"])
def test_the_name_of_a_partition_is_one_word(snapshot: Snapshot, name: str) -> None:
    with pytest.raises(DescriptionError):
        files(snapshot, partitions={name: ""})


def test_two_partitions_cannot_both_be_the_default(snapshot: Snapshot) -> None:
    with pytest.raises(DescriptionError, match="default"):
        files(snapshot, partitions={"a": {"Default": True}, "b": {"Default": "yes"}})


def test_counted_gpus_can_be_requested(described: Database) -> None:
    set_attribute(described, 6, "gpu_type", "a100")
    snapshot = read_snapshot(described, {HARDWARE, GROUPS})
    rendered = files(snapshot)
    assert "GresTypes=gpu" in rendered["rocks-nodes.conf"].splitlines()
    assert " Gres=gpu:a100:2 " in rendered["rocks-nodes.conf"]
    assert lines(rendered["gres.conf"], "NodeName") == [
        "NodeName=compute-0-2 Name=gpu Type=a100 File=/dev/nvidia[0-1]"
    ]


@pytest.mark.parametrize(
    ("device", "line"),
    [
        ("/dev/nvidia", "NodeName=compute-0-2 Name=gpu File=/dev/nvidia[0-1]"),
        ("nvml", "NodeName=compute-0-2 AutoDetect=nvml"),
    ],
)
def test_slurmd_finds_the_devices(described: Database, device: str, line: str) -> None:
    set_attribute(described, 6, "gpu_device", device)
    snapshot = read_snapshot(described, {HARDWARE, GROUPS})
    assert lines(files(snapshot)["gres.conf"], "NodeName") == [line]
    assert not report("slurm").left_out(snapshot, site("slurm"))


@pytest.mark.parametrize("device", ["", "magic", "/dev/x y", "/dev/x\nName=y"])
def test_a_gpu_without_a_device_is_not_offered_and_named(described: Database, device: str) -> None:
    set_attribute(described, 6, "gpu_device", device)
    snapshot = read_snapshot(described, {HARDWARE, GROUPS})
    rendered = files(snapshot)
    assert "gpu" not in rendered["rocks-nodes.conf"]
    assert not lines(rendered["gres.conf"], "NodeName")
    assert "compute-0-2" in {
        fault.where for fault in report("slurm").left_out(snapshot, site("slurm"))
    }


def test_a_faulty_attribute_is_left_out_and_the_node_stays(described: Database) -> None:
    set_attribute(described, 4, "slurm_features", "infiniband, two words")
    set_attribute(described, 5, "slurm_weight", "heavy")
    set_attribute(described, 6, "slurm_weight", "100")
    snapshot = read_snapshot(described, {HARDWARE, GROUPS})
    slurm_site = site("slurm")
    rows = lines(files(snapshot)["rocks-nodes.conf"], "NodeName")
    assert len(rows) == 4
    assert [row for row in rows if "compute-0-0 " in row and "rack0,infiniband" in row]
    assert [row for row in rows if "compute-0-2 " in row and row.endswith(" Weight=100")]
    faults = report("slurm").left_out(snapshot, slurm_site)
    assert {"compute-0-0", "compute-0-1"} <= {fault.where for fault in faults}


def test_the_topology_has_a_switch_for_each_rack(described: Database) -> None:
    described.execute("update nodes set rack = 1 where name = 'compute-0-3'")
    snapshot = read_snapshot(described, {HARDWARE, GROUPS})
    rendered = files(snapshot, topology=True)
    assert "TopologyPlugin=topology/tree" in rendered["rocks-nodes.conf"].splitlines()
    assert lines(rendered["topology.conf"], "SwitchName") == [
        "SwitchName=network-0-0 Nodes=compute-0-[0-2]",
        "SwitchName=rack1 Nodes=compute-0-3",
        "SwitchName=top Switches=network-0-0,rack1",
    ]
