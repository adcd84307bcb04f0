"""MACs and addresses; addresses are allocated from the top downwards (paper, Table II)."""

from __future__ import annotations

import ipaddress
import itertools
import re
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.addressing import (
    address_fault,
    free_addresses,
    infiniband_address,
    ip_address,
    mac_address,
    network_of,
    next_address,
    to_ip,
    to_number,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    NEW_NETWORK,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Conflict, DescriptionError

PRIVATE = NEW_NETWORK._replace(
    id=1, name="private", subnet="10.0.0.0", netmask="255.0.0.0", gateway="10.1.1.254"
)
SMALL = PRIVATE._replace(
    subnet="192.168.1.0", netmask="255.255.255.248", gateway="192.168.1.1", name="small"
)


@pytest.mark.parametrize(
    "text",
    [
        "00:50:8b:e0:3a:a7",
        "00-50-8B-E0-3A-A7",
        "00:50:8B:E0:3A:A7",
        " 00508be03aa7\n",
        "0050.8be0.3aa7",
        "0050-8BE0-3AA7",
        "0050:8be0:3aa7",
        "00508b-e03aa7",
        "00.50.8b.e0.3a.a7",
    ],
)
def test_a_mac_has_one_form_in_the_database(text: str) -> None:
    assert mac_address(text) == "00:50:8b:e0:3a:a7"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a valid MAC"),
        ("00:50:8b:e0:3a", "not a valid MAC"),
        ("00:50:8b:e0:3a:a7:00", "not a valid MAC"),
        ("00:50:8b-e0:3a:a7", "not a valid MAC"),
        ("00:50:8b:e0:3a:g7", "not a valid MAC"),
        ("0050.8be0-3aa7", "not a valid MAC"),
        ("0050.8be03aa7", "not a valid MAC"),
        ("0:50:8b:e0:3a:a7", "not a valid MAC"),
        ("50508103117", "not a valid MAC.*quotes.*text"),
        ("5.05E+10", "not a valid MAC.*quotes.*text"),
        ("inf", "not a valid MAC.*quotes"),
        ("００:50:8b:e0:3a:a7", "not a valid MAC"),
        ("00:00:00:00:00:00", "zeros"),
        ("ff:ff:ff:ff:ff:ff", "multicast"),
        ("01:00:5e:00:00:01", "multicast"),
    ],
)
def test_a_mac_that_no_machine_can_have_is_rejected(text: str, message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        mac_address(text)


def test_an_infiniband_port_has_8_or_20_octets() -> None:
    port = "80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0f:0b:a1"
    assert (infiniband_address(port.upper()), infiniband_address(port[-23:])) == (port, port[-23:])
    with pytest.raises(DescriptionError):
        infiniband_address("00:50:8b:e0:3a:a7:00")


@pytest.mark.parametrize(
    "text", ["", "10.1.1", "10.1.1.256", "10.1.1.1/8", "010.1.1.1", "::1", "ten"]
)
def test_a_malformed_address_is_rejected(text: str) -> None:
    with pytest.raises(DescriptionError, match=re.escape(repr(text))):
        ip_address(text)


@given(st.integers(0, 2**32 - 1))
def test_addresses_and_numbers_match_the_standard_library(number: int) -> None:
    assert to_ip(number) == str(ipaddress.IPv4Address(number))
    assert to_number(to_ip(number)) == number


def test_the_first_free_address_is_that_of_the_paper() -> None:
    assert list(itertools.islice(free_addresses(PRIVATE, {"10.255.255.253"}), 3)) == [
        "10.255.255.254",
        "10.255.255.252",
        "10.255.255.251",
    ]


def test_gateway_network_and_broadcast_address_are_not_free() -> None:
    assert list(free_addresses(SMALL, ())) == [f"192.168.1.{last}" for last in (6, 5, 4, 3, 2)]


def test_free_addresses_are_within_the_range_and_outside_the_pool() -> None:
    limited = SMALL._replace(
        first="192.168.1.2", last="192.168.1.5", pool_first="192.168.1.3", pool_last="192.168.1.4"
    )
    assert list(free_addresses(limited, ())) == ["192.168.1.5", "192.168.1.2"]


def test_the_search_for_free_addresses_skips_full_blocks() -> None:
    in_use = {f"10.255.{third}.{fourth}" for third in range(250, 256) for fourth in range(256)}
    assert next_address(PRIVATE, in_use) == "10.255.249.255"
    assert next_address(PRIVATE, in_use - {"10.255.251.7"}) == "10.255.251.7"
    assert (
        next_address(
            PRIVATE._replace(first="10.255.253.9", last="10.255.254.9"),
            in_use - {"10.255.253.8", "10.255.254.0"},
        )
        == "10.255.254.0"
    )


def test_both_addresses_of_a_31_bit_network_are_free() -> None:
    assert list(free_addresses(SMALL._replace(netmask="255.255.255.254", gateway=""), ())) == [
        "192.168.1.1",
        "192.168.1.0",
    ]


def test_a_full_network_is_an_error_with_its_range() -> None:
    with pytest.raises(Conflict, match=r"'small'.*192.168.1.1 to 192.168.1.6"):
        next_address(SMALL, {f"192.168.1.{last}" for last in range(8)})


@pytest.mark.parametrize(
    ("ip", "fault"),
    [
        ("10.1.1.1", None),
        ("11.0.0.1", "outside every network"),
        ("10.255.255.255", "broadcast address of network 'private'"),
        ("10.0.0.0", "network address of network 'private'"),
        ("10.1.1.254", "gateway of network 'private'"),
        ("10.254.0.9", "DHCP pool of network 'private'"),
    ],
)
def test_addresses_that_no_node_can_have_have_a_fault(ip: str, fault: Optional[str]) -> None:
    network = PRIVATE._replace(pool_first="10.254.0.1", pool_last="10.254.0.254")
    message = address_fault(ip, [SMALL, network])
    assert message is None if fault is None else message and ip in message and fault in message


@given(
    st.integers(0, 32),
    st.integers(0, 2**32 - 1),
    st.sets(st.integers(0, 40)),
    st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_free_addresses_match_the_hosts_of_the_standard_library(
    prefix: int, base: int, offsets: set[int], pool: tuple[int, int]
) -> None:
    net = ipaddress.IPv4Network((base, max(prefix, 26)), strict=False)
    low, high = sorted(min(number, net.num_addresses - 1) for number in pool)
    in_use = {str(net[offset]) for offset in offsets if offset < net.num_addresses}
    network = NEW_NETWORK._replace(
        subnet=str(net.network_address),
        netmask=str(net.netmask),
        pool_first=str(net[low]),
        pool_last=str(net[high]),
    )
    in_pool = {str(net[number]) for number in range(low, high + 1)}
    expected = [str(ip) for ip in net.hosts() if str(ip) not in in_use | in_pool]
    assert list(free_addresses(network, in_use)) == expected[::-1]
    assert all(network_of(ip, [network]) for ip in expected)
