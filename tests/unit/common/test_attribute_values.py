# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What makes an attribute true: one rule for conditions, inventory groups and boot methods."""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.attribute_values import (
    coerce,
    is_false,
    is_true,
    is_true_flag,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.inventory import load_inventory
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.expressions import (
    evaluate_expression,
    parse,
)


@pytest.mark.parametrize(
    ("text", "true", "flag"),
    [
        (None, False, False),
        ("", False, False),
        ("no", False, False),
        ("Off", False, False),
        ("disabled", False, False),
        ("0", False, False),
        ("yes", True, True),
        (" TRUE ", True, True),
        ("enabled", True, True),
        ("1", True, True),
        ("2", True, False),
        ("0.5", True, False),
        ("Europe/Zurich", True, False),
    ],
)
def test_conditions_and_flags_agree_on_what_is_true(
    text: Optional[str], true: bool, flag: bool
) -> None:
    assert is_true(text) is true
    assert is_true_flag(text) is flag
    assert is_false(text) is (not true and bool(text))
    assert evaluate_expression(parse("value"), {"value": text}.get) is true


@pytest.mark.parametrize(
    ("text", "value"), [("7", 7), ("-7.5", -7.5), ("7e3", "7e3"), ("y", True), ("a b", "a b")]
)
def test_a_value_is_the_boolean_number_or_text_that_it_looks_like(text: str, value: object) -> None:
    assert coerce(text) == value
    assert type(coerce(text)) is type(value)


def test_inventory_groups_contain_the_nodes_whose_flag_is_true(table_ii: Database) -> None:
    for name, value in {
        "gpu": "1",
        "nfs": "enabled",
        "drift": "no",
        "console_port": "8000",
    }.items():
        set_attribute(table_ii, name, value)
    groups = {group for member in load_inventory(table_ii, {}).hosts for group in member.groups}
    assert {group for group in groups if group.startswith("with_")} == {"with_gpu", "with_nfs"}
