# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The preflight checks on real interfaces and routes, with real DHCP servers."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any, Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import Unavailable
from ansible_collections.npaci.rocks.plugins.module_utils.frontend import dhcp_probe
from support.dhcpservers import dhcp_server
from support.namespaces import BRIDGE, Network, network

ROOT = pathlib.Path(__file__).parents[3]
CHECK = """
import json, sys
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.frontend.preflight import check_host
from ansible_collections.npaci.rocks.plugins.module_utils.frontend.model import FrontendSettings
try:
    settings = FrontendSettings(**json.loads(sys.argv[1]))
    print(json.dumps(check_host(settings, probe_dhcp=False)._asdict()))
except RocksError as error:
    print(json.dumps({"error": str(error)}))
"""
MAC = "02:00:00:00:00:07"


@pytest.fixture
def net() -> Iterator[Network]:
    """Yield a frontend at 10.1.1.1/16 on a bridge."""
    with network() as net:
        yield net


def check(net: Network, **changed: Any) -> dict[str, Any]:
    """Run the checks in the frontend's namespace, and return the result or the error."""
    settings = {
        "interface": BRIDGE,
        "address": "10.1.1.1",
        "subnet": "10.1.0.0/16",
        "name": "frontend-0",
        "zone": "cluster",
        "folder": "/nonexistent/install",
        "space": 0,
        "homes": "",
        **changed,
    }
    argv = [sys.executable, "-c", CHECK, json.dumps(settings)]
    environment = {"PYTHONPATH": str(ROOT / ".collections"), "PYTHONDONTWRITEBYTECODE": "1"}
    result: dict[str, Any] = json.loads(net.server.run(argv, timeout=30, env=environment).stdout)
    return result


def test_a_machine_with_a_private_side_passes(net: Network) -> None:
    (link,) = json.loads(net.server.ip("-json", "link", "show", "dev", BRIDGE))
    assert check(net)["mac"] == link["address"]


def test_missing_free_space_is_reported(net: Network) -> None:
    error = check(net, space=10**9)["error"]
    assert "frontend_distributions" in error and "/nonexistent/install" in error


def test_the_interface_of_the_default_route_is_refused(net: Network) -> None:
    net.server.ip("route", "add", "default", "dev", BRIDGE)
    assert "default route" in check(net)["error"]


def test_an_overlapping_network_of_another_interface_is_refused(net: Network) -> None:
    net.server.ip("link", "add", "public0", "type", "veth", "peer", "name", "public1")
    net.server.ip("address", "add", "10.1.200.1/24", "dev", "public0")
    error = check(net)["error"]
    assert "overlaps 10.1.200.0/24" in error and "public0" in error


@pytest.mark.parametrize("server", ["dhcpd", "dnsmasq", "kea"])
def test_another_dhcp_server_is_found(net: Network, server: str, tmp_path: pathlib.Path) -> None:
    machine = net.client()
    with dhcp_server(server, net, tmp_path, lends=True):
        assert machine.call(dhcp_probe.find_servers, "eth0", MAC) == ("10.1.1.1",)


def test_our_own_request_is_not_an_answer(net: Network) -> None:
    assert net.server.call(dhcp_probe.find_servers, BRIDGE, MAC, 0.2) == ()


def test_an_interface_that_is_down_is_an_error(net: Network) -> None:
    machine = net.client()
    machine.ip("link", "set", "eth0", "down")
    with pytest.raises(Unavailable, match=r"^eth0: "):
        machine.call(dhcp_probe.find_servers, "eth0", MAC, 0.2)
