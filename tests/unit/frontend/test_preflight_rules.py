# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a machine must have to be a frontend: each rule broken once, on a machine that is well otherwise."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.frontend.model import (
    FrontendSettings,
    HostFacts,
    Route,
)
from ansible_collections.npaci.rocks.plugins.module_utils.frontend.preflight_rules import (
    find_faults,
)

WISH = FrontendSettings(
    "eth1",
    "10.1.1.1",
    "10.0.0.0/8",
    "frontend-0",
    "cluster",
    "/export/install",
    2048,
    "/export/home",
)
PUBLIC, PRIVATE = ipaddress.IPv4Interface("192.0.2.1/24"), ipaddress.IPv4Interface("10.1.1.1/8")
MACHINE = HostFacts(
    {"eth0": (PUBLIC,), "eth1": (PRIVATE,), "ib0": ()},
    (
        Route(ipaddress.IPv4Network("0.0.0.0/0"), "eth0"),
        Route(PUBLIC.network, "eth0"),
        Route(PRIVATE.network, "eth1"),
    ),
    4096,
    (),
)


def told(settings: dict[str, Any], machine: dict[str, Any]) -> list[str]:
    return [
        str(fault) for fault in find_faults(WISH._replace(**settings), MACHINE._replace(**machine))
    ]


def test_the_papers_frontend_can_be_one() -> None:
    assert told({}, {}) == []


@pytest.mark.parametrize(
    ("settings", "machine", "message"),
    [
        pytest.param(
            {"interface": "eth9"},
            {},
            "frontend_private_interface: there is no interface 'eth9'; the machine has: eth0, eth1, ib0",
            id="the interface must exist",
        ),
        pytest.param(
            {},
            {"routes": (Route(ipaddress.IPv4Network("0.0.0.0/0"), "eth1"),)},
            "frontend_private_interface: eth1 is the way to the outside, and DHCP must not answer there; name the"
            " interface of the private side",
            id="the private side is not the public one",
        ),
        pytest.param(
            {},
            {"servers": ("10.1.1.9", "10.2.0.1")},
            "frontend_private_interface: on eth1 another DHCP server answers (10.1.1.9, 10.2.0.1); switch it off, name"
            " another interface, or leave DHCP to it: frontend_dhcp=none",
            id="no other DHCP server answers there",
        ),
        pytest.param(
            {"subnet": "10.0.0.1/8"},
            {},
            "frontend_private_subnet: '10.0.0.1/8' is no network (10.0.0.1/8 has host bits set); such as 10.0.0.0/8",
            id="the subnet is a network",
        ),
        pytest.param(
            {"subnet": "10.1.1.0/31"},
            {},
            "frontend_private_subnet: 10.1.1.0/31 cannot hold a cluster; such as 10.0.0.0/8",
            id="the subnet has room for a node",
        ),
        pytest.param(
            {"address": "10.1.1"},
            {},
            "frontend_private_address: '10.1.1' is no address; such as 10.1.1.1",
            id="the address is one",
        ),
        pytest.param(
            {"address": "192.168.0.1"},
            {},
            "frontend_private_address: 192.168.0.1 is no host's address in 10.0.0.0/8; take one of the subnet",
            id="the address is of the subnet",
        ),
        pytest.param(
            {"address": "10.255.255.255"},
            {},
            "frontend_private_address: 10.255.255.255 is no host's address in 10.0.0.0/8; take one of the subnet",
            id="the address is no broadcast",
        ),
        pytest.param(
            {"address": "10.1.1.2"},
            {},
            "frontend_private_address: eth1 has not the address 10.1.1.2 (it has: 10.1.1.1/8); give it 10.1.1.2/8"
            " first, or name the address that it has",
            id="the interface has the address",
        ),
        pytest.param(
            {},
            {"addresses": {"eth0": (PUBLIC,), "eth1": (ipaddress.IPv4Interface("10.1.1.1/24"),)}},
            "frontend_private_address: eth1 has 10.1.1.1/24, and 10.0.0.0/8 is wider: nodes would be looked for"
            " elsewhere; give it 10.1.1.1/8, or set frontend_private_subnet=10.1.1.0/24",
            id="the interface reaches the whole subnet",
        ),
        pytest.param(
            {},
            {"addresses": {"eth0": (ipaddress.IPv4Interface("10.9.0.3/16"),), "eth1": (PRIVATE,)}},
            "frontend_private_subnet: 10.0.0.0/8 overlaps 10.9.0.0/16, which is reached by eth0; take a network that is"
            " nowhere else",
            id="networks do not overlap",
        ),
        pytest.param(
            {},
            {"routes": (Route(ipaddress.IPv4Network("10.8.0.0/24"), "tun0"),)},
            "frontend_private_subnet: 10.0.0.0/8 overlaps 10.8.0.0/24, which is reached by tun0; take a network that is"
            " nowhere else",
            id="no route leads a part of the subnet elsewhere",
        ),
        pytest.param(
            {"name": "frontend.0"},
            {},
            "frontend_name: 'frontend.0' is not a valid host name: begin with a letter;"
            " use a-z, digits and hyphens, no dots, at most 63 characters; such as frontend-0",
            id="the name is a host's",
        ),
        pytest.param(
            {"zone": "Cluster"},
            {},
            "frontend_zone: 'Cluster' is no DNS name; small letters, such as cluster.local",
            id="the zone is a DNS name",
        ),
        pytest.param(
            {},
            {"free": 100},
            "frontend_distributions: 100 MiB are free where /export/install goes, and 2048 are asked for"
            " (frontend_space); name a folder of a larger file system, or set frontend_space",
            id="there is room for distributions",
        ),
        pytest.param(
            {"homes": "/etc/"},
            {},
            "frontend_homes: nodes would mount '/etc/', which is no folder of home directories; such as /export/home;"
            " empty for none",
            id="no folder of the system is exported",
        ),
    ],
)
def test_what_stands_against_it_is_told_with_the_remedy(
    settings: dict[str, Any], machine: dict[str, Any], message: str
) -> None:
    assert told(settings, machine) == [message]


def test_all_faults_are_told_at_once_in_the_order_of_the_variables() -> None:
    found = told(
        {"interface": "eth9", "address": "x", "name": "rack1", "homes": "home"}, {"free": 0}
    )
    assert [fault.partition(":")[0].removeprefix("frontend_") for fault in found] == [
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
def test_two_networks_overlap_when_they_have_an_address_in_common(
    prefix: int, other: int, base: int, shift: int
) -> None:
    ours = ipaddress.IPv4Network((base, prefix), strict=False)
    theirs = ipaddress.IPv4Network(((base + shift) % 2**32, other), strict=False)
    if ours.is_multicast or ours.is_loopback:
        return
    common = int(ours[0]) <= int(theirs[-1]) and int(theirs[0]) <= int(ours[-1])
    found = told(
        {"subnet": str(ours)}, {"addresses": {"eth1": ()}, "routes": (Route(theirs, "eth0"),)}
    )
    assert any("overlaps" in fault for fault in found) == common
