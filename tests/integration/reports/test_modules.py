# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The modules rocks_report and rocks_report_info."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.reports.registry import REPORTS
from support.ansible import ROOT, module
from support.reports import into

Site = dict[str, str]


@pytest.fixture
def site(described: Database, tmp_path: pathlib.Path) -> Site:
    """Create a site with two reports; return the environment that selects it."""
    (tmp_path / "etc").mkdir()
    reports = {name: into(tmp_path / "etc", name) for name in ("hosts", "ethers")}
    (tmp_path / "rocks.yml").write_text(
        json.dumps({"database": described.location.url, "reports": reports})
    )
    return {"ROCKS_CONFIG": str(tmp_path / "rocks.yml")}


def run_module(name: str, options: dict[str, Any], site: Site, **mode: bool) -> Any:
    """Run the module as Ansible does on the frontend, and return its result."""
    arguments = {**options, **{f"_ansible_{key}": value for key, value in mode.items()}}
    result = subprocess.run(
        [sys.executable, str(ROOT / "plugins" / "modules" / f"{name}.py")],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env={**os.environ, **site, "PYTHONPATH": str(ROOT / ".collections")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.stdout, result.stderr
    return json.loads(result.stdout)


def changed_by_name(result: Any) -> dict[str, bool]:
    return {report["name"]: report["changed"] for report in result["reports"]}


def test_ansible_writes_a_report_by_the_modules_short_name(
    site: Site, tmp_path: pathlib.Path
) -> None:
    assert module("rocks_report", {"name": ["hosts"]}, env=site)["changed"]
    assert (
        "10.255.255.245 compute-0-0.cluster compute-0-0" in (tmp_path / "etc" / "hosts").read_text()
    )


def test_without_a_name_all_reports_of_the_site_are_written(
    site: Site, tmp_path: pathlib.Path
) -> None:
    first = run_module("rocks_report", {}, site)
    assert first["changed"] and changed_by_name(first) == {"hosts": True, "ethers": True}
    assert (
        "10.255.255.245 compute-0-0.cluster compute-0-0" in (tmp_path / "etc" / "hosts").read_text()
    )
    again = run_module("rocks_report", {}, site)
    assert not again["changed"] and changed_by_name(again) == {"hosts": False, "ethers": False}


def test_check_mode_returns_the_difference_and_writes_nothing(
    site: Site, tmp_path: pathlib.Path
) -> None:
    result = run_module("rocks_report", {"name": ["hosts"]}, site, check_mode=True, diff=True)
    assert result["changed"] and list((tmp_path / "etc").iterdir()) == []
    (difference,) = result["diff"]
    assert difference["before"] == "" and "compute-0-0" in difference["after"]
    assert difference["after_header"] == str(tmp_path / "etc" / "hosts")


def test_options_of_a_call_apply_to_that_call(site: Site, tmp_path: pathlib.Path) -> None:
    options = {"path": str(tmp_path / "m"), "flavour": "mpich"}
    run_module("rocks_report", {"name": ["machines"], "options": options}, site)
    assert "compute-0-0:8\n" in (tmp_path / "m").read_text()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"name": ["hots"]}, "unknown report 'hots'"),
        ({"options": {"path": "/x"}}, "options: "),
        ({"name": ["hosts"], "options": {"pth": "/x"}}, "unknown option 'pth'"),
        (
            {"name": ["hosts"], "options": {"path": "/no/such/folder/hosts"}},
            "/no/such/folder: ",
        ),
        ({"name": ["hosts"], "database": "sqlite:///no/such.sqlite"}, "no/such.sqlite"),
    ],
)
def test_faulty_options_fail_with_a_plain_message(
    options: dict[str, Any], named: str, site: Site
) -> None:
    result = run_module("rocks_report", options, site)
    assert result["failed"] and named in result["msg"] and "Traceback" not in result["msg"]


def test_the_info_module_lists_reports_with_their_options(
    site: Site, tmp_path: pathlib.Path
) -> None:
    reports = {row["name"]: row for row in run_module("rocks_report_info", {}, site)["reports"]}
    assert set(reports) == {report.name for report in REPORTS}
    assert reports["hosts"]["enabled"] and not reports["kea"]["enabled"]
    assert (
        reports["hosts"]["options"]["path"] == str(tmp_path / "etc" / "hosts")
        and reports["hosts"]["files"] == {}
    )


def test_a_report_can_be_rendered_without_writing_it(site: Site, tmp_path: pathlib.Path) -> None:
    (report,) = run_module("rocks_report_info", {"name": ["hosts"]}, site)["reports"]
    assert (
        report["fault"] == "" and "compute-0-0" in report["files"][str(tmp_path / "etc" / "hosts")]
    )
    assert list((tmp_path / "etc").iterdir()) == []


def test_the_info_module_returns_what_prevents_a_report(site: Site) -> None:
    (report,) = run_module("rocks_report_info", {"name": ["kea"]}, site)["reports"]
    assert report["files"] == {} and "interfaces" in report["fault"]
