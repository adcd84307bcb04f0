"""Memberships and appliances (paper, Table III)."""

from __future__ import annotations

import re
from typing import Any

import pytest

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
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    put_network,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    NotFound,
)
from support.cluster import change_node

COMPUTE = Membership(
    id=2,
    name="Compute",
    appliance="compute",
    root="compute",
    distribution="rocks",
    compute=True,
)


def test_a_membership_has_the_root_of_its_appliance(table_ii: Database) -> None:
    roots = {
        membership.name: (membership.appliance, membership.root)
        for membership in list_memberships(table_ii)
    }
    assert roots["Compute"] == ("compute", "compute")
    assert roots["NFS Server"] == ("nas", "nas")
    assert roots["Ethernet Switches"] == ("network", "")


def test_a_membership_is_created_once_and_changed_where_it_differs(table_ii: Database) -> None:
    big_memory = COMPUTE._replace(id=10, name="Big Memory")
    values: dict[str, Any] = {"appliance": "compute", "distribution": "rocks", "compute": True}
    assert put_membership(table_ii, "Big Memory", **values) == RowChange(None, big_memory)
    assert put_membership(table_ii, "Big Memory", **values).changed is False
    assert put_membership(table_ii, "Compute", distribution="next") == RowChange(
        COMPUTE, COMPUTE._replace(distribution="next")
    )
    assert put_membership(table_ii, "Compute", compute=False).after.compute is False


def test_a_membership_with_nodes_cannot_be_removed(table_ii: Database) -> None:
    with pytest.raises(Conflict, match=r"'Compute'.* 4 nodes.*compute-0-0"):
        remove_membership(table_ii, "Compute")
    assert remove_membership(table_ii, "Login").before.name == "Login"
    assert remove_membership(table_ii, "Login") == RowChange(None, None)


@pytest.mark.parametrize(
    "name",
    ["", "2nd", "a\nb", "x" * 65, "<b>", "Big  Memory", "Compute ", " compute", "C\u043emputes"],
)
def test_a_name_that_is_not_valid_is_rejected(table_ii: Database, name: str) -> None:
    with pytest.raises(DescriptionError):
        put_membership(table_ii, name, appliance="compute")
    with pytest.raises(DescriptionError):
        put_appliance(table_ii, name, root="compute")


@pytest.mark.parametrize("name", ["Compute", "gpu_node", "gpu-", "gpu--node", "x" * 33])
def test_the_name_of_an_appliance_is_part_of_host_and_group_names(
    table_ii: Database, name: str
) -> None:
    with pytest.raises(DescriptionError):
        put_appliance(table_ii, name, root="compute")


def test_an_unknown_appliance_is_rejected_with_the_known_ones(table_ii: Database) -> None:
    known = "frontend, compute, nas, network, power, login, web"
    with pytest.raises(NotFound, match=rf"'Visualisation': .*'viz'.*{known}"):
        put_membership(table_ii, "Visualisation", appliance="viz")


def test_two_memberships_cannot_have_the_same_group(table_ii: Database) -> None:
    with pytest.raises(Conflict, match=r"'NFS Server'.*'nfs_server'"):
        put_membership(table_ii, "nfs-server", appliance="nas")


@pytest.mark.parametrize("name", ["COMPUTE", "nfs/server", "Nfs-Server", "Ethernet (switches)"])
def test_a_membership_cannot_look_like_another(table_ii: Database, name: str) -> None:
    before = list_memberships(table_ii)
    with pytest.raises(Conflict, match=re.escape(f"membership {name!r}: membership ")):
        put_membership(table_ii, name, appliance="nas")
    assert list_memberships(table_ii) == before


@pytest.mark.parametrize(
    "name",
    ["All", "Ungrouped", "Query", "Localhost", "Rack 1", "Arch x86-64", "Appliance X", "With GPU"],
)
def test_a_membership_cannot_have_a_group_that_the_inventory_makes(
    table_ii: Database, name: str
) -> None:
    with pytest.raises(DescriptionError, match=rf"membership '{name}'.* reserved"):
        put_membership(table_ii, name, appliance="compute")
    for fine in ("Racks", "Rack Server", "Archive"):
        put_membership(table_ii, fine, appliance="compute")


def test_a_group_or_an_appliance_cannot_have_the_name_of_a_node(table_ii: Database) -> None:
    change_node(table_ii, "web-1-0", name="www")
    with pytest.raises(Conflict, match=r"'WWW': .*node.*'www'"):
        put_membership(table_ii, "WWW", appliance="web")
    with pytest.raises(Conflict, match="'www'"):
        put_appliance(table_ii, "www", root="web")


def test_an_appliance_is_created_changed_and_removed_with_its_attributes(
    table_ii: Database,
) -> None:
    gpu = Appliance(8, "gpu", "gpu-compute")
    assert put_appliance(table_ii, "gpu", root="gpu-compute") == RowChange(None, gpu)
    assert put_appliance(table_ii, "gpu") == RowChange(gpu, gpu)
    assert put_appliance(table_ii, "gpu", root="") == RowChange(gpu, gpu._replace(root=""))
    set_attribute(table_ii, "gpu", "yes", Scope(appliance="gpu"))
    remove_appliance(table_ii, "gpu")
    assert remove_appliance(table_ii, "gpu") == RowChange(None, None)
    assert table_ii.row("select count(*) from attributes where name = 'gpu'") == (0,)
    assert "gpu" not in [appliance.name for appliance in list_appliances(table_ii)]


def test_an_appliance_with_memberships_cannot_be_removed(table_ii: Database) -> None:
    with pytest.raises(Conflict, match=r"'network'.*Ethernet Switches, Myrinet Switches"):
        remove_appliance(table_ii, "network")


def test_a_switch_that_is_the_gateway_gets_no_profile(table_ii: Database) -> None:
    """An installable node at the gateway's address would take it away from the router."""
    put_network(table_ii, "private", gateway="10.255.255.253")
    with pytest.raises(Conflict, match="network-0-0"):
        put_membership(table_ii, "Ethernet Switches", appliance="compute")
    with pytest.raises(Conflict, match="network-0-0"):
        put_appliance(table_ii, "network", root="compute")
    assert put_membership(table_ii, "Ethernet Switches", compute=True).changed
