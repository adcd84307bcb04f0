"""Buffered progress: one transaction, only for orders recently seen in the database."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.interfaces import put_interface
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Unavailable
from ansible_collections.npaci.rocks.plugins.module_utils.install import order_history, orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import (
    Audit,
    Order,
    Progress,
)
from ansible_collections.npaci.rocks.plugins.module_utils.service.progress_buffer import (
    REFRESH_SECONDS,
    TRUST_SECONDS,
    ProgressBuffer,
)
from support.cluster import Urls
from support.frontend import NOW, HttpService
from support.waiting import until

NODE = "10.255.255.245"


class Clock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Clock:
    return Clock()


@pytest.fixture
def buffer(time: Clock, monkeypatch: pytest.MonkeyPatch) -> ProgressBuffer:
    """A buffer that only the test flushes."""
    monkeypatch.setattr(ProgressBuffer, "_run_writer", lambda self: None)
    return ProgressBuffer(lambda: connect("sqlite:///nowhere"), time)


@pytest.fixture
def installing(cluster: Database, order: Order) -> Order:
    return orders.advance(
        cluster, order, "installing", now=NOW, audit=Audit("node", "kickstart", "200")
    )


def test_only_the_last_report_of_each_node_is_written(
    cluster: Database, buffer: ProgressBuffer, installing: Order
) -> None:
    for done in (1, 2, 3):
        assert buffer.offer(cluster, NODE, installing.uuid, Progress("install", done, 400))
    assert buffer.flush(cluster, NOW) == 1
    (order,) = orders.list_live(cluster)
    assert (order.phase, order.done, order.total) == ("install", 3, 400)
    assert buffer.flush(cluster, NOW) == 0


def test_the_last_report_counts_whichever_interface_sent_it(
    cluster: Database, buffer: ProgressBuffer, installing: Order
) -> None:
    put_interface(cluster, "compute-0-0", "eth1", ip="10.2.0.1")
    put_interface(cluster, "compute-0-0", "bmc", ip="10.2.0.2")
    for done, address in enumerate((NODE, "10.2.0.1", NODE, "10.2.0.1")):
        assert buffer.offer(cluster, address, installing.uuid, Progress("install", done, 400))
    assert not buffer.offer(cluster, "10.2.0.2", installing.uuid, Progress("install", 9, 400))
    assert buffer.flush(cluster, NOW) == 1
    assert orders.list_live(cluster)[0].done == 3


def test_a_report_of_an_unknown_order_or_address_is_not_buffered(
    cluster: Database, buffer: ProgressBuffer, installing: Order
) -> None:
    assert not buffer.offer(cluster, NODE, "another order", Progress("install", 1, 400))
    assert not buffer.offer(cluster, "10.255.255.244", installing.uuid, Progress("install", 1, 400))


def test_installing_orders_are_looked_up_at_most_once_a_second(
    cluster: Database, buffer: ProgressBuffer, order: Order, time: Clock
) -> None:
    assert not buffer.offer(cluster, NODE, order.uuid, Progress("install", 1, 400))
    orders.advance(cluster, order, "installing", now=NOW, audit=Audit("node", "kickstart", "200"))
    assert not buffer.offer(cluster, NODE, order.uuid, Progress("install", 1, 400))
    time.now = REFRESH_SECONDS
    assert buffer.offer(cluster, NODE, order.uuid, Progress("install", 1, 400))


def test_trust_in_an_address_expires(
    cluster: Database, buffer: ProgressBuffer, time: Clock, installing: Order
) -> None:
    assert buffer.offer(cluster, NODE, installing.uuid, Progress("install", 1, 400))
    orders.cancel(cluster, [installing], by="root", now=NOW)
    time.now = TRUST_SECONDS + 0.1
    assert not buffer.offer(cluster, NODE, installing.uuid, Progress("install", 2, 400))


def test_trust_in_an_address_ends_with_its_order(
    cluster: Database, buffer: ProgressBuffer, installing: Order
) -> None:
    assert buffer.offer(cluster, NODE, installing.uuid, Progress("install", 1, 400))
    orders.cancel(cluster, [installing], by="root", now=NOW)
    assert buffer.flush(cluster, NOW) == 0
    assert not buffer.offer(cluster, NODE, installing.uuid, Progress("install", 2, 400))


def test_reports_wait_until_the_database_can_be_written(
    cluster: Database, buffer: ProgressBuffer, installing: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise Unavailable("the database server does not answer")

    buffer.offer(cluster, NODE, installing.uuid, Progress("install", 1, 400))
    with monkeypatch.context() as patched:
        patched.setattr(order_history, "record_progress", fail)
        with pytest.raises(Unavailable):
            buffer.flush(cluster, NOW)
    buffer.offer(cluster, NODE, installing.uuid, Progress("install", 2, 400))
    assert buffer.flush(cluster, NOW) == 1
    assert orders.list_live(cluster)[0].done == 2


def test_the_service_writes_buffered_reports_shortly_after(
    service: HttpService, cluster: Database, urls: Urls, order: Order
) -> None:
    service.start_installer(NODE, order.uuid)
    for done in range(1, 20):
        assert (
            service.post(
                "/rocks/events", NODE, order=order.uuid, phase="install", done=done, total=400
            ).status
            == 200
        )
    assert orders.list_live(cluster)[0].done < 19
    until(lambda: orders.list_live(cluster)[0].done == 19, 10.0, "the buffer to be written")
