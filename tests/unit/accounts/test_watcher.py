"""What the frontend runs all the time: it publishes each change, says each trouble once, and tells the nodes."""

from __future__ import annotations

import pathlib
import socket

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.accounts import notify
from ansible_collections.npaci.rocks.plugins.module_utils.accounts import watcher as following
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.watcher import follow
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Conflict, DescriptionError
from support.accounts import ALICE, BOB, Frontend

pytestmark = pytest.mark.programs


@pytest.fixture
def frontend(tmp_path: pathlib.Path) -> Frontend:
    return Frontend(tmp_path)


class Clock:
    """Each second something happens, or nothing."""

    def __init__(self, *events: object) -> None:
        self.events = list(events)

    def __call__(self, _seconds: float) -> None:
        event = self.events.pop(0)
        if callable(event):
            event()


def test_each_change_is_published_and_nothing_else_is_said(frontend: Frontend) -> None:
    frontend.have(ALICE)
    clock = Clock(None, None, lambda: frontend.have(ALICE, BOB), None)
    said = follow(frontend.place, sleep=clock)
    assert next(said).endswith(": added alice")
    assert next(said).endswith(": added bob")
    assert len(clock.events) == 1


def test_a_row_that_is_wrong_is_said_once_and_published_when_it_is_right(
    frontend: Frontend,
) -> None:
    frontend.have(ALICE, passwd="eve:x:1005\n")
    clock = Clock(None, None, lambda: frontend.have(ALICE))
    said = follow(frontend.place, sleep=clock)
    assert "passwd:7" in next(said)
    assert next(said).endswith(": added alice")
    assert clock.events == []


def test_who_was_in_the_way_is_waited_for(
    frontend: Frontend, monkeypatch: pytest.MonkeyPatch
) -> None:
    frontend.have(ALICE)
    published, in_the_way = following.publish, [Conflict("somebody has been editing")]

    def publish(*arguments: object, **options: object) -> object:
        if in_the_way:
            raise in_the_way.pop()
        return published(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(following, "publish", publish)
    said = follow(frontend.place, sleep=Clock(None))
    assert next(said) == "somebody has been editing"
    assert next(said).endswith(": added alice")


def test_a_change_between_two_looks_within_a_files_time_is_seen(frontend: Frontend) -> None:
    """Every editor of these files puts another file in place, so that its number differs."""
    frontend.have(ALICE)
    said = follow(
        frontend.place,
        sleep=Clock(lambda: frontend.have(ALICE._replace(comment="Alice Angstrom,,,"))),
    )
    next(said)
    assert next(said).endswith(": modified alice")


def test_a_hint_is_one_datagram_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        notify.hint(
            notify.targets(["127.0.0.1"]), 7, port=ear.getsockname()[1], sleep=pauses.append
        )
        assert [ear.recv(64) for _turn in range(3)] == [b"rocks-accounts 7\n"] * 3
    assert pauses == [notify.PAUSE] * 2


@pytest.mark.parametrize(
    ("network", "address"),
    [("10.0.0.0/8", "10.255.255.255"), ("10.1.1.1/16", "10.1.255.255"), ("10.1.1.1", "10.1.1.1")],
)
def test_a_network_is_told_at_its_broadcast_address(network: str, address: str) -> None:
    assert notify.targets([network]) == [address]


@pytest.mark.parametrize("network", ["lan", "10.0.0.0/33", "fd00::/8", ""])
def test_what_is_no_network_is_refused(network: str) -> None:
    with pytest.raises(DescriptionError, match="is no network"):
        notify.targets([network])
