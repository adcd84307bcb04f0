"""Install orders: which nodes can be ordered, one live order per node, audited transitions
(contract C6)."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Conflict, NotFound, Refused
from ansible_collections.npaci.rocks.plugins.module_utils.install import (
    frontend_machine,
    orders,
    states,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import (
    Audit,
    Order,
    Pin,
    Progress,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.order_history import (
    record_progress,
)
from support.cluster import Urls

NOW = "2026-11-22 09:14:05"
LATER = "2026-11-22 09:20:00"
NIGHT = "2026-11-22 23:00:00"
COMPUTE = ["compute-0-0", "compute-0-1", "compute-0-2", "compute-0-3"]
ROOT = Audit("root", "test", "done")
PATH: tuple[states.OrderState, ...] = (
    states.BOOTED,
    states.INSTALLING,
    states.INSTALLED,
    states.UP,
)


def create_order(db: Database, pin: Pin, node: str = "compute-0-0", now: str = NOW) -> Order:
    (verdict,) = orders.create_orders(db, {node: pin}, by="root", now=now)
    assert verdict.action == "order"
    assert verdict.order is not None
    return verdict.order


def advance_to(db: Database, order: Order, to: states.OrderState) -> Order:
    """Advance the order step by step to the state ``to``."""
    for state in PATH[: PATH.index(to) + 1] if to in PATH else ():
        order = orders.advance(db, order, state, now=NOW, audit=ROOT)
    return order


def test_an_order_pins_the_generation_and_the_profile(table_ii: Database, pin: Pin) -> None:
    order = create_order(table_ii, pin)
    assert (order.node, order.state, order.pin, order.by) == ("compute-0-0", "ordered", pin, "root")
    assert order.expires == "2026-11-22 15:14:05"
    assert orders.list_live(table_ii) == [order]


def test_frontends_and_switches_are_refused_with_reasons(table_ii: Database, pin: Pin) -> None:
    verdicts = orders.create_orders(
        table_ii,
        dict.fromkeys(["frontend-0", "network-0-0", "compute-0-0"], pin),
        by="root",
        now=NOW,
    )
    assert [(verdict.node, verdict.action) for verdict in verdicts] == [
        ("frontend-0", "refused"),
        ("network-0-0", "refused"),
        ("compute-0-0", "order"),
    ]
    frontend, switch, compute = verdicts
    assert "frontend" in frontend.reason
    assert "'network' has no root" in switch.reason
    assert pin.generation in compute.reason


@pytest.mark.parametrize(
    ("statements", "origin"),
    [
        pytest.param(
            [
                "insert into attributes (scope, owner, name, value)"
                " values ('global', 0, 'frontend_address', '10.255.255.245')"
            ],
            "attribute frontend_address",
            id="attribute",
        ),
        pytest.param(
            [
                "insert into interfaces (node, name, kind, ip)"
                " values (1, 'eth1', 'ethernet', '10.255.255.245')"
            ],
            "frontend-0",
            id="an-interface-of-the-frontend",
        ),
        pytest.param(
            [
                "insert into attributes (scope, owner, name, value)"
                " values ('global', 0, 'frontend_address', '10.9.9.9')",
                "insert into interfaces (node, name, kind, ip)"
                " values (4, 'eth1', 'ethernet', '10.9.9.9')",
            ],
            "attribute frontend_address",
            id="an-interface-of-the-node",
        ),
        pytest.param(
            ["update nodes set ip = '127.0.0.1' where id = 4"],
            "this machine's own",
            id="this-machine",
        ),
    ],
)
def test_a_machine_with_an_address_of_the_frontend_is_never_ordered(
    table_ii: Database, pin: Pin, statements: list[str], origin: str
) -> None:
    order = create_order(table_ii, pin)
    orders.cancel(table_ii, [order], by="root", now=NOW)
    for statement in statements:
        table_ii.execute(statement)
    pins = dict.fromkeys(["compute-0-0", "compute-0-1"], pin)
    forced = orders.create_orders(
        table_ii, pins, by="root", now=NOW, force=True, rearm=True, wipe=True
    )
    (retried,) = orders.retry(table_ii, ["compute-0-0"], by="root", now=NOW, rearm=True)
    for verdict in (forced[0], retried, orders.preview(table_ii, pins, force=True)[0]):
        assert verdict.action == "refused"
        assert origin in verdict.reason
        assert "rocks_node" in verdict.reason
    assert [order.node for order in orders.list_live(table_ii)] == ["compute-0-1"]


def test_a_machine_with_a_mac_of_this_machine_is_never_ordered(
    table_ii: Database, pin: Pin, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac = "02:00:00:00:00:07"
    (tmp_path / "eth0").mkdir()
    (tmp_path / "eth0" / "address").write_text(f"{mac}\n")
    monkeypatch.setattr(frontend_machine, "LINKS", tmp_path)  # as /sys/class/net of a machine
    frontend_machine._read_local_addresses.cache_clear()
    table_ii.execute("update nodes set mac = ? where id = 4", (mac,))
    (verdict,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=NOW)
    frontend_machine._read_local_addresses.cache_clear()
    assert verdict.action == "refused"
    assert f"its MAC {mac} is this machine's own" in verdict.reason


def test_an_address_of_an_external_host_does_not_block_orders(table_ii: Database, pin: Pin) -> None:
    table_ii.execute("update nodes set membership = 3 where id = 1")  # External
    table_ii.execute(
        "insert into interfaces (node, name, kind, ip)"
        " values (1, 'eth1', 'ethernet', '10.255.255.245')"
    )
    (verdict,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=NOW)
    assert verdict.action == "order"


def test_nothing_is_ordered_if_one_node_is_unknown(table_ii: Database, pin: Pin) -> None:
    with pytest.raises(NotFound, match="no node 'compute-9-9'"):
        orders.create_orders(
            table_ii, dict.fromkeys(["compute-0-0", "compute-9-9"], pin), by="root", now=NOW
        )
    assert orders.list_live(table_ii) == []


def test_a_second_order_for_the_same_pin_returns_the_first(table_ii: Database, pin: Pin) -> None:
    first = create_order(table_ii, pin)
    (verdict,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=LATER)
    assert (verdict.action, verdict.order) == ("live", first)


def test_a_node_with_a_live_order_for_another_pin_is_refused(table_ii: Database, pin: Pin) -> None:
    first = create_order(table_ii, pin)
    (verdict,) = orders.create_orders(
        table_ii, {"compute-0-0": pin._replace(generation="next")}, by="root", now=LATER
    )
    assert (verdict.action, verdict.order) == ("refused", first)
    assert pin.generation in verdict.reason
    assert "rocks_install, state: cancelled" in verdict.reason


def test_a_node_that_runs_the_generation_is_unchanged_unless_forced(
    table_ii: Database, pin: Pin
) -> None:
    advance_to(table_ii, create_order(table_ii, pin), states.UP)
    (verdict,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=LATER)
    assert (verdict.action, verdict.reason) == ("unchanged", "it runs generation 4c19e0b2aa17")
    (forced,) = orders.create_orders(
        table_ii, {"compute-0-0": pin}, by="root", now=LATER, force=True
    )
    assert forced.action == "order"


def test_a_preview_returns_the_same_verdicts_and_orders_nothing(
    table_ii: Database, pin: Pin
) -> None:
    pins = dict.fromkeys(["compute-0-0", "frontend-0"], pin)
    preview = orders.preview(table_ii, pins)
    assert orders.list_live(table_ii) == []
    verdicts = orders.create_orders(table_ii, pins, by="root", now=NOW)
    assert [verdict._replace(order=None) for verdict in verdicts] == preview


def test_the_database_rejects_a_second_live_order(table_ii: Database, pin: Pin) -> None:
    create_order(table_ii, pin)
    with pytest.raises(Conflict):
        table_ii.execute(
            orders.INSERT_ORDER,
            (
                "other",
                4,
                "ordered",
                "rocks",
                "x86_64",
                "g",
                "p",
                0,
                "",
                "",
                "root",
                NOW,
                NIGHT,
                NOW,
            ),
        )


@pytest.mark.parametrize("source", states.STATES)
@pytest.mark.parametrize("to", states.STATES[1:])
def test_a_transition_happens_only_if_the_table_of_states_allows_it(
    table_ii: Database, pin: Pin, source: states.OrderState, to: states.OrderState
) -> None:
    order = advance_to(table_ii, create_order(table_ii, pin), source)
    if source in states.ENDED_BADLY:
        order = orders.advance(table_ii, order, source, now=NOW, audit=ROOT)
    if source in states.REACHED_FROM[to]:
        after = orders.advance(table_ii, order, to, now=LATER, audit=ROOT)
        assert after.state == to
        assert orders.find_by_uuid(table_ii, [order.uuid]) == [after]
    else:
        with pytest.raises(Conflict, match=f"is {source}"):
            orders.advance(table_ii, order, to, now=LATER, audit=ROOT)
        assert orders.find_by_uuid(table_ii, [order.uuid])[0].state == source


def test_of_two_equal_transitions_one_succeeds(table_ii: Database, pin: Pin) -> None:
    order = create_order(table_ii, pin)
    orders.advance(table_ii, order, states.BOOTED, now=NOW, audit=ROOT)
    with pytest.raises(Conflict, match="is booted, so it cannot become booted"):
        orders.advance(table_ii, order, states.BOOTED, now=NOW, audit=ROOT)


def test_every_transition_adds_one_event_and_one_audit_row(table_ii: Database, pin: Pin) -> None:
    order = advance_to(table_ii, create_order(table_ii, pin), states.UP)
    events = table_ii.rows(
        "select state from install_events where install = ? order by id", (order.id,)
    )
    assert [state for (state,) in events] == ["ordered", "booted", "installing", "installed", "up"]
    audit = table_ii.rows("select actor, node, install, detail from audit order by id")
    assert audit == [
        ("root", "compute-0-0", order.uuid, detail)
        for detail in (
            "",
            "ordered -> booted",
            "booted -> installing",
            "installing -> installed",
            "installed -> up",
        )
    ]


def test_a_rejected_transition_adds_neither_event_nor_audit_row(
    table_ii: Database, pin: Pin
) -> None:
    order = advance_to(table_ii, create_order(table_ii, pin), states.UP)
    before = table_ii.rows("select count(*) from audit") + table_ii.rows(
        "select count(*) from install_events"
    )
    with pytest.raises(Conflict):
        orders.advance(table_ii, order, states.FAILED, now=NOW, audit=ROOT)
    assert (
        table_ii.rows("select count(*) from audit")
        + table_ii.rows("select count(*) from install_events")
        == before
    )


def test_an_order_expires_at_the_end_of_its_lifetime_and_not_before(
    table_ii: Database, pin: Pin
) -> None:
    order = create_order(table_ii, pin)
    assert orders.expire(table_ii, now="2026-11-22 15:14:04") == []
    (ended,) = orders.expire(table_ii, now=order.expires)
    assert ended.state == "expired"
    assert order.expires in ended.reason


def test_an_installed_order_does_not_expire_and_can_be_replaced_by_force(
    table_ii: Database, pin: Pin
) -> None:
    order = advance_to(table_ii, create_order(table_ii, pin), states.INSTALLED)
    assert orders.expire(table_ii, now=NIGHT) == []
    (verdict,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=NIGHT)
    assert verdict.action == "live"
    (verdict,) = orders.create_orders(
        table_ii, {"compute-0-0": pin}, by="root", now=NIGHT, force=True
    )
    assert verdict.action == "order"
    assert (
        orders.find_by_uuid(table_ii, [order.uuid])[0].reason == "ordered again before it came up"
    )


def test_a_node_with_an_expired_order_can_be_ordered_again(table_ii: Database, pin: Pin) -> None:
    first = create_order(table_ii, pin)
    second = create_order(table_ii, pin, now=NIGHT)
    first_and_second = orders.find_by_uuid(table_ii, [first.uuid, second.uuid])
    assert [order.state for order in first_and_second] == ["expired", "ordered"]


def test_cancelling_does_not_change_an_ended_order(table_ii: Database, pin: Pin) -> None:
    verdicts = orders.create_orders(table_ii, dict.fromkeys(COMPUTE, pin), by="root", now=NOW)
    live = [verdict.order for verdict in verdicts if verdict.order]
    advance_to(table_ii, live[0], states.UP)
    cancelled = orders.cancel(table_ii, live, by="alice", now=LATER)
    assert [order.node for order in cancelled] == COMPUTE[1:]
    assert {order.reason for order in cancelled} == {"cancelled by alice"}


def test_a_retry_installs_what_the_failed_order_pinned(table_ii: Database, pin: Pin) -> None:
    order = create_order(table_ii, pin)
    orders.fail(table_ii, [order], by="root", now=LATER, reason="no answer for 15 min")
    (verdict,) = orders.retry(table_ii, ["compute-0-0"], by="root", now=LATER)
    assert verdict.order is not None
    assert verdict.order.pin == pin


def test_a_node_that_was_never_ordered_cannot_be_retried(table_ii: Database) -> None:
    with pytest.raises(Refused, match="compute-0-0: it was never ordered"):
        orders.retry(table_ii, ["compute-0-0"], by="root", now=NOW)


def test_a_suspect_node_is_refused_until_it_is_rearmed(table_ii: Database, pin: Pin) -> None:
    order = create_order(table_ii, pin)
    reason = "suspect: the secrets were requested a second time"
    orders.advance(table_ii, order, states.FAILED, now=NOW, audit=ROOT, reason=reason, suspect=True)
    table_ii.execute(
        "insert into secrets (scope, node, owner, name, value)"
        " values ('node', 4, 4, 'node_key', 'old')"
    )
    (verdict,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=LATER)
    assert verdict.action == "refused"
    assert "rearm: true" in verdict.reason
    (verdict,) = orders.create_orders(
        table_ii, {"compute-0-0": pin}, by="root", now=LATER, rearm=True
    )
    assert verdict.action == "order"
    assert table_ii.rows("select * from secrets") == []


def test_a_failed_order_keeps_its_phase(table_ii: Database, pin: Pin) -> None:
    order = advance_to(table_ii, create_order(table_ii, pin), states.INSTALLING)
    progress = Progress("install", 133, 400, "Installing bash")
    record_progress(table_ii, order, [progress], now=NOW)
    (ended,) = orders.fail(
        table_ii, orders.list_live(table_ii), by="root", now=LATER, reason="disk"
    )
    assert (ended.phase, ended.done, ended.total, ended.reason) == ("install", 133, 400, "disk")
    assert orders.find_by_uuid(table_ii, [order.uuid]) == [ended]


def test_a_thousand_nodes_are_ordered_in_one_transaction(table_ii: Database, pin: Pin) -> None:
    with table_ii.transaction():
        table_ii.execute_many(
            "insert into nodes (name, membership, rack, `rank`) values (?, 2, ?, ?)",
            [
                (f"compute-{rack}-{rank}", rack, rank)
                for rack in range(10, 35)
                for rank in range(40)
            ],
        )
    names = [name for (name,) in table_ii.rows("select name from nodes where rack >= 10")]
    before = table_ii.revision()
    pins = dict.fromkeys(names, pin)
    verdicts = orders.create_orders(table_ii, pins, by="root", now=NOW, batch="b")
    assert {verdict.action for verdict in verdicts} == {"order"}
    assert table_ii.rows("select count(*) from installs where batch = ?", ("b",)) == [(1000,)]
    assert table_ii.revision() == before + 1


def test_removing_a_node_removes_its_orders_but_not_the_audit(table_ii: Database, pin: Pin) -> None:
    order = create_order(table_ii, pin)
    table_ii.execute("delete from nodes where name = 'compute-0-0'")
    assert orders.find_by_uuid(table_ii, [order.uuid]) == []
    with pytest.raises(Conflict, match="removed with its node"):
        orders.advance(table_ii, order, states.BOOTED, now=NOW, audit=ROOT)
    assert table_ii.rows("select node from audit") == [("compute-0-0",)]


def test_two_connections_that_order_the_same_node_create_one_order(
    table_ii: Database, urls: Urls, pin: Pin
) -> None:
    with connect(urls.administrator) as other:
        orders.create_orders(other, {"compute-0-0": pin}, by="alice", now=NOW)
        (verdict,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="bob", now=NOW)
    assert (verdict.action, verdict.reason) == ("live", "ordered by alice, ordered")
