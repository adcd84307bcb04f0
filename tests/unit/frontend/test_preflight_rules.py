# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules for a frontend: each is broken once on an otherwise suitable machine."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    NotFound,
    Refused,
    RocksError,
)
from ansible_collections.npaci.rocks.plugins.module_utils.frontend.model import (
    FrontendSettings,
    HostFacts,
    Route,
)
from ansible_collections.npaci.rocks.plugins.module_utils.frontend.preflight_rules import (
    find_faults,
)

SETTINGS = FrontendSettings(
    interface="eth1",
    address="10.1.1.1",
    subnet="10.0.0.0/8",
    name="frontend-0",
    zone="cluster",
    folder="/export/install",
    space=2048,
    homes="/export/home",
)
PUBLIC = ipaddress.IPv4Interface("192.0.2.1/24")
PRIVATE = ipaddress.IPv4Interface("10.1.1.1/8")
HOST = HostFacts(
    addresses={"eth0": (PUBLIC,), "eth1": (PRIVATE,), "ib0": ()},
    routes=(
        Route(ipaddress.IPv4Network("0.0.0.0/0"), "eth0"),
        Route(PUBLIC.network, "eth0"),
        Route(PRIVATE.network, "eth1"),
    ),
    free=4096,
    servers=(),
)


def faults(settings: dict[str, Any], facts: dict[str, Any]) -> list[RocksError]:
    """Check the suitable machine with some settings and facts changed."""
    return find_faults(
        FrontendSettings(**{**SETTINGS._asdict(), **settings}),
        HostFacts(**{**HOST._asdict(), **facts}),
    )


def test_the_papers_frontend_has_no_faults() -> None:
    assert faults({}, {}) == []


@pytest.mark.parametrize(
    ("settings", "facts", "kind", "where", "named"),
    [
        pytest.param(
            {"interface": "eth9"},
            {},
            NotFound,
            "frontend_private_interface",
            ["'eth9'", "eth0, eth1, ib0"],
            id="the interface must exist",
        ),
        pytest.param(
            {},
            {"routes": (Route(ipaddress.IPv4Network("0.0.0.0/0"), "eth1"),)},
            Refused,
            "frontend_private_interface",
            ["eth1", "default route"],
            id="the interface must not have the default route",
        ),
        pytest.param(
            {},
            {"servers": ("10.1.1.9", "10.2.0.1")},
            Conflict,
            "frontend_private_interface",
            ["10.1.1.9, 10.2.0.1", "frontend_dhcp=none"],
            id="no other DHCP server may answer on the interface",
        ),
        pytest.param(
            {"subnet": "10.0.0.1/8"},
            {},
            DescriptionError,
            "frontend_private_subnet",
            ["'10.0.0.1/8'"],
            id="the subnet must be a network",
        ),
        pytest.param(
            {"subnet": "10.1.1.0/31"},
            {},
            DescriptionError,
            "frontend_private_subnet",
            ["10.1.1.0/31"],
            id="the subnet must have space for a node",
        ),
        pytest.param(
            {"address": "10.1.1"},
            {},
            DescriptionError,
            "frontend_private_address",
            ["'10.1.1'"],
            id="the address must be valid",
        ),
        pytest.param(
            {"address": "192.168.0.1"},
            {},
            DescriptionError,
            "frontend_private_address",
            ["192.168.0.1", "10.0.0.0/8"],
            id="the address must be in the subnet",
        ),
        pytest.param(
            {"address": "10.255.255.255"},
            {},
            DescriptionError,
            "frontend_private_address",
            ["10.255.255.255", "10.0.0.0/8"],
            id="the address must not be the broadcast address",
        ),
        pytest.param(
            {"address": "10.1.1.2"},
            {},
            NotFound,
            "frontend_private_address",
            ["eth1", "10.1.1.2", "10.1.1.1/8", "10.1.1.2/8"],
            id="the interface must have the address",
        ),
        pytest.param(
            {},
            {"addresses": {"eth0": (PUBLIC,), "eth1": (ipaddress.IPv4Interface("10.1.1.1/24"),)}},
            Conflict,
            "frontend_private_address",
            ["10.1.1.1/24", "10.0.0.0/8", "frontend_private_subnet=10.1.1.0/24"],
            id="the interface must reach the whole subnet",
        ),
        pytest.param(
            {},
            {"addresses": {"eth0": (ipaddress.IPv4Interface("10.9.0.3/16"),), "eth1": (PRIVATE,)}},
            Conflict,
            "frontend_private_subnet",
            ["10.0.0.0/8", "10.9.0.0/16", "eth0"],
            id="networks must not overlap",
        ),
        pytest.param(
            {},
            {"routes": (Route(ipaddress.IPv4Network("10.8.0.0/24"), "tun0"),)},
            Conflict,
            "frontend_private_subnet",
            ["10.0.0.0/8", "10.8.0.0/24", "tun0"],
            id="another interface must not have a route into the subnet",
        ),
        pytest.param(
            {"name": "frontend.0"},
            {},
            DescriptionError,
            "frontend_name",
            ["'frontend.0'"],
            id="the name must be a host name",
        ),
        pytest.param(
            {"zone": "Cluster"},
            {},
            DescriptionError,
            "frontend_zone",
            ["'Cluster'"],
            id="the zone must be a DNS name",
        ),
        pytest.param(
            {},
            {"free": 100},
            Refused,
            "frontend_distributions",
            ["100 MiB", "/export/install", "2048 MiB", "frontend_space"],
            id="the folder for distributions must have free space",
        ),
        pytest.param(
            {"homes": "/etc/"},
            {},
            DescriptionError,
            "frontend_homes",
            ["'/etc/'"],
            id="a folder of the system must not be exported",
        ),
    ],
)
def test_a_broken_rule_is_reported_with_its_variable(
    settings: dict[str, Any],
    facts: dict[str, Any],
    kind: type[RocksError],
    where: str,
    named: list[str],
) -> None:
    (fault,) = faults(settings, facts)
    assert (type(fault), fault.where) == (kind, where) and fault.hint
    assert [text for text in named if text not in str(fault)] == []


def test_all_faults_are_reported_at_once_in_the_order_of_the_variables() -> None:
    settings = {"interface": "eth9", "address": "x", "name": "rack1", "homes": "home"}
    assert [fault.where.removeprefix("frontend_") for fault in faults(settings, {"free": 0})] == [
        "private_interface",
        "private_address",
        "name",
        "distributions",
        "homes",
    ]


@given(
    prefix=st.integers(8, 30),
    other=st.integers(8, 30),
    base=st.integers(0, 2**32 - 1),
    shift=st.integers(0, 2**16),
)
def test_networks_overlap_if_they_share_an_address(
    prefix: int, other: int, base: int, shift: int
) -> None:
    ours = ipaddress.IPv4Network((base, prefix), strict=False)
    theirs = ipaddress.IPv4Network(((base + shift) % 2**32, other), strict=False)
    if ours.is_multicast or ours.is_loopback:
        return
    common = int(ours[0]) <= int(theirs[-1]) and int(theirs[0]) <= int(ours[-1])
    facts = {"addresses": {"eth1": ()}, "routes": (Route(theirs, "eth0"),)}
    overlaps = any("overlaps" in fault.what for fault in faults({"subnet": str(ours)}, facts))
    assert overlaps == common
