# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an administrator writes as the source leads to what is read."""

from __future__ import annotations

import pathlib
from typing import NoReturn

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.discovery import sources
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import Sighting
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.event_loop import Until
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_options import Request
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_sources import (
    LogFile,
    Syslog,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import Placement
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.sources import (
    Listed,
    on_interface,
    open_source,
    source_of,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    NotFound,
    Refused,
    RocksError,
)

MAC = "00:50:8b:e0:3a:a7"


@pytest.fixture
def without_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that may open no packet socket."""

    def refused(_interface: str) -> NoReturn:
        raise Refused("listening on the wire needs the right to open packet sockets")

    monkeypatch.setattr(sources, "Wire", refused)
    monkeypatch.setattr(sources, "JOURNALS", ())


@pytest.mark.usefixtures("without_rights")
def test_where_the_wire_may_not_be_heard_the_log_is_read(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "messages"
    log.touch()
    monkeypatch.setattr(sources, "LOGS", ("/no/such/log", str(log)))
    source = open_source("", "eth1")
    assert isinstance(source, LogFile) and source.name == str(log)


@pytest.mark.usefixtures("without_rights")
def test_who_asks_for_the_wire_gets_the_wire_or_the_reason() -> None:
    with pytest.raises(Refused, match="packet sockets"):
        open_source("wire", "eth1")


@pytest.mark.usefixtures("without_rights")
def test_who_may_read_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LOGS", ())
    with pytest.raises(Refused, match="neither the wire nor a log can be read; run as root"):
        open_source("", "eth1")


def test_syslog_is_received_at_an_address_or_a_path(tmp_path: pathlib.Path) -> None:
    for source in ("udp://127.0.0.1:0", f"unix://{tmp_path}/syslog"):
        opened = open_source(source, "")
        assert isinstance(opened, Syslog)
        opened.close()


def test_a_log_is_also_named_from_where_one_stands(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "dhcpd").touch()
    assert isinstance(open_source("log/dhcpd", ""), LogFile)


@pytest.mark.parametrize("source", ["messages", "unix://messages", "http://127.0.0.1", "wires"])
def test_another_word_is_told_with_those_that_are_known(source: str) -> None:
    with pytest.raises(
        DescriptionError, match=f"'{source}' is no source of DHCP requests; write wire, journal"
    ):
        open_source(source, "eth1")


def test_a_list_needs_no_source(table_ii: Database) -> None:
    request = Request(Placement(), Until(), machines=(Sighting(MAC),))
    source = source_of(on_interface(request, table_ii))
    assert isinstance(source, Listed) and source.exhausted and source.fileno() == -1
    assert [source.read(), source.read()] == [[Sighting(MAC)], []]


def test_the_interface_is_looked_for_in_the_network_that_addresses_come_from(
    table_ii: Database,
) -> None:
    with pytest.raises(
        NotFound, match=r"no interface of this machine has an address in 10\.0\.0\.0/8; name one"
    ):
        on_interface(Request(Placement(), Until()), table_ii)
    with pytest.raises(
        RocksError, match="there is no network 'rack2' to listen on; networks: private"
    ):
        on_interface(Request(Placement(network="rack2"), Until()), table_ii)
    table_ii.execute("update networks set subnet = '127.0.0.0'")
    found = on_interface(Request(Placement(), Until()), table_ii)
    assert (found.interface, found.placement.interface) == ("lo", "lo")


def test_the_log_of_another_machine_tells_its_own_interfaces(table_ii: Database) -> None:
    assert (
        on_interface(
            Request(Placement(), Until(), source="/var/log/messages"), table_ii
        ).placement.interface
        == ""
    )
    named = Request(Placement(), Until(), source="/var/log/messages", interface="eth1")
    assert on_interface(named, table_ii).placement.interface == "eth1"
