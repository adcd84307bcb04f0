# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A machine is looked at: its real interfaces and routes, and real DHCP servers on its private side."""

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
    print(json.dumps(check_host(FrontendSettings(**json.loads(sys.argv[1])), probe_dhcp=False)._asdict()))
except RocksError as error:
    print(json.dumps({"error": str(error)}))
"""
MAC = "02:00:00:00:00:07"


@pytest.fixture
def net() -> Iterator[Network]:
    """A frontend at 10.1.1.1/16 on a bridge."""
    with network() as made:
        yield made


def checked(net: Network, **settings: Any) -> dict[str, Any]:
    """What the check says inside the frontend's namespace."""
    given = {
        **{
            "interface": BRIDGE,
            "address": "10.1.1.1",
            "subnet": "10.1.0.0/16",
            "name": "frontend-0",
        },
        **{
            "zone": "cluster",
            "folder": "/nonexistent/install",
            "space": 0,
            "homes": "",
            **settings,
        },
    }
    argv = [sys.executable, "-c", CHECK, json.dumps(given)]
    environment = {"PYTHONPATH": str(ROOT / ".collections"), "PYTHONDONTWRITEBYTECODE": "1"}
    answer: dict[str, Any] = json.loads(net.server.run(argv, timeout=30, env=environment).stdout)
    return answer


def test_a_machine_with_a_private_side_can_be_the_frontend(net: Network) -> None:
    (link,) = json.loads(net.server.ip("-json", "link", "show", "dev", BRIDGE))
    assert checked(net)["mac"] == link["address"]


def test_space_that_is_not_there_is_told(net: Network) -> None:
    assert "MiB are free where /nonexistent/install goes" in checked(net, space=10**9)["error"]


def test_the_way_to_the_outside_is_not_the_private_side(net: Network) -> None:
    net.server.ip("route", "add", "default", "dev", BRIDGE)
    assert "is the way to the outside" in checked(net)["error"]


def test_a_network_of_another_interface_is_seen(net: Network) -> None:
    net.server.ip("link", "add", "public0", "type", "veth", "peer", "name", "public1")
    net.server.ip("address", "add", "10.1.200.1/24", "dev", "public0")
    assert "overlaps 10.1.200.0/24, which is reached by public0" in checked(net)["error"]


@pytest.mark.parametrize("server", ["dhcpd", "dnsmasq", "kea"])
def test_another_dhcp_server_on_the_private_side_is_heard(
    net: Network, server: str, tmp_path: pathlib.Path
) -> None:
    machine = net.client()
    with dhcp_server(server, net, tmp_path, lends=True):
        assert machine.call(dhcp_probe.find_servers, "eth0", MAC) == ("10.1.1.1",)


def test_where_nobody_answers_nobody_is_heard_and_an_own_question_is_no_answer(
    net: Network,
) -> None:
    assert net.server.call(dhcp_probe.find_servers, BRIDGE, MAC, 0.2) == ()


def test_an_interface_that_is_down_cannot_be_asked(net: Network) -> None:
    machine = net.client()
    machine.ip("link", "set", "eth0", "down")
    with pytest.raises(Unavailable, match="eth0: cannot be asked for DHCP servers"):
        machine.call(dhcp_probe.find_servers, "eth0", MAC, 0.2)
