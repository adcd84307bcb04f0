"""MACs and addresses; addresses are given from the top downwards (paper, Table II)."""

from __future__ import annotations

import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.addressing import (
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
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Network
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Conflict, DescriptionError

PRIVATE = Network(
    1, "private", "10.0.0.0", "255.0.0.0", "10.1.1.254", "", 1500, "private", "", "", "", ""
)
SMALL = PRIVATE._replace(
    subnet="192.168.1.0", netmask="255.255.255.248", gateway="192.168.1.1", name="small"
)


@pytest.mark.parametrize(
    "text", ["00:50:8b:e0:3a:a7", "00-50-8B-E0-3A-A7", "00:50:8B:E0:3A:A7", " 00508be03aa7\n"]
)
def test_a_mac_is_kept_in_one_spelling(text: str) -> None:
    assert mac_address(text) == "00:50:8b:e0:3a:a7"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no MAC; a MAC looks like 00:50:8b:e0:3a:a7"),
        ("00:50:8b:e0:3a", "is no MAC"),
        ("00:50:8b:e0:3a:a7:00", "is no MAC"),
        ("00:50:8b-e0:3a:a7", "is no MAC"),
        ("00:50:8b:e0:3a:g7", "is no MAC"),
        ("0050.8be0.3aa7", "is no MAC"),
        ("００:50:8b:e0:3a:a7", "is no MAC"),
        ("00:00:00:00:00:00", "the MAC 00:00:00:00:00:00 is all zeros; no machine has it"),
        ("ff:ff:ff:ff:ff:ff", "is a multicast address"),
        ("01:00:5e:00:00:01", "is a multicast address"),
    ],
)
def test_what_no_machine_can_have_is_refused(text: str, message: str) -> None:
    with pytest.raises(DescriptionError) as raised:
        mac_address(text)
    assert message in str(raised.value)


def test_an_infiniband_port_has_8_or_20_octets() -> None:
    port = "80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0f:0b:a1"
    assert (infiniband_address(port.upper()), infiniband_address(port[-23:])) == (port, port[-23:])
    with pytest.raises(DescriptionError):
        infiniband_address("00:50:8b:e0:3a:a7:00")


@pytest.mark.parametrize(
    "text", ["", "10.1.1", "10.1.1.256", "10.1.1.1/8", "010.1.1.1", "::1", "ten"]
)
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(DescriptionError) as raised:
        ip_address(text)
    assert (
        str(raised.value)
        == f"{text!r} is no IPv4 address; four numbers of 0 to 255, such as 10.1.1.1"
    )


@given(st.integers(0, 2**32 - 1))
def test_an_address_and_its_number_are_the_same_as_the_standard_librarys(number: int) -> None:
    assert to_ip(number) == str(ipaddress.IPv4Address(number))
    assert to_number(to_ip(number)) == number


def test_the_first_address_is_the_papers_10_255_255_254() -> None:
    assert list(itertools.islice(free_addresses(PRIVATE, {"10.255.255.253"}), 3)) == [
        "10.255.255.254",
        "10.255.255.252",
        "10.255.255.251",
    ]


def test_neither_gateway_nor_broadcast_nor_the_networks_own_address_is_given() -> None:
    assert list(free_addresses(SMALL, ())) == [f"192.168.1.{last}" for last in (6, 5, 4, 3, 2)]


def test_limits_and_the_pool_are_kept() -> None:
    limited = SMALL._replace(
        first="192.168.1.2", last="192.168.1.5", pool_first="192.168.1.3", pool_last="192.168.1.4"
    )
    assert list(free_addresses(limited, ())) == ["192.168.1.5", "192.168.1.2"]


def test_full_blocks_are_passed_and_the_address_below_them_is_found() -> None:
    taken = {f"10.255.{third}.{fourth}" for third in range(250, 256) for fourth in range(256)}
    assert next_address(PRIVATE, taken) == "10.255.249.255"
    assert next_address(PRIVATE, taken - {"10.255.251.7"}) == "10.255.251.7"
    assert (
        next_address(
            PRIVATE._replace(first="10.255.253.9", last="10.255.254.9"),
            taken - {"10.255.253.8", "10.255.254.0"},
        )
        == "10.255.254.0"
    )


def test_a_network_of_two_gives_both() -> None:
    assert list(free_addresses(SMALL._replace(netmask="255.255.255.254", gateway=""), ())) == [
        "192.168.1.1",
        "192.168.1.0",
    ]


def test_a_full_network_says_so() -> None:
    with pytest.raises(Conflict) as raised:
        next_address(SMALL, {f"192.168.1.{last}" for last in range(8)})
    assert str(raised.value).startswith(
        "network 'small' is full (192.168.1.0 to its end); widen its limits"
    )


@pytest.mark.parametrize(
    ("ip", "fault"),
    [
        ("10.1.1.1", None),
        ("11.0.0.1", "11.0.0.1 is outside every network"),
        ("10.255.255.255", "10.255.255.255 is the broadcast address of network 'private'"),
        ("10.0.0.0", "10.0.0.0 is the own address of network 'private'"),
        ("10.1.1.254", "10.1.1.254 is the gateway of network 'private'"),
        ("10.254.0.9", "10.254.0.9 is lent to unknown machines (pool of network 'private')"),
    ],
)
def test_an_address_that_no_node_can_have(ip: str, fault: object) -> None:
    network = PRIVATE._replace(pool_first="10.254.0.1", pool_last="10.254.0.254")
    assert address_fault(ip, [SMALL, network]) == fault


@given(
    st.integers(0, 32),
    st.integers(0, 2**32 - 1),
    st.sets(st.integers(0, 40)),
    st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_free_addresses_are_what_the_standard_library_counts(
    prefix: int, base: int, offsets: set[int], pool: tuple[int, int]
) -> None:
    net = ipaddress.IPv4Network((base, max(prefix, 26)), strict=False)
    low, high = sorted(min(number, net.num_addresses - 1) for number in pool)
    taken = {str(net[offset]) for offset in offsets if offset < net.num_addresses}
    network = Network(
        *(1, "n", str(net.network_address), str(net.netmask), "", "", 1500, "private", "", ""),
        str(net[low]),
        str(net[high]),
    )
    lent = {str(net[number]) for number in range(low, high + 1)}
    expected = [str(ip) for ip in net.hosts() if str(ip) not in taken | lent]
    assert list(free_addresses(network, taken)) == expected[::-1]
    assert all(network_of(ip, [network]) for ip in expected)
