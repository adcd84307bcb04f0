"""Attributes and secrets: global, of an appliance, of a node; the narrower scope wins."""

from __future__ import annotations

import re
from typing import Optional

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Attribute, RowChange
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import find_node, list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    effective_attributes,
    effective_for_nodes,
    effective_values,
    get_attribute,
    intrinsic_values,
    remove_attribute,
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import (
    GLOBAL,
    Scope,
    values_by_appliance,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.secret_values import (
    effective_secrets,
    has_secret,
    remove_secret,
    set_secret,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    NotFound,
    Refused,
)

COMPUTE = Scope(appliance="compute")
NODE = Scope(node="compute-0-3")


def gpu(database: Database, node: str) -> Optional[Attribute]:
    return effective_attributes(database, find_node(database, node)).get("gpu")


def test_the_narrower_scope_wins_and_is_the_source(table_ii: Database) -> None:
    assert gpu(table_ii, "compute-0-3") is None
    for scope, expected in (
        (GLOBAL, Attribute("gpu", "no", "global")),
        (COMPUTE, Attribute("gpu", "maybe", "appliance")),
        (NODE, Attribute("gpu", "yes", "node")),
    ):
        set_attribute(table_ii, "gpu", expected.value, scope)
        assert gpu(table_ii, "compute-0-3") == expected
    assert gpu(table_ii, "compute-0-2") == Attribute("gpu", "maybe", "appliance")
    assert gpu(table_ii, "web-1-0") == Attribute("gpu", "no", "global")


def test_removing_a_narrower_value_restores_the_wider_one(table_ii: Database) -> None:
    set_attribute(table_ii, "gpu", "no")
    set_attribute(table_ii, "gpu", "yes", NODE)
    assert remove_attribute(table_ii, "gpu", NODE) == RowChange("yes", None)
    assert gpu(table_ii, "compute-0-3") == Attribute("gpu", "no", "global")
    assert remove_attribute(table_ii, "gpu", NODE) == RowChange(None, None)


def test_setting_the_same_value_again_changes_nothing(table_ii: Database) -> None:
    changes = [set_attribute(table_ii, "gpu", value, NODE) for value in ("yes", "yes", "no", "")]
    assert changes == [
        RowChange(None, "yes"),
        RowChange("yes", "yes"),
        RowChange("yes", "no"),
        RowChange("no", ""),
    ]
    assert get_attribute(table_ii, "gpu", NODE) == ""


def test_fields_of_a_node_can_be_read_as_attributes_but_not_set(table_ii: Database) -> None:
    node = find_node(table_ii, "compute-0-3")
    assert effective_values(table_ii, node) == intrinsic_values(node)
    assert effective_attributes(table_ii, node)["rank"] == Attribute("rank", "3", "intrinsic")
    with pytest.raises(Refused, match=r"'rack'.*rocks_node"):
        set_attribute(table_ii, "rack", "7", NODE)


def test_attributes_of_many_nodes_equal_those_of_each_node(table_ii: Database) -> None:
    set_attribute(table_ii, "gpu", "no")
    set_attribute(table_ii, "gpu", "yes", NODE)
    set_attribute(table_ii, "swap", "4096", COMPUTE)
    nodes = list_nodes(table_ii)
    assert effective_for_nodes(table_ii, nodes) == {
        node.name: effective_attributes(table_ii, node) for node in nodes
    }
    assert list(effective_attributes(table_ii, nodes[0])) == sorted(
        effective_attributes(table_ii, nodes[0])
    )


def test_a_value_can_be_any_text(table_ii: Database) -> None:
    hostile = "quote ' \" ` \\ $x %end\n&amp; {{ 7 * 7 }} \t é 漢 🐧"
    set_attribute(table_ii, "motd", hostile)
    assert get_attribute(table_ii, "motd") == hostile


@pytest.mark.parametrize("name", ["", "1st", "with blank", "a/b", "x" * 65, "é", "a\n", "-x"])
def test_a_name_that_is_not_valid_is_rejected(table_ii: Database, name: str) -> None:
    with pytest.raises(DescriptionError):
        set_attribute(table_ii, name, "value")


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * 60_001, "漢" * 20_001])
def test_a_value_that_cannot_be_stored_is_rejected(table_ii: Database, value: str) -> None:
    with pytest.raises(DescriptionError, match=r"'big'.*60000 bytes"):
        set_attribute(table_ii, "big", value)


def test_the_longest_value_is_stored(table_ii: Database) -> None:
    set_attribute(table_ii, "big", "漢" * 20_000)
    assert get_attribute(table_ii, "big") == "漢" * 20_000


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        (Scope(node="compute-0-33"), "node 'compute-0-33'; did you mean compute-0-3"),
        (Scope(appliance="compote"), "appliance 'compote'; did you mean compute"),
    ],
)
def test_an_unknown_owner_is_rejected_with_a_suggestion(
    table_ii: Database, scope: Scope, message: str
) -> None:
    with pytest.raises(NotFound, match=message):
        set_attribute(table_ii, "gpu", "yes", scope)


def test_a_scope_cannot_have_two_owners(table_ii: Database) -> None:
    with pytest.raises(DescriptionError):
        set_attribute(table_ii, "gpu", "yes", Scope("compute", "compute-0-3"))


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("node", "{rank} is required"),
        ("NODE{rank}", "'NODE0'"),
        ("{rack}-{rank}", "'0-0'"),
        ("n{rank}_x", "'n0_x'"),
        ("n{rank}.site", "'n0.site'"),
        ("n{rank}-", "'n0-'"),
        ("-{appliance}{rank}", "'-compute0'"),
        ("rack{rank}", "'rack0' is reserved"),
        ("n\u00f6de{rank}", "'n\u00f6de0'"),
        ("{appliance}-{rack}-{rank}-" + "x" * 45, "at most 63"),
    ],
)
def test_a_name_pattern_that_no_node_can_have_is_rejected(
    table_ii: Database, pattern: str, fault: str
) -> None:
    before = values_by_appliance(table_ii, "name_pattern")
    for scope in (GLOBAL, COMPUTE) if "compute" not in fault else (COMPUTE,):
        with pytest.raises(DescriptionError, match=f"name_pattern.*{re.escape(fault)}"):
            set_attribute(table_ii, "name_pattern", pattern, scope)
    assert values_by_appliance(table_ii, "name_pattern") == before


def test_secrets_have_the_scopes_of_attributes(table_ii: Database) -> None:
    node = find_node(table_ii, "compute-0-3")
    assert [set_secret(table_ii, "munge", "a", scope) for scope in (GLOBAL, COMPUTE, COMPUTE)] == [
        True,
        True,
        False,
    ]
    set_secret(table_ii, "console", "c")
    assert effective_secrets(table_ii, node) == {"console": "c", "munge": "a"}
    set_secret(table_ii, "munge", "b", NODE)
    assert effective_secrets(table_ii, node) == {"console": "c", "munge": "b"}
    assert effective_secrets(table_ii, find_node(table_ii, "web-1-0")) == {
        "console": "c",
        "munge": "a",
    }
    assert [remove_secret(table_ii, "munge", NODE), remove_secret(table_ii, "munge", NODE)] == [
        True,
        False,
    ]
    assert [has_secret(table_ii, "munge", scope) for scope in (GLOBAL, NODE)] == [True, False]


def test_a_name_is_either_an_attribute_or_a_secret(table_ii: Database) -> None:
    set_secret(table_ii, "munge", "swordfish")
    assert "munge" not in effective_attributes(table_ii, find_node(table_ii, "compute-0-3"))
    with pytest.raises(Conflict, match=r"'munge'.*secrets"):
        set_attribute(table_ii, "munge", "x", NODE)
    set_attribute(table_ii, "gpu", "yes")
    with pytest.raises(Conflict, match=r"'gpu'.*attributes"):
        set_secret(table_ii, "gpu", "swordfish")


def test_errors_do_not_contain_the_secret(table_ii: Database) -> None:
    for name in ("bad name", "gpu"):
        set_attribute(table_ii, "gpu", "yes")
        with pytest.raises((DescriptionError, Conflict)) as raised:
            set_secret(table_ii, name, "swordfish")
        assert "swordfish" not in str(raised.value)
