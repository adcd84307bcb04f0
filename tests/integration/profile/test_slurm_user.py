# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node uses the frontend's number for the user slurm, whatever number a package chose."""

from __future__ import annotations

import os
import pathlib

import pytest

from support import scratch
from support.profiles import kickstart, scripts

OTHER = "slurm:x:990:990::/var/lib/slurm:/sbin/nologin\n"
SAME = "slurm:x:450:990::/var/lib/slurm:/sbin/nologin\n"


@pytest.fixture
def script() -> str:
    """Return the script of a node whose frontend uses the number 450."""
    (section,) = (
        candidate
        for candidate in scripts(kickstart("compute", "rhel9", slurm_id="450"), "rhel9")
        if candidate.node == "slurm-user"
    )
    return section.text


@pytest.mark.parametrize("row", [OTHER, SAME, ""], ids=["another number", "this number", "no user"])
def test_a_node_has_the_frontends_number_of_the_slurm_user(
    tmp_path: pathlib.Path, script: str, row: str
) -> None:
    root = scratch.make(tmp_path)
    passwd = root / "etc/passwd"
    spool = root / "var/log/slurm"
    others = root / "var/log/munge"
    rows = [
        line
        for line in passwd.read_text().splitlines(keepends=True)
        if not line.startswith("slurm:")
    ]
    passwd.write_text("".join(rows) + row)
    spool.mkdir()
    others.mkdir()
    os.chown(others, 77, 77)
    if row:
        os.chown(spool, int(row.split(":")[2]), 990)
    result = scratch.run(root, script)
    assert result.status == 0, result.stderr
    assert [
        line.split(":")[2] for line in passwd.read_text().splitlines() if line.startswith("slurm:")
    ] == ["450"]
    assert spool.stat().st_uid == (450 if row else 0)
    assert others.stat().st_uid == 77
