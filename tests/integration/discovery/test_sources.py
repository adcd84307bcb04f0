# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real clients ask, real servers write it down, and the wire and each log tell the same."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import time
from typing import Callable, Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import (
    Sighting,
    folded,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.event_loop import Source
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_sources import (
    Journal,
    LogFile,
    Syslog,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.packet_socket import (
    Wire,
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


def collect(source: Source, enough: Callable[[list[Sighting]], bool]) -> list[Sighting]:
    """What the source sees until it is enough, one for each machine."""
    found: list[Sighting] = []

    def seen() -> bool:
        found.extend(source.read())
        return enough(folded(found))

    until(seen, SECONDS, f"{source.name} to see enough")
    return folded(found)


@contextlib.contextmanager
def opened(source: Source) -> Iterator[Source]:
    try:
        yield source
    finally:
        source.close()


def test_the_wire_tells_what_firmware_says_of_itself(net: Network) -> None:
    machine = net.client()
    with opened(net.server.call(Wire, BRIDGE)) as wire:
        options = [PXE, (93, b"\x00\x07"), (97, b"\x00" + bytes(range(16)))]
        send(machine, [dhcp.discover(dhcp.mac(1), options)])
        assert collect(wire, bool) == [
            Sighting(
                dhcp.mac(1),
                BRIDGE,
                vendor="PXEClient:Arch:00007:UNDI:003000",
                architecture=7,
                uuid="00010203-0405-0607-0809-0a0b0c0d0e0f",
            )
        ]


def test_the_wire_gives_what_is_no_request_of_this_network_to_nobody(net: Network) -> None:
    machine = net.client()
    with opened(net.server.call(Wire, BRIDGE)) as wire:
        others = [
            dhcp.discover(dhcp.mac(2), tags=b"\x81\x00\x00\x07"),
            dhcp.discover("01:00:5e:00:00:03"),
            dhcp.frame(dhcp.mac(4), dhcp.message(dhcp.mac(4), [(53, dhcp.REQUEST)])),
            dhcp.frame(dhcp.mac(5), dhcp.message(dhcp.mac(5))[:120]),
            os.urandom(200),
        ]
        priority = dhcp.discover(dhcp.mac(6), tags=b"\x81\x00\xe0\x00")
        send(machine, [*others, priority])
        assert collect(wire, bool) == [Sighting(dhcp.mac(6), BRIDGE)]


def test_the_wire_does_not_hear_the_frontend_itself(net: Network) -> None:
    machine = net.client()
    with opened(net.server.call(Wire, BRIDGE)) as wire:

        def ask_as_frontend() -> None:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as link:
                link.bind((BRIDGE, 0))
                link.send(dhcp.discover(dhcp.mac(1)))

        net.server.call(ask_as_frontend)
        send(machine, [dhcp.discover(dhcp.mac(2))])
        assert [sighting.mac for sighting in collect(wire, bool)] == [dhcp.mac(2)]


def test_the_wire_hears_one_request_for_each_of_a_thousand_machines(net: Network) -> None:
    machine = net.client()
    with opened(net.server.call(Wire, BRIDGE)) as wire:
        send(machine, [dhcp.discover(dhcp.mac(number)) for number in range(1000)])
        assert len(collect(wire, lambda found: len(found) == 1000)) == 1000


def test_an_interface_that_was_down_for_a_while_is_heard_again_and_one_that_is_gone_is_told(
    net: Network,
) -> None:
    machine = net.client()
    with opened(net.server.call(Wire, BRIDGE)) as wire:
        net.server.ip("link", "set", BRIDGE, "down")
        assert net.server.call(wire.read) == []
        net.server.ip("link", "set", BRIDGE, "up")
        until(
            lambda: "state UP" in net.server.ip("link", "show", BRIDGE),
            SECONDS,
            "the bridge to be up",
        )
        send(machine, [dhcp.discover(dhcp.mac(1))])
        assert [sighting.mac for sighting in collect(wire, bool)] == [dhcp.mac(1)]
        net.server.ip("link", "delete", BRIDGE)
        with pytest.raises(Unavailable, match="br0: cannot be listened to any more"):
            net.server.call(wire.read)


def test_the_wire_of_the_cluster_is_found_by_its_network(net: Network) -> None:
    assert net.server.call(interface_in, "10.1.0.0", "255.255.0.0") == BRIDGE
    with pytest.raises(
        NotFound,
        match=r"no-such-wire: cannot be listened to .*; interfaces: br0, carrier0, carrier1, lo",
    ):
        net.server.call(Wire, "no-such-wire")


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
def test_real_clients_are_heard(
    net: Network, tmp_path: pathlib.Path, client: list[str], vendor: str
) -> None:
    machine = net.client(mac=dhcp.mac(7))
    argv = [word.format(folder=tmp_path) for word in client]
    with (
        opened(net.server.call(Wire, BRIDGE)) as wire,
        machine.daemon(argv, tmp_path / "client.log"),
    ):
        (sighting,) = collect(wire, bool)
    assert sighting.mac == dhcp.mac(7) and sighting.interface == BRIDGE
    assert sighting.vendor.startswith(vendor) and not sighting.firmware


# What each server's log leaves out. Kea serves BOOTP only with a hook; Kea 2.2 and dnsmasq name no relay.
TELLS = {
    "kea": {"bootp": False, "relay": False, "vendor": True, "interface": False},
    "dhcpd": {"bootp": True, "relay": True, "vendor": False, "interface": True},
    "dnsmasq": {"bootp": True, "relay": False, "vendor": True, "interface": True},
}


@pytest.mark.parametrize("server", sorted(TELLS))
def test_a_servers_log_tells_what_the_wire_tells(
    net: Network, tmp_path: pathlib.Path, server: str
) -> None:
    tells, machine = TELLS[server], net.client()
    asking = {
        dhcp.mac(1): dhcp.discover(dhcp.mac(1)),
        dhcp.mac(2): dhcp.discover(dhcp.mac(2), [PXE, (93, b"\x00\x07")]),
        dhcp.mac(3): dhcp.discover(dhcp.mac(3), [(12, HOSTILE), (60, HOSTILE), (77, HOSTILE)]),
        dhcp.mac(4): dhcp.discover(dhcp.mac(4), [(12, b"evil")]),
        dhcp.mac(5): dhcp.frame(dhcp.mac(5), dhcp.message(dhcp.mac(5), relay="10.1.7.1")),
    }
    if tells["bootp"]:
        asking[dhcp.mac(6)] = dhcp.frame(dhcp.mac(6), dhcp.message(dhcp.mac(6), []))
    with (
        dhcp_server(server, net, tmp_path) as running,
        opened(net.server.call(Wire, BRIDGE)) as wire,
    ):
        with opened(LogFile(str(running.log))) as log:
            send(machine, list(asking.values()))
            in_log = {one.mac: one for one in collect(log, lambda found: len(found) >= len(asking))}
            on_wire = {
                one.mac: one for one in collect(wire, lambda found: len(found) >= len(asking))
            }
        assert running.alive()
    assert set(in_log) == set(on_wire) == set(asking)
    for mac, sighting in on_wire.items():
        told = in_log[mac]
        assert told.relay == (sighting.relay if tells["relay"] else "")
        if tells["interface"] and not told.relay:
            assert told.interface == sighting.interface == BRIDGE
    firmware = in_log[dhcp.mac(2)]
    assert (firmware.vendor, firmware.arch) == (
        (PXE[1].decode(), "x86_64") if tells["vendor"] else ("", "")
    )


RSYSLOG = """
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/log")
action(type="omfile" file="{folder}/traditional" template="RSYSLOG_TraditionalFileFormat")
action(type="omfile" file="{folder}/rfc3339" template="RSYSLOG_FileFormat")
action(type="omfwd" target="127.0.0.1" port="{first}" protocol="udp" template="RSYSLOG_TraditionalForwardFormat")
action(type="omfwd" target="127.0.0.1" port="{second}" protocol="udp" template="RSYSLOG_SyslogProtocol23Format")
"""


def test_what_rsyslog_makes_of_a_servers_words_is_read(
    net: Network, tmp_path: pathlib.Path
) -> None:
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
            inside.enter_context(opened(source))
        inside.enter_context(net.server.daemon(argv, tmp_path / "rsyslog.log"))
        until((tmp_path / "log").is_socket, SECONDS, "rsyslog to listen")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as logger:
            logger.connect(str(tmp_path / "log"))
            logger.send(
                b"<30>Nov 22 15:26:08 dhcpd[12]: DHCPDISCOVER from 52:54:00:00:00:01 (\x1b[2J) via eth1"
            )
        for source in sources:
            assert collect(source, bool) == [Sighting(dhcp.mac(1), "eth1")], source.name


@contextlib.contextmanager
def journald(folder: pathlib.Path) -> Iterator[int]:
    """A systemd journal of its own, in a mount namespace; the process whose root it is seen under."""
    script = "mount -t tmpfs none /run && mount -t tmpfs none /var/log && mkdir -p /run/systemd/journal /run/log/journal"
    argv = ["unshare", "--mount", "sh", "-c", f"{script} && exec /usr/lib/systemd/systemd-journald"]
    with daemon(argv, folder / "journald.log") as running:
        ready = pathlib.Path(f"/proc/{running.pid}/root/run/systemd/journal/dev-log")
        began = time.monotonic()

        def listens() -> bool:
            return ready.is_socket() and os.readlink(f"/proc/{running.pid}/exe").endswith(
                "systemd-journald"
            )

        until(listens, SECONDS, f"journald since {began:.0f}")
        yield running.pid


def test_the_journal_tells_it_too_while_it_is_written_and_afterwards(
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
        until(lambda: _begun(files), SECONDS, "the first entry")
        with opened(Journal(more=files)) as journal:
            numbers = iter(range(2, 250))
            asked: list[str] = []

            def ask_and_look() -> list[Sighting]:
                # journalctl says nothing when it is ready: ask until one is heard, as firmware does.
                asked.append(dhcp.mac(next(numbers)))
                log(
                    f"<30>dhcpd[12]: DHCPDISCOVER from {asked[-1]} (\x1b[2J) via eth1".encode(),
                    f"<30>stranger[12]: DHCPDISCOVER from {dhcp.mac(9999)} via eth1".encode(),
                )
                return journal.read()

            heard = until(ask_and_look, SECONDS, "a new entry")
        assert {sighting.mac for sighting in heard} <= set(asked)
        assert dhcp.mac(1) in {sighting.mac for sighting in _held(files)}


def _begun(files: list[str]) -> bool:
    try:
        return bool(_held(files))
    except CommandError:
        return False  # journald has written nothing at all yet, so that there is no boot to ask for


def _held(files: list[str]) -> list[Sighting]:
    """What the journal holds now."""
    with opened(Journal(replay=True, follow=False, more=files)) as journal:
        found: list[Sighting] = []

        def ended() -> bool:
            found.extend(journal.read())
            return bool(journal.exhausted)

        until(ended, SECONDS, "the end of the journal")
    return found
