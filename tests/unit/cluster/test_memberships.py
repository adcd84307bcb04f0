"""Memberships and appliances (paper, Table III)."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.attributes import set_attribute
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.memberships import (
    list_appliances,
    list_memberships,
    put_appliance,
    put_membership,
    remove_appliance,
    remove_membership,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import (
    Appliance,
    Membership,
    RowChange,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    NotFound,
)
from support.cluster import change_node

COMPUTE = Membership(2, "Compute", "compute", "compute", "rocks", True)


def test_a_membership_knows_its_appliance_and_its_root(table_ii: Database) -> None:
    known = {one.name: (one.appliance, one.root) for one in list_memberships(table_ii)}
    assert known["Compute"] == ("compute", "compute")
    assert known["NFS Server"] == ("nas", "nas")
    assert known["Ethernet Switches"] == ("network", "")


def test_a_membership_is_made_once_and_changed_where_it_differs(table_ii: Database) -> None:
    made = Membership(10, "Big Memory", "compute", "compute", "rocks", True)
    given: dict[str, Any] = {"appliance": "compute", "distribution": "rocks", "compute": True}
    assert put_membership(table_ii, "Big Memory", **given) == RowChange(None, made)
    assert put_membership(table_ii, "Big Memory", **given).changed is False
    assert put_membership(table_ii, "Compute", distribution="next") == RowChange(
        COMPUTE, COMPUTE._replace(distribution="next")
    )
    assert put_membership(table_ii, "Compute", compute=False).after.compute is False


def test_a_membership_that_a_node_has_stays(table_ii: Database) -> None:
    with pytest.raises(Conflict) as raised:
        remove_membership(table_ii, "Compute")
    assert (
        str(raised.value)
        == "4 nodes are 'Compute', the first is compute-0-0; move or remove them first"
    )
    assert remove_membership(table_ii, "Login").before.name == "Login"
    assert remove_membership(table_ii, "Login") == RowChange(None, None)


@pytest.mark.parametrize("name", ["", "2nd", "a\nb", "x" * 65, "<b>"])
def test_what_is_no_name_is_refused(table_ii: Database, name: str) -> None:
    with pytest.raises(DescriptionError):
        put_membership(table_ii, name, appliance="compute")
    with pytest.raises(DescriptionError):
        put_appliance(table_ii, name, root="compute")


def test_an_unknown_appliance_is_told_with_the_known_ones(table_ii: Database) -> None:
    with pytest.raises(NotFound) as raised:
        put_membership(table_ii, "Visualisation", appliance="viz")
    assert str(raised.value) == (
        "membership 'Visualisation': there is no appliance 'viz';"
        " known: frontend, compute, nas, network, power, login, web"
    )


def test_two_memberships_are_two_groups(table_ii: Database) -> None:
    with pytest.raises(Conflict) as raised:
        put_membership(table_ii, "nfs-server", appliance="nas")
    assert (
        str(raised.value)
        == "membership 'NFS Server' has the group 'nfs_server' already; choose another name"
    )


def test_no_group_and_no_appliance_is_called_like_a_node(table_ii: Database) -> None:
    change_node(table_ii, "web-1-0", name="www")
    with pytest.raises(Conflict) as raised:
        put_membership(table_ii, "WWW", appliance="web")
    assert str(raised.value) == (
        "the group of membership 'WWW': a node is called 'www'; rename it first, or choose another name"
    )
    with pytest.raises(Conflict):
        put_appliance(table_ii, "www", root="web")


def test_an_appliance_is_made_changed_and_forgotten_with_its_attributes(table_ii: Database) -> None:
    gpu = Appliance(8, "gpu", "gpu-compute")
    assert put_appliance(table_ii, "gpu", root="gpu-compute") == RowChange(None, gpu)
    assert put_appliance(table_ii, "gpu") == RowChange(gpu, gpu)
    assert put_appliance(table_ii, "gpu", root="") == RowChange(gpu, gpu._replace(root=""))
    set_attribute(table_ii, "gpu", "yes", Scope(appliance="gpu"))
    remove_appliance(table_ii, "gpu")
    assert remove_appliance(table_ii, "gpu") == RowChange(None, None)
    assert table_ii.row("select count(*) from attributes where name = 'gpu'") == (0,)
    assert "gpu" not in [one.name for one in list_appliances(table_ii)]


def test_an_appliance_with_memberships_stays(table_ii: Database) -> None:
    with pytest.raises(Conflict) as raised:
        remove_appliance(table_ii, "network")
    assert str(raised.value) == (
        "appliance 'network' has memberships: Ethernet Switches, Myrinet Switches; remove them first"
    )
