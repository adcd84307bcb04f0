# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of a node's packages are older than a version; tests of ``evr`` compare the order."""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.package_versions import (
    VersionFinding,
    compare_versions,
    result_of,
)
from support.modules import run

PACKAGES = (
    "openssl-libs-1:3.0.7-24.el9.x86_64",
    "kernel-core-5.14.0-427.el9.x86_64",
    "kernel-core-5.14.0-70.el9.x86_64",
    "python3-pip-21.2.3-8.el9.noarch",
)


@pytest.mark.parametrize(
    ("pattern", "older_than", "state", "count"),
    [
        ("openssl-libs", "1:3.0.7-27.el9", "older", 1),
        ("openssl-libs", "3.0.7-27.el9", "installed", 1),  # epoch 1 is newer than epoch 0
        ("openssl-libs", "1:3.0.7", "installed", 1),
        ("openssl", "9", "not installed", 0),
        ("kernel-core", "5.14.0-100.el9", "older", 1),
        ("kernel-*", None, "installed", 2),
        ("python3-pip", "21.10", "older", 1),
    ],
)
def test_versions_are_compared_as_rpm_does(
    pattern: str, older_than: Optional[str], state: str, count: int
) -> None:
    finding = compare_versions("compute-0-0", PACKAGES, pattern, older_than)
    assert (finding.state, len(finding.packages)) == (state, count)


def test_a_node_that_does_not_answer_makes_the_result_incomplete() -> None:
    findings = [
        VersionFinding("compute-0-1", "unreachable", message="timed out"),
        VersionFinding("compute-0-0", "older", PACKAGES[:1]),
    ]
    result = result_of(findings)
    assert result["failed"] and list(result["nodes"]) == ["compute-0-0", "compute-0-1"]
    assert "1 older (compute-0-0)" in result["msg"]
    assert not result_of(findings[1:])["failed"]


def test_a_faulty_version_is_an_error(table_ii: Database) -> None:
    result = run(
        "rocks_package_info",
        nodes=["compute-0-0"],
        name="bash",
        older_than="x:1",
        database=table_ii.location.url,
    )
    assert '"x:1"' in result["msg"]
