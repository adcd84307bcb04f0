# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a site may say of its reports."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.reports.options import (
    default_options,
    merge_options,
    select_reports,
)
from ansible_collections.npaci.rocks.plugins.module_utils.reports.registry import REPORTS
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings


def test_the_reports_of_a_site_are_those_that_it_lists() -> None:
    assert [report.name for report, _ in select_reports({"slurm": None, "hosts": {}})] == [
        "hosts",
        "slurm",
    ]


def test_a_listed_report_may_be_switched_off_and_still_be_named() -> None:
    said = {"hosts": {"enabled": False}, "slurm": {}}
    assert [report.name for report, _ in select_reports(said)] == ["slurm"]
    assert [report.name for report, _ in select_reports(said, ["hosts"])] == ["hosts"]


def test_a_report_that_is_not_listed_can_be_named_and_has_its_defaults() -> None:
    ((report, options),) = select_reports({}, ["hosts"])
    assert (report.name, options["path"]) == ("hosts", "/etc/hosts")


def test_what_a_site_says_stands_over_the_default() -> None:
    ((_, options),) = select_reports({"kea": {"lease": 600, "interfaces": ["eth1"]}})
    assert (options["lease"], options["interfaces"], options["loader"]) == (600, ["eth1"], "grub")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        pytest.param({"keaa": {}}, "no report 'keaa'", id="unknown report"),
        pytest.param(
            {"kea": {"interface": "eth1"}}, "unknown option 'interface'", id="unknown option"
        ),
        pytest.param(
            {"kea": {"interfaces": "eth1"}}, "a list of texts is expected", id="text for a list"
        ),
        pytest.param(
            {"kea": {"interfaces": [1]}}, "a list of texts is expected", id="a number in a list"
        ),
        pytest.param({"kea": {"lease": "long"}}, "a number is expected", id="text for a number"),
        pytest.param({"kea": {"lease": True}}, "a number is expected", id="yes for a number"),
        pytest.param({"dnsmasq": {"dns": 1}}, "a yes or no is expected", id="a number for yes"),
        pytest.param(
            {"hosts": {"path": "/etc/hosts\n"}}, "a text of one line is expected", id="a line break"
        ),
        pytest.param(
            {"powerman": {"ipmipower": 'x"'}}, "a text of one line is expected", id="a quote"
        ),
        pytest.param(
            {"hosts": ["/etc/hosts"]}, "a mapping of options is expected", id="a list of options"
        ),
    ],
)
def test_what_cannot_be_meant_is_told(said: dict[str, Any], words: str) -> None:
    with pytest.raises(RocksError) as refused:
        select_reports(said)
    assert words in str(refused.value)


def test_all_that_cannot_be_meant_is_told_at_once() -> None:
    with pytest.raises(RocksError) as refused:
        select_reports({"keaa": {}, "kea": {"interface": "eth1", "lease": "long"}}, ["hots"])
    assert "4 errors" in str(refused.value)


def test_options_of_a_call_stand_over_those_of_the_site() -> None:
    site = merge_options(
        Settings(reports={"kea": {"lease": 600, "log": "x"}}), ["kea"], {"lease": 60}
    )
    ((_, options),) = select_reports(site.reports)
    assert (options["lease"], options["log"]) == (60, "x")


@pytest.mark.parametrize("names", [None, ["hosts", "kea"], []])
def test_options_of_a_call_are_of_one_named_report(names: Any) -> None:
    with pytest.raises(DescriptionError, match="more than one report"):
        merge_options(Settings(), names, {"path": "/x"})


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_every_option_has_a_default_of_a_kind_that_is_checked(report: Any) -> None:
    assert {type(value) for value in default_options(report).values()} <= {str, int, bool, list}
