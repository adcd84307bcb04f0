# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The values of attributes that describe how nodes are added, started and switched."""

from __future__ import annotations

import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values import boot_attribute_rules
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    get_attribute,
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import (
    GLOBAL,
    Scope,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.install.power import boot_methods

COMPUTE = Scope(appliance="compute")
NODE = Scope(node="compute-0-3")


@pytest.mark.parametrize(
    ("name", "value", "scope", "message"),
    [
        ("name_pattern", "c{rank}", NODE, "compute-0-3 exists already"),
        ("network", "private", NODE, "compute-0-3 exists already"),
        ("outlet_command", "powerman --cycle {name}", GLOBAL, "{name}; write {node}"),
        ("outlet_command", "powerman --cycle", COMPUTE, "the same command for all nodes"),
        ("outlet_command", "powerman 'x {node}", NODE, "quot"),
        ("reinstall_by", "outlets", GLOBAL, "did you mean outlet"),
        ("reinstall_by", "redfish, ipml", GLOBAL, "did you mean ipmi"),
        ("bmc_protocol", "ipmi redfish", GLOBAL, "unknown value 'ipmi redfish'"),
        ("boots_from", "Disk", GLOBAL, "did you mean disk"),
        ("firmware", "efi", GLOBAL, "did you mean uefi"),
    ],
)
def test_a_value_that_cannot_start_a_node_is_rejected(
    table_ii: Database, name: str, value: str, scope: Scope, message: str
) -> None:
    before = get_attribute(table_ii, name, scope)
    with pytest.raises(DescriptionError, match=re.escape(message)):
        set_attribute(table_ii, name, value, scope)
    assert get_attribute(table_ii, name, scope) == before


@pytest.mark.parametrize(
    ("name", "value", "scope"),
    [
        ("name_pattern", "c{rank:04}", COMPUTE),
        ("name_pattern", "{appliance}{rack:02}n{rank:02}", GLOBAL),
        ("outlet_command", "ssh pdu 'cycle {node}'", GLOBAL),
        ("outlet_command", "pdu --cycle 7", NODE),
        ("outlet_command", "", GLOBAL),
        ("reinstall_by", "redfish, outlet", GLOBAL),
        ("reinstall_by", "", NODE),
        ("bmc_user", "any text", GLOBAL),
    ],
)
def test_a_value_that_can_start_a_node_is_set(
    table_ii: Database, name: str, value: str, scope: Scope
) -> None:
    assert set_attribute(table_ii, name, value, scope).after == value


def test_the_boot_methods_of_an_attribute_are_those_that_exist() -> None:
    assert set(boot_attribute_rules.BOOT_METHODS) == set(boot_methods.BOOT_METHODS)
    assert set(boot_attribute_rules.BMC_PROTOCOLS) == set(boot_methods.BMC_METHODS)
