# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""rocks_report and rocks_report_info as an administrator types them."""

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
    """A site with two reports; the environment that names it."""
    (tmp_path / "etc").mkdir()
    said = {name: into(tmp_path / "etc", name) for name in ("hosts", "ethers")}
    (tmp_path / "rocks.yml").write_text(
        json.dumps({"database": described.location.url, "reports": said})
    )
    return {"ROCKS_CONFIG": str(tmp_path / "rocks.yml")}


def called(name: str, arguments: dict[str, Any], site: Site, **mode: bool) -> Any:
    """The module's own program, as Ansible runs it on the frontend."""
    asked = {**arguments, **{f"_ansible_{key}": value for key, value in mode.items()}}
    ended = subprocess.run(
        [sys.executable, str(ROOT / "plugins" / "modules" / f"{name}.py")],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": asked}),
        env={**os.environ, **site, "PYTHONPATH": str(ROOT / ".collections")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout, ended.stderr
    return json.loads(ended.stdout)


def written(result: Any) -> dict[str, bool]:
    return {one["name"]: one["changed"] for one in result["reports"]}


def test_ansible_writes_a_report_by_the_modules_short_name(
    site: Site, tmp_path: pathlib.Path
) -> None:
    assert module("rocks_report", {"name": ["hosts"]}, env=site)["changed"]
    assert (
        "10.255.255.245 compute-0-0.cluster compute-0-0" in (tmp_path / "etc" / "hosts").read_text()
    )


def test_without_a_name_the_reports_of_the_site_are_written_once(
    site: Site, tmp_path: pathlib.Path
) -> None:
    first = called("rocks_report", {}, site)
    assert first["changed"] and written(first) == {"hosts": True, "ethers": True}
    assert (
        "10.255.255.245 compute-0-0.cluster compute-0-0" in (tmp_path / "etc" / "hosts").read_text()
    )
    again = called("rocks_report", {}, site)
    assert not again["changed"] and written(again) == {"hosts": False, "ethers": False}


def test_check_mode_tells_the_difference_and_writes_nothing(
    site: Site, tmp_path: pathlib.Path
) -> None:
    result = called("rocks_report", {"name": ["hosts"]}, site, check_mode=True, diff=True)
    assert result["changed"] and list((tmp_path / "etc").iterdir()) == []
    (difference,) = result["diff"]
    assert difference["before"] == "" and "compute-0-0" in difference["after"]
    assert difference["after_header"] == str(tmp_path / "etc" / "hosts")


def test_options_of_a_call_count_for_that_call(site: Site, tmp_path: pathlib.Path) -> None:
    options = {"path": str(tmp_path / "m"), "flavour": "mpich"}
    called("rocks_report", {"name": ["machines"], "options": options}, site)
    assert "compute-0-0:8\n" in (tmp_path / "m").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": ["hots"]}, "there is no report 'hots'"),
        ({"options": {"path": "/x"}}, "name the one they are of"),
        ({"name": ["hosts"], "options": {"pth": "/x"}}, "unknown option 'pth'"),
        (
            {"name": ["hosts"], "options": {"path": "/no/such/folder/hosts"}},
            "/no/such/folder: no such folder",
        ),
        ({"name": ["hosts"], "database": "sqlite:///no/such.sqlite"}, "no such database"),
    ],
)
def test_what_cannot_be_meant_fails_in_one_sentence(
    arguments: dict[str, Any], words: str, site: Site
) -> None:
    result = called("rocks_report", arguments, site)
    assert result["failed"] and words in result["msg"] and "Traceback" not in result["msg"]


def test_the_reports_are_told_with_their_options(site: Site, tmp_path: pathlib.Path) -> None:
    told = {one["name"]: one for one in called("rocks_report_info", {}, site)["reports"]}
    assert set(told) == {report.name for report in REPORTS}
    assert told["hosts"]["enabled"] and not told["kea"]["enabled"]
    assert (
        told["hosts"]["options"]["path"] == str(tmp_path / "etc" / "hosts")
        and told["hosts"]["files"] == {}
    )


def test_a_report_is_shown_without_being_written(site: Site, tmp_path: pathlib.Path) -> None:
    (shown,) = called("rocks_report_info", {"name": ["hosts"]}, site)["reports"]
    assert shown["fault"] == "" and "compute-0-0" in shown["files"][str(tmp_path / "etc" / "hosts")]
    assert list((tmp_path / "etc").iterdir()) == []


def test_what_stands_in_a_reports_way_is_told_with_it(site: Site) -> None:
    (shown,) = called("rocks_report_info", {"name": ["kea"]}, site)["reports"]
    assert shown["files"] == {} and "name the interfaces of the private side" in shown["fault"]
