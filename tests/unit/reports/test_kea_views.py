# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The SQL of Kea's views; on real MariaDB in tests/integration/reports/test_keaview.py."""

from __future__ import annotations

import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, Refused
from ansible_collections.npaci.rocks.plugins.module_utils.install.states import OPEN
from ansible_collections.npaci.rocks.plugins.module_utils.reports.dhcp import dhcp_intent, kea_views
from ansible_collections.npaci.rocks.plugins.module_utils.reports.dhcp.kea_views import (
    ViewSettings,
    view_statements,
)

VIEW = ViewSettings("rocks_kea", "14.0", "_kea")


def test_the_states_that_show_in_the_answer_are_those_that_open_the_installer() -> None:
    (listed,) = re.findall(r"installs\.state in \(([^)]*)\)", kea_views.HOSTS)
    assert tuple(re.findall(r"'(\w+)'", listed)) == OPEN


def test_the_view_serves_the_networks_that_the_file_serves() -> None:
    (listed,) = re.findall(r"networks\.kind in \(([^)]*)\)", kea_views.HOSTS)
    assert tuple(re.findall(r"'(\w+)'", listed)) == dhcp_intent.SERVED


def test_every_view_that_is_looked_for_is_made() -> None:
    made = re.findall(r"view `rocks_kea`\.(\w+) as", " ".join(view_statements(VIEW, "cluster")))
    assert set(made) == kea_views.VIEWS


def test_an_account_that_comes_over_the_network_is_not_made_without_a_password() -> None:
    local, remote = (
        view_statements(VIEW, "cluster"),
        view_statements(VIEW._replace(host="%"), "cluster"),
    )
    assert any("create user" in one for one in local) and not any(
        "create user" in one for one in remote
    )
    assert "grant select on `rocks_kea`.* to '_kea'@'%'" in remote


@pytest.mark.parametrize("field", ["name", "account", "host"])
@pytest.mark.parametrize("text", ["", "a`b", "a'b", "a b", "a;b", "a\nb"])
def test_no_name_breaks_out_of_the_sql(field: str, text: str) -> None:
    with pytest.raises(DescriptionError, match="letters, digits and any of"):
        view_statements(VIEW._replace(**{field: text}), "cluster")


@pytest.mark.parametrize("schema", ["fourteen", "14", "14.0; drop table nodes", ""])
def test_a_schema_version_is_two_numbers(schema: str) -> None:
    with pytest.raises(DescriptionError, match="two numbers"):
        view_statements(VIEW._replace(schema=schema), "cluster")


def test_another_kea_release_makes_other_statements() -> None:
    assert (
        view_statements(VIEW, "cluster")[-1]
        != view_statements(VIEW._replace(schema="19.0"), "cluster")[-1]
    )


def test_sqlite_cannot_be_read_by_kea(described: Database) -> None:
    if described.engine == "sqlite":
        with pytest.raises(Refused, match="only MariaDB can be read by Kea"):
            kea_views.install_views(described, VIEW)
