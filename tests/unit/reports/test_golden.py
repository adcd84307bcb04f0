# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of every report for the paper's cluster, and the rules for all reports."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.reports import registry
from ansible_collections.npaci.rocks.plugins.module_utils.reports.atomic_install import MARK
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import Report, Snapshot
from ansible_collections.npaci.rocks.plugins.module_utils.reports.snapshot import read_snapshot
from support.golden import Golden
from support.reports import MARIADB, report, site, text

every_report = pytest.mark.parametrize("report", registry.REPORTS, ids=lambda report: report.name)


@every_report
def test_a_report_equals_its_golden_files(
    report: Report, snapshot: Snapshot, golden: Golden
) -> None:
    for path, content in report.render(snapshot, site(report.name)).items():
        golden(f"{report.name}/{pathlib.PurePath(path).name}", content)


def test_kea_3_has_its_own_syntax(snapshot: Snapshot, golden: Golden) -> None:
    golden("kea/kea-dhcp4-3.conf", text("kea", snapshot, release="3.0.1"))


def test_slurm_offers_distributions_as_features(snapshot: Snapshot, golden: Golden) -> None:
    slurm_site = site(
        "slurm", distributions=["rocks", "rocks-testing"], path="/etc/slurm/offers-nodes.conf"
    )
    for path, content in report("slurm").render(snapshot, slurm_site).items():
        golden(f"slurm/{pathlib.PurePath(path).name}", content)


def test_kea_on_mariadb_reads_the_view(snapshot: Snapshot, golden: Golden) -> None:
    golden("kea/kea-dhcp4-view.conf", text("kea", snapshot, location=MARIADB))


@every_report
def test_rendering_twice_gives_the_same_files(report: Report, snapshot: Snapshot) -> None:
    assert report.render(snapshot, site(report.name)) == report.render(snapshot, site(report.name))


@every_report
def test_a_report_of_an_empty_database_can_be_rendered(report: Report) -> None:
    assert report.render(Snapshot(), site(report.name))


@every_report
def test_every_file_names_its_author_and_ends_with_a_line_break(
    report: Report, snapshot: Snapshot
) -> None:
    for content in report.render(snapshot, site(report.name)).values():
        assert MARK in content
        assert content.endswith("\n") and not re.search(r"[ \t]\n", content)


@every_report
def test_every_report_has_a_unique_name_and_a_summary(report: Report) -> None:
    assert re.fullmatch(r"[a-z_]+", report.name) and report.summary
    assert [other.name for other in registry.REPORTS].count(report.name) == 1


def test_the_reports_that_machines_wait_for_are_written_first() -> None:
    waited_for = [report.serves_machines for report in registry.REPORTS]
    assert waited_for == sorted(waited_for, reverse=True)
    assert {report.name for report in registry.REPORTS if report.serves_machines} == {
        *("hosts", "ethers", "kea", "dhcpd", "dnsmasq", "bind", "unbound")
    }


@every_report
def test_a_report_reads_only_the_parts_in_needs(report: Report, described: Database) -> None:
    whole = report.render(read_snapshot(described, {"hardware", "groups"}), site(report.name))
    assert report.render(read_snapshot(described, report.needs), site(report.name)) == whole
