# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts from recorded output of iproute2."""

from __future__ import annotations

import ipaddress
import json
import pathlib
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.frontend import host_facts
from ansible_collections.npaci.rocks.plugins.module_utils.frontend.model import Route
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult


def program(answer: Any) -> Any:
    """Return a stand-in for ``process.run`` that prints ``answer`` as JSON."""
    return lambda *_argv, **_options: ProgramResult(0, json.dumps(answer), "", 0.0)


def test_interfaces_are_listed_with_ipv4_addresses_without_the_loopback() -> None:
    links = [
        {"ifname": "lo", "addr_info": [{"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]},
        {
            "ifname": "eth1",
            "addr_info": [
                {"family": "inet", "local": "10.1.1.1", "prefixlen": 8},
                {"family": "inet6", "local": "fe80::1", "prefixlen": 64},
            ],
        },
        {"ifname": "ib0"},
        {},  # iproute2 prints empty objects for links that it filters out
    ]
    assert host_facts.interface_addresses(program(links)) == {
        "eth1": (ipaddress.IPv4Interface("10.1.1.1/8"),),
        "ib0": (),
    }


def test_a_route_with_two_next_hops_is_two_rows() -> None:
    routes = [
        {"dst": "default", "nexthops": [{"dev": "eth0"}, {"dev": "eth2"}]},
        {"dst": "10.0.0.0/8", "dev": "eth1"},
        {"dst": "192.0.2.7", "dev": "eth0"},
        {"type": "blackhole", "dst": "198.51.100.0/24"},
    ]
    default = ipaddress.IPv4Network("0.0.0.0/0")
    assert host_facts.routes(program(routes)) == (
        Route(default, "eth0"),
        Route(default, "eth2"),
        Route(ipaddress.IPv4Network("10.0.0.0/8"), "eth1"),
        Route(ipaddress.IPv4Network("192.0.2.7/32"), "eth0"),
    )


def test_the_free_space_of_a_missing_folder_is_that_of_its_parent(
    tmp_path: pathlib.Path,
) -> None:
    assert host_facts.free_mib(f"{tmp_path}/a/b") == host_facts.free_mib(str(tmp_path)) > 0


def test_a_relative_folder_is_refused() -> None:
    with pytest.raises(DescriptionError, match="not an absolute path"):
        host_facts.free_mib("install")
