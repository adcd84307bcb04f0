"""Refused requests of one address leave few audit rows, and others leave theirs."""

from __future__ import annotations

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.service.refusal_limit import (
    ROWS_PER_WINDOW,
    WINDOW_SECONDS,
    RefusalLimit,
)
from support.frontend import HttpService


def test_the_number_of_omitted_rows_is_recorded_later() -> None:
    times = [0.0]
    limit = RefusalLimit(lambda: times[0])
    admitted = [limit.admit("10.0.0.1") for _ in range(ROWS_PER_WINDOW + 5)]
    assert admitted == [0] * ROWS_PER_WINDOW + [None] * 5
    assert limit.admit("10.0.0.2") == 0
    times[0] = WINDOW_SECONDS
    assert limit.admit("10.0.0.1") == 5


def test_a_user_of_a_node_cannot_fill_the_audit(service: HttpService, cluster: Database) -> None:
    for _ in range(200):
        assert service.get("/rocks/kickstart", "10.255.255.245").status == 409
    rows = cluster.rows("select count(*) from audit where action = 'kickstart'")
    assert rows == [(ROWS_PER_WINDOW,)]
