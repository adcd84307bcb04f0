# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A job that requests a GPU runs where one was counted, with a real slurmctld and slurmds."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError
from ansible_collections.npaci.rocks.plugins.module_utils.reports.snapshot import (
    GROUPS,
    HARDWARE,
    read_snapshot,
)
from support.slurm import SECONDS, slurm
from support.waiting import until

NODES = ["compute-0-0", "compute-0-1"]


def test_a_gpu_is_allocated_where_it_was_counted(table_ii: Database) -> None:
    table_ii.execute(
        "insert into hardware (node, cpus, sockets, cores, threads, memory, gpus, counted)"
        " select id, 2, 1, 2, 1, 1000, case name when 'compute-0-1' then 1 else 0 end,"
        " '2026-11-22 09:14:05' from nodes where name in ('compute-0-0', 'compute-0-1')"
    )
    table_ii.execute(
        "insert into attributes (scope, owner, name, value)"
        " values ('global', 0, 'gpu_device', '/dev/tty')"  # any device: here, a terminal is the GPU
    )
    with slurm(NODES, ["rocks"], counted=read_snapshot(table_ii, {HARDWARE, GROUPS})) as cluster:
        output = pathlib.Path(
            cluster.submit("--gres=gpu:1", script="echo $SLURMD_NODENAME $SLURM_JOB_GPUS; sleep 1")
        )
        until(lambda: "compute" in output.read_text(), SECONDS, "the job ran")
        assert output.read_text().split()[0] == "compute-0-1"
        with pytest.raises(CommandError, match="not available"):
            cluster.submit("--gres=gpu:2", script="true")
        with pytest.raises(CommandError, match="not available"):
            cluster.submit("--gres=gpu:1", "--nodelist=compute-0-0", script="true")
