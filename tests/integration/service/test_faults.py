"""Failures of the database and the service: clients get 503, and everything recovers by itself."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from support import mariadb as servers
from support.site import run_service
from support.waiting import until

from .conftest import Stage, run_stage

START_SECONDS = 1.0
# PyMySQL leaves the socket of a connection that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def retry_seconds(headers: str) -> int:
    match = re.search(r"^Retry-After: (\d+)", headers, re.MULTILINE)
    assert match, headers
    return int(match.group(1))


def test_requests_get_503_until_the_database_is_back() -> None:
    with run_stage() as stage:
        order = stage.order()
        assert stage.node.curl("/rocks/health").status == 200
        stage.server.daemon.stop()
        for path in ("/rocks/kickstart", "/rocks/boot?form=ipxe", "/rocks/health"):
            response = stage.node.curl(path)
            assert response.status == 503, path
            assert 10 <= retry_seconds(response.headers) < 60
            assert "%packages" not in response.text
        with servers.server(stage.server.folder):
            until(
                lambda: stage.node.curl("/rocks/health").status == 200,
                20.0,
                "the service to reconnect to its database",
            )
            assert stage.node.start_installer(order).status == 200
            with connect(stage.database.location.url) as database:
                assert database.rows(
                    "select state from installs where uuid = ?", (order.uuid,)
                ) == [("installing",)]


def test_nginx_sends_503_with_different_retry_times_while_the_service_is_down() -> None:
    with run_stage() as stage:
        order = stage.order()
        stage.site.gunicorn.stop()
        for machine in (stage.node, stage.other, stage.stranger):
            response = machine.curl("/rocks/kickstart")
            assert (response.status, "%packages" in response.text) == (503, False)
            assert retry_seconds(response.headers) in {10, 22, 34, 46, 58}
        with run_service(stage.site.folder, stage.site.namespace):
            until(
                lambda: stage.node.curl("/rocks/health").status == 200,
                20.0,
                "the service to answer",
            )
            assert stage.node.start_installer(order).status == 200
        assert stage.current(order).state == "installing"


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process so far; on a busy machine, it takes longer."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def workers(pid: int) -> list[int]:
    return list(map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def test_the_service_starts_within_its_time_limit() -> None:
    with run_stage() as stage:
        stage.site.gunicorn.stop()
        with run_service(stage.site.folder, stage.site.namespace) as service:
            until(
                lambda: stage.node.curl("/rocks/health").status == 200,
                20.0,
                "the service to answer",
            )
            first_worker = min(workers(service.pid))
            assert cpu_seconds(service.pid) + cpu_seconds(first_worker) < 2 * START_SECONDS


def test_a_killed_worker_is_replaced(stage: Stage) -> None:
    order = stage.order()
    listed = stage.site.namespace.run(
        ["ps", "-o", "pid=", "--ppid", str(stage.site.gunicorn.pid)], timeout=10
    )
    for pid in listed.stdout.split():
        stage.site.namespace.run(["kill", "-9", pid], timeout=10)
    assert stage.node.start_installer(order).status == 200
    assert stage.current(order).state == "installing"


def test_a_stopping_service_completes_requests_in_progress() -> None:
    with run_stage() as stage, ThreadPoolExecutor(1) as pool:
        order = stage.order()
        with stage.database.transaction():
            # A transaction locks the order's row, so the request waits for it.
            stage.database.execute("update installs set batch = 'held' where id = ?", (order.id,))
            asking = pool.submit(stage.node.start_installer, order)
            with contextlib.closing(stage.server.root()) as root:
                until(lambda: waits(root), 10.0, "the request to wait for the row")
            stage.site.gunicorn.signal(signal.SIGTERM)
            stage.site.gunicorn.wait_for("Handling signal: term", 10.0)
        assert asking.result().status == 200
        assert stage.current(order).state == "installing"
        until(lambda: not stage.site.gunicorn.alive(), 15.0, "the service to end")


def waits(root: Any) -> bool:
    with root.cursor() as cursor:
        cursor.execute(
            "select count(*) from information_schema.processlist"
            " where info like 'update installs set state%'"
        )
        return bool(cursor.fetchone()[0])
