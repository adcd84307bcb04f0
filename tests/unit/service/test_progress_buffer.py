"""Progress that is written together a moment later, and only for whom the database vouched a moment ago."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.interfaces import put_interface
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Unavailable
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import (
    Audit,
    Order,
    Progress,
)
from ansible_collections.npaci.rocks.plugins.module_utils.service import progress_buffer as room
from ansible_collections.npaci.rocks.plugins.module_utils.service.progress_buffer import (
    REFRESH_SECONDS,
    TRUST_SECONDS,
    ProgressBuffer,
)
from support.cluster import Urls
from support.frontend import NOW, Face
from support.waiting import until

NODE = "10.255.255.245"


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Clock:
    return Clock()


@pytest.fixture
def inbox(time: Clock, monkeypatch: pytest.MonkeyPatch) -> ProgressBuffer:
    """An inbox that is flushed by hand."""
    monkeypatch.setattr(ProgressBuffer, "_run_writer", lambda self: None)
    return ProgressBuffer(lambda: connect("sqlite:///nowhere"), time)


@pytest.fixture
def installing(cluster: Database, order: Order) -> Order:
    return orders.advance(
        cluster, order, "installing", now=NOW, audit=Audit("node", "kickstart", "200")
    )


def test_the_newest_of_each_node_is_written(
    cluster: Database, inbox: ProgressBuffer, installing: Order
) -> None:
    for done in (1, 2, 3):
        assert inbox.offer(cluster, NODE, installing.uuid, Progress("install", done, 400))
    assert inbox.flush(cluster, NOW) == 1
    (order,) = orders.list_live(cluster)
    assert (order.phase, order.done, order.total) == ("install", 3, 400)
    assert inbox.flush(cluster, NOW) == 0


def test_the_newest_counts_whichever_interface_it_came_by(
    cluster: Database, inbox: ProgressBuffer, installing: Order
) -> None:
    put_interface(cluster, "compute-0-0", "eth1", ip="10.2.0.1")
    put_interface(cluster, "compute-0-0", "bmc", ip="10.2.0.2")
    for done, address in enumerate((NODE, "10.2.0.1", NODE, "10.2.0.1")):
        assert inbox.offer(cluster, address, installing.uuid, Progress("install", done, 400))
    assert not inbox.offer(cluster, "10.2.0.2", installing.uuid, Progress("install", 9, 400))
    assert inbox.flush(cluster, NOW) == 1
    assert orders.list_live(cluster)[0].done == 3


def test_a_stranger_is_looked_up_by_himself(
    cluster: Database, inbox: ProgressBuffer, installing: Order
) -> None:
    assert not inbox.offer(cluster, NODE, "another order", Progress("install", 1, 400))
    assert not inbox.offer(cluster, "10.255.255.244", installing.uuid, Progress("install", 1, 400))


def test_all_that_install_are_looked_up_together_and_not_more_often_than_once_a_second(
    cluster: Database, inbox: ProgressBuffer, order: Order, time: Clock
) -> None:
    assert not inbox.offer(cluster, NODE, order.uuid, Progress("install", 1, 400))
    orders.advance(cluster, order, "installing", now=NOW, audit=Audit("node", "kickstart", "200"))
    assert not inbox.offer(cluster, NODE, order.uuid, Progress("install", 1, 400))
    time.now = REFRESH_SECONDS
    assert inbox.offer(cluster, NODE, order.uuid, Progress("install", 1, 400))


def test_trust_ends_by_itself(
    cluster: Database, inbox: ProgressBuffer, time: Clock, installing: Order
) -> None:
    assert inbox.offer(cluster, NODE, installing.uuid, Progress("install", 1, 400))
    orders.cancel(cluster, [installing], by="root", now=NOW)
    time.now = TRUST_SECONDS + 0.1
    assert not inbox.offer(cluster, NODE, installing.uuid, Progress("install", 2, 400))


def test_an_order_that_ended_takes_its_trust_along(
    cluster: Database, inbox: ProgressBuffer, installing: Order
) -> None:
    assert inbox.offer(cluster, NODE, installing.uuid, Progress("install", 1, 400))
    orders.cancel(cluster, [installing], by="root", now=NOW)
    assert inbox.flush(cluster, NOW) == 0
    assert not inbox.offer(cluster, NODE, installing.uuid, Progress("install", 2, 400))


def test_what_could_not_be_written_waits_for_the_database(
    cluster: Database, inbox: ProgressBuffer, installing: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_arguments: object, **_options: object) -> None:
        raise Unavailable("the database server does not answer")

    inbox.offer(cluster, NODE, installing.uuid, Progress("install", 1, 400))
    with monkeypatch.context() as patched:
        patched.setattr(room.order_history, "record_progress", away)
        with pytest.raises(Unavailable):
            inbox.flush(cluster, NOW)
    inbox.offer(cluster, NODE, installing.uuid, Progress("install", 2, 400))
    assert inbox.flush(cluster, NOW) == 1
    assert orders.list_live(cluster)[0].done == 2


def test_the_faces_second_message_is_written_a_moment_later(
    face: Face, cluster: Database, urls: Urls, order: Order
) -> None:
    face.get("/rocks/kickstart", NODE)
    for done in range(1, 20):
        assert (
            face.post(
                "/rocks/events", NODE, order=order.uuid, phase="install", done=done, total=400
            ).status
            == 200
        )
    assert orders.list_live(cluster)[0].done < 19
    until(lambda: orders.list_live(cluster)[0].done == 19, 10.0, "the inbox to be written")
