# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Selection of a site's reports and their options."""

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


def test_the_default_is_all_reports_that_the_site_lists() -> None:
    assert [report.name for report, _ in select_reports({"slurm": None, "hosts": {}})] == [
        "hosts",
        "slurm",
    ]


def test_a_disabled_report_can_still_be_selected_by_name() -> None:
    options = {"hosts": {"enabled": False}, "slurm": {}}
    assert [report.name for report, _ in select_reports(options)] == ["slurm"]
    assert [report.name for report, _ in select_reports(options, ["hosts"])] == ["hosts"]


def test_an_unlisted_report_has_its_default_options() -> None:
    ((report, options),) = select_reports({}, ["hosts"])
    assert (report.name, options["path"]) == ("hosts", "/etc/hosts")


def test_an_option_of_the_site_overrides_the_default() -> None:
    ((_, options),) = select_reports({"kea": {"lease": 600, "interfaces": ["eth1"]}})
    assert (options["lease"], options["interfaces"], options["loader"]) == (600, ["eth1"], "grub")


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        pytest.param({"keaa": {}}, "unknown report 'keaa'", id="unknown report"),
        pytest.param(
            {"kea": {"interface": "eth1"}}, "unknown option 'interface'", id="unknown option"
        ),
        pytest.param(
            {"kea": {"interfaces": "eth1"}}, "kea: interfaces: 'eth1'", id="text for a list"
        ),
        pytest.param({"kea": {"interfaces": [1]}}, "kea: interfaces: [1]", id="a number in a list"),
        pytest.param({"kea": {"lease": "long"}}, "kea: lease: 'long'", id="text for a number"),
        pytest.param({"kea": {"lease": True}}, "kea: lease: True", id="a boolean for a number"),
        pytest.param({"dnsmasq": {"dns": 1}}, "dnsmasq: dns: 1", id="a number for a boolean"),
        pytest.param({"hosts": {"path": "/etc/hosts\n"}}, "hosts: path: ", id="a line break"),
        pytest.param({"powerman": {"ipmipower": 'x"'}}, "powerman: ipmipower: ", id="a quote"),
        pytest.param({"hosts": ["/etc/hosts"]}, "hosts: ['/etc/hosts']", id="a list of options"),
    ],
)
def test_faulty_options_are_refused(options: dict[str, Any], facts: str) -> None:
    with pytest.raises(RocksError) as refused:
        select_reports(options)
    assert facts in str(refused.value)


def test_all_faulty_options_are_reported_at_once() -> None:
    with pytest.raises(RocksError) as refused:
        select_reports({"keaa": {}, "kea": {"interface": "eth1", "lease": "long"}}, ["hots"])
    assert "4 errors" in str(refused.value)


def test_options_of_a_call_override_those_of_the_site() -> None:
    site = merge_options(
        Settings(reports={"kea": {"lease": 600, "log": "x"}}), ["kea"], {"lease": 60}
    )
    ((_, options),) = select_reports(site.reports)
    assert (options["lease"], options["log"]) == (60, "x")


@pytest.mark.parametrize("names", [None, ["hosts", "kea"], []])
def test_options_of_a_call_require_one_name(names: Any) -> None:
    with pytest.raises(DescriptionError, match="exactly one report"):
        merge_options(Settings(), names, {"path": "/x"})


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_the_type_of_every_default_is_checked(report: Any) -> None:
    assert {type(value) for value in default_options(report).values()} <= {
        str,
        int,
        bool,
        list,
        dict,
    }
