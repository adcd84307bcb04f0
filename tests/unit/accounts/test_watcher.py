"""The watcher publishes each change, reports each error once, and notifies the nodes."""

from __future__ import annotations

import pathlib
import socket

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.accounts import notify, watcher
from ansible_collections.npaci.rocks.plugins.module_utils.accounts import publish as publish_module
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.watcher import watch_accounts
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Conflict, DescriptionError
from support.accounts import ALICE, BOB, Frontend, Person

pytestmark = pytest.mark.programs


@pytest.fixture
def frontend(tmp_path: pathlib.Path) -> Frontend:
    return Frontend(tmp_path)


class Clock:
    """A replacement of sleep: each call runs the next event, if it is a function."""

    def __init__(self, *events: object) -> None:
        self.events = list(events)

    def __call__(self, _seconds: float) -> None:
        event = self.events.pop(0)
        if callable(event):
            event()


def test_each_change_is_published_and_nothing_else_is_reported(frontend: Frontend) -> None:
    frontend.have(ALICE)
    clock = Clock(None, None, lambda: frontend.have(ALICE, BOB), None)
    messages = watch_accounts(frontend.paths, sleep=clock)
    assert next(messages).endswith(": added alice")
    assert next(messages).endswith(": added bob")
    assert len(clock.events) == 1


def test_a_wrong_row_is_reported_once_and_published_when_corrected(
    frontend: Frontend,
) -> None:
    eve = Person("eve", 1005)
    frontend.have(ALICE, passwd="eve:x:1005\n")
    clock = Clock(None, None, lambda: frontend.have(ALICE, eve))
    messages = watch_accounts(frontend.paths, sleep=clock)
    assert "passwd:7" in next(messages)
    assert next(messages).endswith(": added alice")
    assert next(messages).endswith(": added eve")
    assert clock.events == []


def test_a_conflict_is_reported_and_retried(
    frontend: Frontend, monkeypatch: pytest.MonkeyPatch
) -> None:
    frontend.have(ALICE)
    conflicts = [Conflict("another program is editing")]

    def publish(*arguments: object, **options: object) -> object:
        if conflicts:
            raise conflicts.pop()
        return publish_module.publish(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(watcher, "publish", publish)
    messages = watch_accounts(frontend.paths, sleep=Clock(None))
    assert next(messages) == "another program is editing"
    assert next(messages).endswith(": added alice")


def test_a_change_within_the_resolution_of_a_files_time_is_published(frontend: Frontend) -> None:
    """Programs that edit these files replace them, so that the inode number differs."""
    frontend.have(ALICE)
    messages = watch_accounts(
        frontend.paths,
        sleep=Clock(lambda: frontend.have(ALICE._replace(comment="Alice Angstrom,,,"))),
    )
    next(messages)
    assert next(messages).endswith(": modified alice")


def test_a_notification_is_one_datagram_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        notify.notify_nodes(
            notify.broadcast_addresses(["127.0.0.1"]),
            7,
            port=receiver.getsockname()[1],
            sleep=pauses.append,
        )
        assert [receiver.recv(64) for _repeat in range(3)] == [b"rocks-accounts 7\n"] * 3
    assert pauses == [notify.PAUSE_SECONDS] * 2


@pytest.mark.parametrize(
    ("network", "address"),
    [("10.0.0.0/8", "10.255.255.255"), ("10.1.1.1/16", "10.1.255.255"), ("10.1.1.1", "10.1.1.1")],
)
def test_a_network_is_notified_at_its_broadcast_address(network: str, address: str) -> None:
    assert notify.broadcast_addresses([network]) == [address]


@pytest.mark.parametrize("network", ["lan", "10.0.0.0/33", "fd00::/8", ""])
def test_an_invalid_network_is_refused(network: str) -> None:
    with pytest.raises(DescriptionError, match=r"^hint: "):
        notify.broadcast_addresses([network])
