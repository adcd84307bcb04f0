# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The SQL of Kea's views; on real MariaDB in tests/integration/reports/test_kea_views.py."""

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
LABELS = {"name": "view"}


def test_ordered_nodes_are_those_that_can_boot_the_installer() -> None:
    (listed,) = re.findall(r"installs\.state in \(([^)]*)\)", kea_views.HOSTS)
    assert tuple(re.findall(r"'(\w+)'", listed)) == OPEN


def test_the_view_and_the_file_serve_the_same_networks() -> None:
    (listed,) = re.findall(r"networks\.kind in \(([^)]*)\)", kea_views.HOSTS)
    assert tuple(re.findall(r"'(\w+)'", listed)) == dhcp_intent.SERVED


def test_all_views_are_created() -> None:
    created = re.findall(r"view `rocks_kea`\.(\w+) as", " ".join(view_statements(VIEW, "cluster")))
    assert set(created) == kea_views.VIEWS


def test_a_remote_account_is_not_created_without_a_password() -> None:
    local = view_statements(VIEW, "cluster")
    remote = view_statements(VIEW._replace(host="%"), "cluster")
    assert any("create user" in statement for statement in local)
    assert not any("create user" in statement for statement in remote)
    assert "grant select on `rocks_kea`.* to '_kea'@'%'" in remote


@pytest.mark.parametrize("field", ["name", "account", "host"])
@pytest.mark.parametrize("text", ["", "a`b", "a'b", "a b", "a;b", "a\nb"])
def test_a_name_that_could_break_out_of_the_sql_is_refused(field: str, text: str) -> None:
    view = ViewSettings(**{**VIEW._asdict(), field: text})
    with pytest.raises(DescriptionError, match=f"not a valid {LABELS.get(field, field)}"):
        view_statements(view, "cluster")


@pytest.mark.parametrize("schema", ["fourteen", "14", "14.0; drop table nodes", ""])
def test_a_schema_version_is_two_numbers(schema: str) -> None:
    with pytest.raises(DescriptionError, match="schema"):
        view_statements(VIEW._replace(schema=schema), "cluster")


def test_another_schema_changes_the_last_statement() -> None:
    assert (
        view_statements(VIEW, "cluster")[-1]
        != view_statements(VIEW._replace(schema="19.0"), "cluster")[-1]
    )


def test_kea_cannot_read_sqlite(described: Database) -> None:
    if described.engine == "sqlite":
        with pytest.raises(Refused, match="MariaDB only"):
            kea_views.install_views(described, VIEW)
