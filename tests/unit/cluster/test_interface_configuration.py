# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An interface's row is also what the installed system configures, as pykickstart reads it."""

from __future__ import annotations

from typing import Any

import pytest
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    put_network,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    get_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from support.modules import run

NODE = "compute-0-3"


@pytest.fixture
def storage(table_ii: Database) -> Database:
    put_network(table_ii, "storage", subnet="172.16.0.0/16", mtu=9000)
    return table_ii


def configure(database: Database, name: str, **options: Any) -> dict[str, Any]:
    values = {"node": NODE, "name": name, "configure": True, **options}
    return run("rocks_interface", values, database=database.location.url)


def attribute(database: Database, name: str) -> str:
    return get_attribute(database, name, Scope(node=NODE)) or ""


def read(options: str) -> Any:
    """Return the data of pykickstart for these options of the command ``network``."""
    handler = makeVersion("RHEL9")
    KickstartParser(handler).readKickstartFromString(f"network {options}\n")
    (data,) = handler.network.network
    return data


def test_a_card_has_the_address_and_the_mtu_of_its_row(storage: Database) -> None:
    result = configure(storage, "eno2", network="storage", ip="172.16.0.3")
    options = attribute(storage, "network_second")
    assert result["changed"] and result["configuration"] == options
    data = read(options)
    assert (data.device, data.bootProto, data.ip) == ("eno2", "static", "172.16.0.3")
    assert (data.netmask, data.mtu, data.nodefroute) == ("255.255.0.0", "9000", True)

    assert not configure(storage, "eno2")["changed"]
    assert configure(storage, "eno2", ip="172.16.0.4")["changed"]
    assert read(attribute(storage, "network_second")).ip == "172.16.0.4"


def test_each_kind_has_an_attribute(storage: Database) -> None:
    configure(storage, "eno2", network="storage")
    configure(storage, "eno3", network="storage")
    configure(storage, "eno1.120", network="storage")
    configure(storage, "ib0", network="storage", kind="infiniband")
    configure(storage, "bond1", network="storage", bond_slaves=["eno4", "eno5"])
    assert read(attribute(storage, "network_third")).device == "eno3"
    vlan = read(attribute(storage, "network_vlan"))
    assert (vlan.device, str(vlan.vlanid)) == ("eno1", "120")
    assert read(attribute(storage, "network_infiniband")).device == "ib0"
    bond = read(attribute(storage, "network_bond"))
    assert (bond.device, bond.bondslaves) == ("bond1", "eno4,eno5")
    assert "mode=active-backup" in bond.bondopts


def test_a_third_card_is_refused_and_nothing_is_changed(storage: Database) -> None:
    for name in ("eno2", "eno3"):
        configure(storage, name, network="storage")
    result = configure(storage, "eno4", network="storage")
    assert "network_second and network_third" in result["msg"]
    assert not storage.rows("select id from interfaces where name = 'eno4'")


def test_the_configuration_is_removed_with_the_interface(storage: Database) -> None:
    configure(storage, "eno2", network="storage")
    configure(storage, "eno2.7", network="storage")
    assert configure(storage, "eno2", state="absent")["changed"]
    assert attribute(storage, "network_second") == ""
    assert read(attribute(storage, "network_vlan")).device == "eno2"


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [
        ("bmc", {"network": "storage", "mac": "02:00:00:00:00:09"}, "BMC"),
        ("eno2", {"mac": "02:00:00:00:00:09", "ip": "none"}, "no address"),
        ("bond1", {"network": "storage", "bond_slaves": ["a"], "configure": False}, "configure"),
    ],
)
def test_what_cannot_be_configured_is_an_error(
    storage: Database, name: str, options: dict[str, Any], named: str
) -> None:
    assert named in configure(storage, name, **options)["msg"]
    assert not storage.rows("select id from interfaces")
