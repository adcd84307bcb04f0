"""Requests of one address that change nothing leave few audit rows, and others leave theirs."""

from __future__ import annotations

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.service.audit_limit import (
    DAY,
    MINUTE,
    ROWS,
    AuditLimit,
)
from support.frontend import HttpService

NODE = "10.255.255.245"


def test_the_number_of_omitted_rows_is_recorded_later() -> None:
    times = [0.0]
    limit = AuditLimit(lambda: times[0])
    admitted = [limit.admit("10.0.0.1", "boot") for _ in range(ROWS[MINUTE] + 5)]
    assert admitted == [0] * ROWS[MINUTE] + [None] * 5
    assert limit.admit("10.0.0.2", "boot") == limit.admit("10.0.0.1", "kickstart") == 0
    times[0] = MINUTE
    assert [limit.admit("10.0.0.1", "boot") for _ in range(2)] == [5, 0]


def test_an_address_has_a_limit_for_the_day() -> None:
    times = [0.0]
    limit = AuditLimit(lambda: times[0])
    for minute in range(24 * 60):
        times[0] = minute * MINUTE
        admitted = [limit.admit("10.0.0.1", "boot") is not None for _ in range(30)]
        assert sum(admitted) == (ROWS[MINUTE] if minute < ROWS[DAY] // ROWS[MINUTE] else 0)
    times[0] = DAY
    assert limit.admit("10.0.0.1", "boot")


def test_a_user_of_a_node_cannot_fill_the_audit(service: HttpService, cluster: Database) -> None:
    for _ in range(200):
        assert service.get("/rocks/kickstart", NODE).status == 409
        assert service.get("/rocks/boot?form=ipxe", NODE).status == 200
    rows = cluster.rows("select action, count(*) from audit group by action order by action")
    assert rows == [("boot", ROWS[MINUTE]), ("kickstart", ROWS[MINUTE])]
