# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The option source selects what is read."""

from __future__ import annotations

import pathlib
from typing import NoReturn

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.discovery import sources
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.event_loop import StopCondition
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_options import (
    InsertOptions,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_sources import (
    LogFile,
    Syslog,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import Placement
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.sources import (
    MachineList,
    open_source,
    source_for,
    with_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    NotFound,
    Refused,
)

MAC = "00:50:8b:e0:3a:a7"


@pytest.fixture
def without_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run without the permission to open packet sockets."""

    def refused(_interface: str) -> NoReturn:
        raise Refused("no permission to open a packet socket")

    monkeypatch.setattr(sources, "PacketSocket", refused)
    monkeypatch.setattr(sources, "JOURNAL_FOLDERS", ())


@pytest.mark.usefixtures("without_rights")
def test_without_the_permission_to_listen_the_log_is_read(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "messages"
    log.touch()
    monkeypatch.setattr(sources, "LOG_PATHS", ("/no/such/log", str(log)))
    source = open_source("", "eth1")
    assert isinstance(source, LogFile) and source.name == str(log)


@pytest.mark.usefixtures("without_rights")
def test_the_wire_without_permission_is_an_error() -> None:
    with pytest.raises(Refused, match="packet socket"):
        open_source("wire", "eth1")


@pytest.mark.usefixtures("without_rights")
def test_no_permission_for_any_source_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LOG_PATHS", ())
    with pytest.raises(Refused, match="run as root"):
        open_source("", "eth1")


def test_a_url_opens_a_syslog_socket(tmp_path: pathlib.Path) -> None:
    for url in ("udp://127.0.0.1:0", f"unix://{tmp_path}/syslog"):
        source = open_source(url, "")
        assert isinstance(source, Syslog)
        source.close()


def test_the_path_of_a_log_can_be_relative(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "dhcpd").touch()
    assert isinstance(open_source("log/dhcpd", ""), LogFile)


@pytest.mark.parametrize("source", ["messages", "unix://messages", "http://127.0.0.1", "wires"])
def test_an_invalid_source_is_reported_with_the_valid_ones(source: str) -> None:
    with pytest.raises(DescriptionError, match=f"'{source}'.* wire, journal"):
        open_source(source, "eth1")


def test_a_list_of_machines_is_read_once(table_ii: Database) -> None:
    options = InsertOptions(Placement(), StopCondition(), machines=(DhcpRequest(MAC),))
    source = source_for(with_interface(options, table_ii))
    assert isinstance(source, MachineList) and source.exhausted and source.fileno() == -1
    assert [source.read(), source.read()] == [[DhcpRequest(MAC)], []]


def test_the_default_interface_is_the_one_on_the_network_of_the_nodes(table_ii: Database) -> None:
    options = InsertOptions(Placement(), StopCondition())
    with pytest.raises(NotFound, match=r"10\.0\.0\.0/8.* interface=NAME"):
        with_interface(options, table_ii)
    with pytest.raises(NotFound, match=r"'rack2'.* private"):
        with_interface(InsertOptions(Placement(network="rack2"), StopCondition()), table_ii)
    table_ii.execute("update networks set subnet = '127.0.0.0'")
    completed = with_interface(options, table_ii)
    assert (completed.interface, completed.placement.interface) == ("lo", "lo")


def test_the_log_of_another_machine_needs_no_interface_of_this_one(table_ii: Database) -> None:
    options = InsertOptions(Placement(), StopCondition(), source="/var/log/messages")
    assert with_interface(options, table_ii).placement.interface == ""
    with_name = InsertOptions(
        Placement(), StopCondition(), source="/var/log/messages", interface="eth1"
    )
    assert with_interface(with_name, table_ii).placement.interface == "eth1"
