# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every report says of the paper's cluster, as somebody last read it; and what holds for all of them."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.reports import registry
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import Report, Snapshot
from ansible_collections.npaci.rocks.plugins.module_utils.reports.snapshot import read_snapshot
from support.golden import Golden
from support.reports import MARIADB, report, site, text

every_report = pytest.mark.parametrize("report", registry.REPORTS, ids=lambda report: report.name)


@every_report
def test_a_report_says_what_its_golden_files_say(
    report: Report, snapshot: Snapshot, golden: Golden
) -> None:
    for path, content in report.render(snapshot, site(report.name)).items():
        golden(f"{report.name}/{pathlib.PurePath(path).name}", content)


def test_kea_3_is_told_in_its_own_words(snapshot: Snapshot, golden: Golden) -> None:
    golden(
        "kea/kea-dhcp4-3.conf",
        text("kea", snapshot, release="3.0.1", socket="/var/run/kea/kea4-ctrl-socket"),
    )


def test_slurm_offers_the_distributions_that_a_job_may_ask_for(
    snapshot: Snapshot, golden: Golden
) -> None:
    said = site(
        "slurm", distributions=["rocks", "rocks-testing"], path="/etc/slurm/offers-nodes.conf"
    )
    for path, content in report("slurm").render(snapshot, said).items():
        golden(f"slurm/{pathlib.PurePath(path).name}", content)


def test_kea_on_mariadb_reads_the_view(snapshot: Snapshot, golden: Golden) -> None:
    golden("kea/kea-dhcp4-view.conf", text("kea", snapshot, location=MARIADB))


@every_report
def test_a_report_says_the_same_of_the_same_database(report: Report, snapshot: Snapshot) -> None:
    assert report.render(snapshot, site(report.name)) == report.render(snapshot, site(report.name))


@every_report
def test_a_report_of_an_empty_database_can_be_rendered(report: Report) -> None:
    assert report.render(Snapshot(), site(report.name))


@every_report
def test_every_file_says_who_writes_it_and_ends_its_last_line(
    report: Report, snapshot: Snapshot
) -> None:
    for content in report.render(snapshot, site(report.name)).values():
        assert "Written by rocks_report" in content
        assert content.endswith("\n") and not re.search(r"[ \t]\n", content)


@every_report
def test_every_report_has_a_name_of_its_own_and_a_summary(report: Report) -> None:
    assert re.fullmatch(r"[a-z_]+", report.name) and report.summary
    assert [one.name for one in registry.REPORTS].count(report.name) == 1


@every_report
def test_a_report_reads_only_the_parts_that_it_says_it_needs(
    report: Report, described: Database
) -> None:
    whole = report.render(read_snapshot(described, {"hardware", "groups"}), site(report.name))
    assert report.render(read_snapshot(described, report.needs), site(report.name)) == whole
