"""What goes away comes back by itself: the database, the service.  Nobody is sent away for good."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from support import mariadb as servers
from support.site import service
from support.waiting import until

from .conftest import Stage, a_stage

START_SECONDS = 1.0
# PyMySQL leaves the socket of a connection that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def seconds_to_come_back(headers: str) -> int:
    found = re.search(r"^Retry-After: (\d+)", headers, re.MULTILINE)
    assert found, headers
    return int(found.group(1))


def test_a_database_that_goes_away_means_later_and_all_heals_by_itself() -> None:
    with a_stage() as stage:
        order = stage.order()
        assert stage.node.curl("/rocks/health").status == 200
        stage.server.daemon.stop()
        for path in ("/rocks/kickstart", "/rocks/boot?form=ipxe", "/rocks/health"):
            answer = stage.node.curl(path)
            assert answer.status == 503, path
            assert 10 <= seconds_to_come_back(answer.headers) < 60
            assert "%packages" not in answer.text
        with servers.server(stage.server.folder):
            until(
                lambda: stage.node.curl("/rocks/health").status == 200,
                20.0,
                "the service to find its database",
            )
            assert stage.node.curl("/rocks/kickstart").status == 200
            with connect(stage.database.location.url) as database:
                assert database.rows(
                    "select state from installs where uuid = ?", (order.uuid,)
                ) == [("installing",)]


def test_without_the_service_nginx_says_later_and_each_machine_hears_its_own_moment() -> None:
    with a_stage() as stage:
        order = stage.order()
        stage.site.gunicorn.stop()
        for machine in (stage.node, stage.other, stage.stranger):
            answer = machine.curl("/rocks/kickstart")
            assert (answer.status, "%packages" in answer.text) == (503, False)
            assert seconds_to_come_back(answer.headers) in {10, 22, 34, 46, 58}
        with service(stage.site.folder, stage.site.namespace):
            until(
                lambda: stage.node.curl("/rocks/health").status == 200,
                20.0,
                "the service to answer",
            )
            assert stage.node.curl("/rocks/kickstart").status == 200
        assert stage.current(order).state == "installing"


def test_the_service_starts_in_under_a_second() -> None:
    with a_stage() as stage:
        stage.site.gunicorn.stop()
        started = time.monotonic()
        with service(stage.site.folder, stage.site.namespace):
            until(
                lambda: stage.node.curl("/rocks/health").status == 200,
                20.0,
                "the service to answer",
            )
            # Twice the promise: the test's machine is shared.
            assert time.monotonic() - started < 2 * START_SECONDS


def test_a_worker_that_is_killed_costs_no_machine_its_kickstart(stage: Stage) -> None:
    order = stage.order()
    listed = stage.site.namespace.run(
        ["ps", "-o", "pid=", "--ppid", str(stage.site.gunicorn.pid)], timeout=10
    )
    for pid in listed.stdout.split():
        stage.site.namespace.run(["kill", "-9", pid], timeout=10)
    assert stage.node.curl("/rocks/kickstart").status == 200
    assert stage.current(order).state == "installing"


def test_a_service_that_ends_answers_first_whom_it_has_heard() -> None:
    with a_stage() as stage, ThreadPoolExecutor(1) as pool:
        order = stage.order()
        with stage.database.transaction():
            # The order's row is held, so the request waits in the middle.
            stage.database.execute("update installs set batch = 'held' where id = ?", (order.id,))
            asking = pool.submit(stage.node.curl, "/rocks/kickstart")
            with contextlib.closing(stage.server.root()) as root:
                until(lambda: waits(root), 10.0, "the request to wait for the row")
            stage.site.gunicorn.signal(signal.SIGTERM)
            stage.site.gunicorn.wait_for("what was begun is answered first", 10.0)
        assert asking.result().status == 200
        assert stage.current(order).state == "installing"
        until(lambda: not stage.site.gunicorn.alive(), 15.0, "the service to end")


def waits(root: Any) -> bool:
    with root.cursor() as cursor:
        cursor.execute(
            "select count(*) from information_schema.processlist where info like 'update installs set state%'"
        )
        return bool(cursor.fetchone()[0])
