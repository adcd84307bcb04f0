# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""insert-ethers as an administrator runs it, next to real DHCP servers, with simulated firmware."""

from __future__ import annotations

import concurrent.futures
import contextlib
import pathlib
import signal
from typing import Iterator, Optional

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.interfaces import (
    put_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import add_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.sending import DISCOVERY
from support import dhcp
from support.dhcp import send
from support.dhcpfrontend import DhcpFrontend, dhcp_frontend, result_of
from support.firmware import IPXE, UEFI_HTTP, Firmware, Lease, ask
from support.frontend import HttpService
from support.mariadb import server
from support.namespaces import Namespace, Network
from support.waiting import until

SERVERS = ("dhcpd", "dnsmasq", "kea")
# A machine that sends one request only.
ONE_REQUEST = Firmware(IPXE.vendor_class, IPXE.architecture, (0,), IPXE.user_class)


@pytest.fixture
def frontend(net: Network, tmp_path: pathlib.Path) -> Iterator[DhcpFrontend]:
    """A frontend with dnsmasq, which starts fastest."""
    with dhcp_frontend("dnsmasq", net, tmp_path) as running:
        yield running


@pytest.fixture
def machine(net: Network) -> Namespace:
    """A network namespace that sends requests of any MAC."""
    return net.client()


def ask_all(machine: Namespace, macs: list[str]) -> list[Optional[Lease]]:
    """Boot all machines at the same moment."""
    with concurrent.futures.ThreadPoolExecutor(len(macs)) as pool:
        return list(pool.map(lambda mac: ask(machine, mac), macs))


@pytest.mark.parametrize(
    ("name", "source"), [*((name, "wire") for name in SERVERS), ("kea", "log")]
)
def test_an_unknown_machine_has_a_name_and_a_lease_before_its_firmware_gives_up(
    net: Network, tmp_path: pathlib.Path, machine: Namespace, name: str, source: str
) -> None:
    with dhcp_frontend(name, net, tmp_path) as frontend:
        options = {} if source == "wire" else {"source": str(frontend.server.log)}
        with frontend.insert_ethers(count=1, timeout=120, **options) as running:
            lease = ask(machine, dhcp.mac(1))
            result = result_of(running)
        assert lease is not None and (lease.address, lease.hostname) == (
            "10.1.255.254",
            "compute-0-0",
        )
        # Usually 2, as `make bench` measures; on a busy machine, the report takes longer.
        assert lease.discovers >= 2
        (node,) = result["nodes"]
        assert (node["name"], node["mac"], node["ip"], node["state"]) == (
            "compute-0-0",
            dhcp.mac(1),
            "10.1.255.254",
            "ordered",
        )
        assert result["ended"] == "count" and result["reports"] == ["hosts", name]
        assert "10.1.255.254 compute-0-0.cluster compute-0-0" in (tmp_path / "hosts").read_text()
        renewed = ask(machine, dhcp.mac(1), ONE_REQUEST)
        assert renewed is not None and renewed.discovers == 1


def test_kea_with_a_database_view_serves_a_new_machine_without_a_new_file(
    net: Network, tmp_path: pathlib.Path, machine: Namespace
) -> None:
    with server(tmp_path / "mariadb") as mariadb, contextlib.ExitStack() as inside:
        options = {"source": "view", "account": "root", "view": "rocks_kea"}
        env = {"MYSQL_UNIX_PORT": str(mariadb.socket)}
        frontend = inside.enter_context(
            dhcp_frontend("kea", net, tmp_path, mariadb.create("cluster"), env, **options)
        )
        running = inside.enter_context(frontend.insert_ethers(count=8, timeout=120))
        leases = ask_all(machine, [dhcp.mac(number) for number in range(1, 9)])
        result = result_of(running)
    assert None not in leases
    assert len(result["nodes"]) == 8 and result["reports"] == ["hosts"]


@pytest.mark.parametrize("name", SERVERS)
def test_thirty_two_machines_at_once_all_boot_without_a_power_cycle(
    net: Network, tmp_path: pathlib.Path, machine: Namespace, name: str
) -> None:
    macs = [dhcp.mac(number) for number in range(1, 33)]
    with dhcp_frontend(name, net, tmp_path) as frontend:
        with frontend.insert_ethers(count=32, timeout=120) as running:
            leases = ask_all(machine, macs)
            result = result_of(running)
        assert None not in leases
        assert sorted(node["name"] for node in result["nodes"]) == sorted(
            f"compute-0-{rank}" for rank in range(32)
        )
        expected = {node["mac"]: (node["ip"], node["name"]) for node in result["nodes"]}
        assert [(lease.address, lease.hostname) for lease in leases if lease] == [
            expected[mac] for mac in macs
        ]


def test_the_remedy_for_a_known_interface_without_an_address_works(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    with frontend.database() as database:
        add_nodes(database, [NewNode(mac=dhcp.mac(1))])
        put_interface(database, "compute-0-0", "eth1", mac=dhcp.mac(2))
    with frontend.insert_ethers(timeout=20) as running:
        assert ask(machine, dhcp.mac(2), ONE_REQUEST) is None
        (known,) = result_of(running)["known"]
    assert known["name"] == "compute-0-0"
    assert "rocks_interface -a 'node=compute-0-0 name=eth1 network=" in known["problem"]
    with frontend.database() as database:
        put_interface(database, "compute-0-0", "eth1", network="private")
    with frontend.insert_ethers("second-run", timeout=25) as running:
        lease = ask(machine, dhcp.mac(2))
        (known,) = result_of(running)["known"]
    assert lease is not None and lease.hostname == "compute-0-0-eth1" and lease.boot_file
    assert known["problem"] == ""


def test_machines_switched_on_one_after_another_are_named_in_that_order(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    with frontend.insert_ethers(count=3, timeout=120, rack=7) as running:
        leases = [ask(machine, dhcp.mac(number)) for number in (9, 4, 6)]
        assert [lease and lease.hostname for lease in leases] == [
            "compute-7-0",
            "compute-7-1",
            "compute-7-2",
        ]
        assert [node["mac"] for node in result_of(running)["nodes"]] == [
            dhcp.mac(9),
            dhcp.mac(4),
            dhcp.mac(6),
        ]
        assert "compute-7-1 is 52:54:00:00:00:04, 10.1.255.253 (x86_64 BIOS)" in running.output()


def test_the_start_of_a_nodes_installer_is_reported(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    with frontend.insert_ethers(count=1, timeout=120, wait_for_kickstart=True) as running:
        lease = ask(machine, dhcp.mac(1), UEFI_HTTP)
        assert lease is not None
        running.wait_for("compute-0-0: ( ) ordered", 10)
        assert running.alive()
        service = HttpService(frontend.settings, now=timestamps.now())
        with frontend.database() as database:
            (order,) = orders.list_live(database, ["compute-0-0"])
        assert order.driver == DISCOVERY  # so that no command restarts the machine
        service.start_installer(lease.address, order.uuid)
        (node,) = result_of(running)["nodes"]
        assert node["state"] == "installing" and "compute-0-0: (*) installing" in running.output()


def test_a_switch_gets_a_name_and_no_install_order(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    with frontend.insert_ethers(count=1, timeout=120, membership="Ethernet Switches") as running:
        lease = ask(machine, dhcp.mac(1))
        (node,) = result_of(running)["nodes"]
    assert (
        lease is not None
        and lease.hostname == node["name"] == "network-0-0"
        and node["state"] == ""
    )
    assert (
        HttpService(frontend.settings, now=timestamps.now())
        .get("/rocks/kickstart", lease.address)
        .status
        == 409
    )


def test_install_false_adds_a_machine_without_an_install_order(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    with frontend.insert_ethers(install=False, source=[dhcp.mac(1)]) as running:
        assert result_of(running)["ended"] == "all"
    lease = ask(machine, dhcp.mac(1), ONE_REQUEST)
    assert lease is not None and lease.hostname == "compute-0-0"
    assert (
        HttpService(frontend.settings, now=timestamps.now())
        .get("/rocks/kickstart", lease.address)
        .status
        == 409
    )


def test_a_replacement_takes_over_the_name_and_the_old_machine_gets_no_lease(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    old, new = dhcp.mac(1), dhcp.mac(2)
    with frontend.insert_ethers(source=[old, dhcp.mac(3)]) as running:
        assert result_of(running)["ended"] == "all"
    with frontend.insert_ethers("replace", replace="compute-0-0", timeout=120) as running:
        assert ask(machine, old, ONE_REQUEST) is not None
        running.wait_for(f"{old} is already compute-0-0", 10)
        lease = ask(machine, new)
        assert result_of(running)["ended"] == "count"
    assert lease is not None and (lease.hostname, lease.address) == ("compute-0-0", "10.1.255.254")
    assert ask(machine, old, ONE_REQUEST) is None


def test_a_removed_node_gets_no_lease_and_is_new_at_its_next_request(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    with frontend.insert_ethers(source=[dhcp.mac(1), dhcp.mac(2)]) as running:
        assert result_of(running)["ended"] == "all"
    assert ask(machine, dhcp.mac(1), ONE_REQUEST) is not None
    removed = frontend.module(remove=["compute-0-0"])
    assert removed["removed"] == ["compute-0-0"] and removed["reports"] == ["hosts", "dnsmasq"]
    assert ask(machine, dhcp.mac(1), ONE_REQUEST) is None
    with frontend.insert_ethers("second-run", count=1, timeout=120) as running:
        lease = ask(machine, dhcp.mac(1))
        assert result_of(running)["ended"] == "count"
    assert lease is not None and lease.hostname == "compute-0-2"


def test_two_runs_at_once_give_no_machine_two_names(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    macs = [dhcp.mac(number) for number in range(1, 17)]
    with (
        frontend.insert_ethers("rack-1", rack=1, timeout=20) as first,
        frontend.insert_ethers("rack-2", rack=2, timeout=20) as second,
    ):
        leases = ask_all(machine, macs)
        added = [node for running in (first, second) for node in result_of(running)["nodes"]]
    assert sorted(node["mac"] for node in added) == macs
    by_mac = {node["mac"]: node["name"] for node in added}
    assert [lease and lease.hostname for lease in leases] == [by_mac[mac] for mac in macs]


def test_a_killed_run_leaves_nodes_with_orders_and_the_next_run_continues(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    macs = [dhcp.mac(number) for number in range(1, 9)]
    with frontend.insert_ethers("killed", count=8, timeout=120) as running:
        ask(machine, macs[0])
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            requests = pool.submit(ask_all, machine, macs[1:])
            until(lambda: "compute-0-1" in running.output(), 10, "a second node")
            running.kill()
            requests.result()
    with frontend.database() as database:
        survivors = [node.name for node in list_nodes(database) if node.root == "compute"]
        ordered = [
            row[0]
            for row in database.rows(
                "select nodes.name from installs join nodes on nodes.id = node"
            )
        ]
    assert "compute-0-1" in survivors and sorted(survivors) == sorted(ordered)
    missing = 8 - len(survivors)
    with frontend.insert_ethers(
        "next", **({"count": missing} if missing else {"timeout": 4})
    ) as running:
        leases = ask_all(machine, macs)
        result_of(running)
    assert sorted(lease.hostname for lease in leases if lease) == [
        f"compute-0-{rank}" for rank in range(8)
    ]


def processes_of(frontend: DhcpFrontend) -> list[int]:
    """Return the processes that use the settings of this frontend."""
    mark = f"ROCKS_CONFIG={frontend.environment['ROCKS_CONFIG']}".encode()
    processes = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                processes.append(int(process.name))
    return processes


def test_a_killed_command_leaves_no_process(frontend: DhcpFrontend) -> None:
    with frontend.insert_ethers(timeout=600) as running:
        assert len(processes_of(frontend)) > 1  # the command and its worker
        running.signal(signal.SIGKILL)
        until(lambda: not processes_of(frontend), 5, "the worker to end")


def test_a_killed_command_at_a_terminal_or_on_another_host_leaves_no_process(
    frontend: DhcpFrontend,
) -> None:
    with frontend.at_terminal(timeout=600) as terminal:
        terminal.wait_for("reading DHCP requests from interface br0", 30)
        terminal.process.kill()
        until(lambda: not processes_of(frontend), 5, "the worker to end")
    with frontend.silently(timeout=600) as running:
        until(lambda: len(processes_of(frontend)) > 2, 30, "the module to run")
        running.signal(signal.SIGKILL)
        until(lambda: not processes_of(frontend), 5, "worker and module to end")


def test_a_server_that_rejects_its_file_is_reported_and_retried(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    with frontend.insert_ethers(count=1, timeout=120) as running:
        frontend.refuse(True)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            request = pool.submit(ask, machine, dhcp.mac(1))
            running.wait_for("retrying: ", 10)
            frontend.refuse(False)
            lease = request.result()
        result = result_of(running)
    assert lease is not None and lease.hostname == "compute-0-0"
    assert "it will not" in result["waited_for"][0] and result["ended"] == "count"


def test_check_mode_on_a_log_returns_the_nodes_that_would_be_added(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    for number in (1, 2, 1):
        ask(machine, dhcp.mac(number), ONE_REQUEST)
    preview = frontend.module("--check", source=str(frontend.server.log))
    assert [(node["name"], node["mac"], node["vendor"]) for node in preview["nodes"]] == [
        ("compute-0-0", dhcp.mac(1), IPXE.vendor_class),
        ("compute-0-1", dhcp.mac(2), IPXE.vendor_class),
    ]
    assert preview["changed"] and preview["ended"] == "all"
    with frontend.database() as database:
        assert [node.name for node in list_nodes(database)] == ["frontend-0"]


def test_hostile_text_of_a_machine_reaches_no_terminal_file_or_server(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    hostile = b"'\";\n\x1b[2J\x1b]0;x\x07{{ 7 * 7 }}$(id)"
    relay_agent = dhcp.option_field([(1, hostile), (2, hostile)])
    options = [
        (12, hostile),
        (60, hostile),
        (77, hostile),
        (81, b"\0\0\0" + hostile),
        (82, relay_agent),
    ]
    with frontend.insert_ethers(count=1, timeout=120, install=False) as running:
        send(
            machine,
            [dhcp.discover(dhcp.mac(1), options), dhcp.discover("ff:ff:ff:ff:ff:ff", options)],
        )
        (node,) = result_of(running)["nodes"]
        assert "\x1b" not in running.output() and "\x07" not in running.output()
    assert node["vendor"].startswith("'\";\\n\\x1b[2J") and "{{ 7 * 7 }}" in node["vendor"]
    reports = "".join(
        path.read_text()
        for path in (frontend.folder / "hosts", frontend.folder / "dnsmasq.rocks-hosts")
    )
    assert (
        "x1b" not in reports
        and "id" not in reports.replace("hosts", "")
        and frontend.server.alive()
    )


def test_the_module_returns_the_same_result_without_output(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    with frontend.silently(count=2, timeout=120) as running:
        until(lambda: ask(machine, dhcp.mac(1), ONE_REQUEST), 30, "the first lease")
        until(lambda: ask(machine, dhcp.mac(2), ONE_REQUEST), 30, "the second lease")
        assert "DHCP requests" not in running.output()
        result = result_of(running)
    assert [node["name"] for node in result["nodes"]] == ["compute-0-0", "compute-0-1"]


def test_an_interrupted_module_returns_the_nodes_it_has_added(
    frontend: DhcpFrontend, machine: Namespace
) -> None:
    with frontend.as_program(timeout=600) as running:
        until(lambda: ask(machine, dhcp.mac(1), ONE_REQUEST), 30, "a lease")
        running.signal(signal.SIGINT)
        result = result_of(running)
    assert [node["name"] for node in result["nodes"]] == ["compute-0-0"] and result[
        "ended"
    ] == "stopped"


@pytest.mark.parametrize("key", [pytest.param(b"q", id="q"), pytest.param(b"\x03", id="Ctrl-C")])
def test_at_a_terminal_a_table_is_shown_until_a_key_is_pressed(
    frontend: DhcpFrontend, machine: Namespace, key: bytes
) -> None:
    with frontend.at_terminal() as terminal:
        terminal.wait_for("reading DHCP requests from interface br0", 30)
        assert ask(machine, dhcp.mac(1)) is not None
        terminal.wait_for(
            "compute-0-0  52:54:00:00:00:01  10.1.255.254  x86_64 BIOS  ( ) ordered", 10
        )
        assert ask(machine, dhcp.mac(2)) is not None
        terminal.wait_for("compute-0-1  52:54:00:00:00:02", 10)
        terminal.press(key)
        terminal.wait_for('"ended": "stopped"', 20)
        assert terminal.exit_status(10) == 0
    with contextlib.suppress(FileNotFoundError), frontend.database() as database:
        assert [node.name for node in list_nodes(database)] == [
            "frontend-0",
            "compute-0-0",
            "compute-0-1",
        ]
