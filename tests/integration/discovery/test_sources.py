# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requests of real clients, from a packet socket and from the logs of real servers."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import time
from typing import Callable, Collection, Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import (
    DhcpRequest,
    merge_by_mac,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.event_loop import Source
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_sources import (
    Journal,
    LogFile,
    Syslog,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.packet_socket import (
    PacketSocket,
    interface_in,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    CommandError,
    NotFound,
    Unavailable,
)
from support import dhcp
from support.daemons import daemon
from support.dhcp import send
from support.dhcpservers import dhcp_server
from support.namespaces import BRIDGE, Network
from support.waiting import until

SECONDS = 10.0
PXE = (60, b"PXEClient:Arch:00007:UNDI:003000")
HOSTILE = (
    b"'\"; DROP\n\x1b[2J\x1b]0;x\x07 ) via eth9: DHCPDISCOVER from 52:54:00:00:00:66 via eth9\n"
)


def collect(source: Source, enough: Callable[[list[DhcpRequest]], bool]) -> list[DhcpRequest]:
    """Read a source until ``enough`` is true of the requests, merged by machine."""
    requests: list[DhcpRequest] = []

    def is_enough() -> bool:
        requests.extend(source.read())
        return enough(merge_by_mac(requests))

    until(is_enough, SECONDS, f"enough requests from {source.name}")
    return merge_by_mac(requests)


def all_of(machines: Collection[str]) -> Callable[[list[DhcpRequest]], bool]:
    return lambda requests: len(requests) >= len(machines)


@contextlib.contextmanager
def open_until_end(source: Source) -> Iterator[Source]:
    try:
        yield source
    finally:
        source.close()


def test_a_packet_socket_reports_the_options_of_firmware(net: Network) -> None:
    machine = net.client()
    with open_until_end(net.server.call(PacketSocket, BRIDGE)) as packet_socket:
        options = [PXE, (93, b"\x00\x07"), (97, b"\x00" + bytes(range(16)))]
        send(machine, [dhcp.discover(dhcp.mac(1), options)])
        assert collect(packet_socket, bool) == [
            DhcpRequest(
                dhcp.mac(1),
                BRIDGE,
                vendor="PXEClient:Arch:00007:UNDI:003000",
                architecture=7,
                uuid="00010203-0405-0607-0809-0a0b0c0d0e0f",
            )
        ]


def test_a_packet_socket_ignores_other_frames_and_vlans(net: Network) -> None:
    machine = net.client()
    with open_until_end(net.server.call(PacketSocket, BRIDGE)) as packet_socket:
        others = [
            dhcp.discover(dhcp.mac(2), tags=b"\x81\x00\x00\x07"),
            dhcp.discover("01:00:5e:00:00:03"),
            dhcp.frame(dhcp.mac(4), dhcp.message(dhcp.mac(4), [(53, dhcp.REQUEST)])),
            dhcp.frame(dhcp.mac(5), dhcp.message(dhcp.mac(5))[:120]),
            os.urandom(200),
        ]
        priority = dhcp.discover(dhcp.mac(6), tags=b"\x81\x00\xe0\x00")
        send(machine, [*others, priority])
        assert collect(packet_socket, bool) == [DhcpRequest(dhcp.mac(6), BRIDGE)]


def test_a_packet_socket_ignores_requests_of_the_frontend(net: Network) -> None:
    machine = net.client()
    with open_until_end(net.server.call(PacketSocket, BRIDGE)) as packet_socket:

        def send_as_frontend() -> None:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as link:
                link.bind((BRIDGE, 0))
                link.send(dhcp.discover(dhcp.mac(1)))

        net.server.call(send_as_frontend)
        send(machine, [dhcp.discover(dhcp.mac(2))])
        assert [request.mac for request in collect(packet_socket, bool)] == [dhcp.mac(2)]


def test_a_packet_socket_reports_each_of_a_thousand_machines(net: Network) -> None:
    machine = net.client()
    with open_until_end(net.server.call(PacketSocket, BRIDGE)) as packet_socket:
        send(machine, [dhcp.discover(dhcp.mac(number), [PXE]) for number in range(1000)])
        assert len(collect(packet_socket, lambda requests: len(requests) == 1000)) == 1000


def test_a_packet_socket_reports_a_machine_that_boots_during_a_flood(net: Network) -> None:
    machine = net.client()
    with open_until_end(net.server.call(PacketSocket, BRIDGE)) as packet_socket:
        send(machine, [dhcp.discover(dhcp.mac(number)) for number in range(2, 5000)])
        send(machine, [dhcp.discover(dhcp.mac(1), [PXE])])
        requests = collect(packet_socket, lambda requests: any(r.vendor for r in requests))
        assert [r.mac for r in requests if r.vendor] == [dhcp.mac(1)]
        assert 0 < len(requests) < 1000


def test_a_packet_socket_survives_a_down_interface_and_reports_a_deleted_one(
    net: Network,
) -> None:
    machine = net.client()
    with open_until_end(net.server.call(PacketSocket, BRIDGE)) as packet_socket:
        net.server.ip("link", "set", BRIDGE, "down")
        assert net.server.call(packet_socket.read) == []
        net.server.ip("link", "set", BRIDGE, "up")
        until(
            lambda: "state UP" in net.server.ip("link", "show", BRIDGE),
            SECONDS,
            "the bridge to be up",
        )
        send(machine, [dhcp.discover(dhcp.mac(1))])
        assert [request.mac for request in collect(packet_socket, bool)] == [dhcp.mac(1)]
        net.server.ip("link", "delete", BRIDGE)
        with pytest.raises(Unavailable, match=r"^br0: "):
            net.server.call(packet_socket.read)


def test_interface_in_finds_the_interface_of_a_network(net: Network) -> None:
    assert net.server.call(interface_in, "10.1.0.0", "255.255.0.0") == BRIDGE
    with pytest.raises(
        NotFound,
        match=r"^no-such-if: .*; interfaces: br0, carrier0, carrier1, lo",
    ):
        net.server.call(PacketSocket, "no-such-if")


@pytest.mark.parametrize(
    ("client", "vendor"),
    [
        pytest.param(
            ["busybox", "udhcpc", "-f", "-n", "-q", "-t", "3", "-T", "1", "-i", "eth0"],
            "udhcp",
            id="udhcpc",
        ),
        pytest.param(
            ["dhclient", "-4", "-d", "-1", "-lf", "{folder}/leases", "-pf", "{folder}/pid", "eth0"],
            "",
            id="dhclient",
        ),
    ],
)
def test_requests_of_real_clients_are_reported(
    net: Network, tmp_path: pathlib.Path, client: list[str], vendor: str
) -> None:
    machine = net.client(mac=dhcp.mac(7))
    argv = [word.format(folder=tmp_path) for word in client]
    with (
        open_until_end(net.server.call(PacketSocket, BRIDGE)) as packet_socket,
        machine.daemon(argv, tmp_path / "client.log"),
    ):
        (request,) = collect(packet_socket, bool)
    assert request.mac == dhcp.mac(7) and request.interface == BRIDGE
    assert request.vendor.startswith(vendor) and not request.is_firmware


# What each server logs. Kea serves BOOTP only with a hook; Kea 2.2 and dnsmasq log no relay.
LOGGED = {
    "kea": {"bootp": False, "relay": False, "vendor": True, "interface": False},
    "dhcpd": {"bootp": True, "relay": True, "vendor": False, "interface": True},
    "dnsmasq": {"bootp": True, "relay": False, "vendor": True, "interface": True},
}


@pytest.mark.parametrize("server", sorted(LOGGED))
def test_the_log_of_a_server_gives_the_same_requests_as_a_packet_socket(
    net: Network, tmp_path: pathlib.Path, server: str
) -> None:
    logged = LOGGED[server]
    machine = net.client()
    frames = {
        dhcp.mac(1): dhcp.discover(dhcp.mac(1)),
        dhcp.mac(2): dhcp.discover(dhcp.mac(2), [PXE, (93, b"\x00\x07")]),
        dhcp.mac(3): dhcp.discover(dhcp.mac(3), [(12, HOSTILE), (60, HOSTILE), (77, HOSTILE)]),
        dhcp.mac(4): dhcp.discover(dhcp.mac(4), [(12, b"evil")]),
        dhcp.mac(5): dhcp.frame(dhcp.mac(5), dhcp.message(dhcp.mac(5), relay="10.1.7.1")),
    }
    if logged["bootp"]:
        frames[dhcp.mac(6)] = dhcp.frame(dhcp.mac(6), dhcp.message(dhcp.mac(6), []))
    with (
        dhcp_server(server, net, tmp_path) as running,
        open_until_end(net.server.call(PacketSocket, BRIDGE)) as packet_socket,
    ):
        with open_until_end(LogFile(str(running.log))) as log:
            send(machine, list(frames.values()))
            in_log = {request.mac: request for request in collect(log, all_of(frames))}
            captured = {request.mac: request for request in collect(packet_socket, all_of(frames))}
        assert running.alive()
    assert set(in_log) == set(captured) == set(frames)
    for mac, request in captured.items():
        from_log = in_log[mac]
        assert from_log.relay == (request.relay if logged["relay"] else "")
        if logged["interface"] and not from_log.relay:
            assert from_log.interface == request.interface == BRIDGE
    firmware = in_log[dhcp.mac(2)]
    assert (firmware.vendor, firmware.arch) == (
        (PXE[1].decode(), "x86_64") if logged["vendor"] else ("", "")
    )


RSYSLOG = """
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/log")
action(type="omfile" file="{folder}/traditional" template="RSYSLOG_TraditionalFileFormat")
action(type="omfile" file="{folder}/rfc3339" template="RSYSLOG_FileFormat")
action(type="omfwd" target="127.0.0.1" port="{first}" protocol="udp"
    template="RSYSLOG_TraditionalForwardFormat")
action(type="omfwd" target="127.0.0.1" port="{second}" protocol="udp"
    template="RSYSLOG_SyslogProtocol23Format")
"""


def test_the_formats_of_rsyslog_are_parsed(net: Network, tmp_path: pathlib.Path) -> None:
    for name in ("traditional", "rfc3339"):
        (tmp_path / name).touch()
    (tmp_path / "rsyslog.conf").write_text(RSYSLOG.format(folder=tmp_path, first=5514, second=5515))
    argv = ["rsyslogd", "-n", "-f", f"{tmp_path}/rsyslog.conf", "-i", f"{tmp_path}/pid"]
    with contextlib.ExitStack() as inside:
        sources: list[Source] = [
            LogFile(str(tmp_path / name)) for name in ("traditional", "rfc3339")
        ]
        sources += [net.server.call(Syslog, f"127.0.0.1:{port}") for port in (5514, 5515)]
        for source in sources:
            inside.enter_context(open_until_end(source))
        inside.enter_context(net.server.daemon(argv, tmp_path / "rsyslog.log"))
        until((tmp_path / "log").is_socket, SECONDS, "rsyslog to listen")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as logger:
            logger.connect(str(tmp_path / "log"))
            logger.send(
                b"<30>Nov 22 15:26:08 dhcpd[12]:"
                b" DHCPDISCOVER from 52:54:00:00:00:01 (\x1b[2J) via eth1"
            )
        for source in sources:
            assert collect(source, bool) == [DhcpRequest(dhcp.mac(1), interface="eth1")], (
                source.name
            )


@contextlib.contextmanager
def journald(folder: pathlib.Path) -> Iterator[int]:
    """Run systemd-journald in a mount namespace; yield its PID, whose root has the journal."""
    script = (
        "mount -t tmpfs none /run && mount -t tmpfs none /var/log"
        " && mkdir -p /run/systemd/journal /run/log/journal"
    )
    argv = ["unshare", "--mount", "sh", "-c", f"{script} && exec /usr/lib/systemd/systemd-journald"]
    with daemon(argv, folder / "journald.log") as running:
        ready = pathlib.Path(f"/proc/{running.pid}/root/run/systemd/journal/dev-log")
        started = time.monotonic()

        def is_listening() -> bool:
            return ready.is_socket() and os.readlink(f"/proc/{running.pid}/exe").endswith(
                "systemd-journald"
            )

        until(is_listening, SECONDS, f"journald since {started:.0f}")
        yield running.pid


def test_requests_in_the_journal_are_read_while_they_are_written_and_afterwards(
    tmp_path: pathlib.Path,
) -> None:
    with journald(tmp_path) as pid:
        files = [f"--directory=/proc/{pid}/root/run/log/journal"]

        def log(*lines: bytes) -> None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as logger:
                logger.connect(f"/proc/{pid}/root/run/systemd/journal/dev-log")
                for line in lines:
                    logger.send(line)

        log(b"<30>dhcpd[12]: DHCPDISCOVER from 52:54:00:00:00:01 via eth1")
        until(lambda: _has_entries(files), SECONDS, "the first entry")
        with open_until_end(Journal(arguments=files)) as journal:
            numbers = iter(range(2, 250))
            sent: list[str] = []

            def send_and_read() -> list[DhcpRequest]:
                # journalctl does not report when it is ready: repeat until one entry is read.
                sent.append(dhcp.mac(next(numbers)))
                log(
                    f"<30>dhcpd[12]: DHCPDISCOVER from {sent[-1]} (\x1b[2J) via eth1".encode(),
                    f"<30>stranger[12]: DHCPDISCOVER from {dhcp.mac(9999)} via eth1".encode(),
                )
                return journal.read()

            requests = until(send_and_read, SECONDS, "a new entry")
        assert {request.mac for request in requests} <= set(sent)
        assert dhcp.mac(1) in {request.mac for request in _present_requests(files)}


def _has_entries(files: list[str]) -> bool:
    try:
        return bool(_present_requests(files))
    except CommandError:
        return False  # without any entry, there is no boot


def _present_requests(files: list[str]) -> list[DhcpRequest]:
    """Read the journal to its present end."""
    with open_until_end(Journal(replay=True, follow=False, arguments=files)) as journal:
        requests: list[DhcpRequest] = []

        def ended() -> bool:
            requests.extend(journal.read())
            return bool(journal.exhausted)

        until(ended, SECONDS, "the end of the journal")
    return requests
