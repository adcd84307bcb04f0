"""Install orders: who may be ordered, one live order a node, each change once and told (contract C6)."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Conflict, NotFound, Refused
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, states
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
WAY = (states.BOOTED, states.INSTALLING, states.INSTALLED, states.UP)


def ordered(db: Database, pin: Pin, node: str = "compute-0-0", now: str = NOW) -> Order:
    (said,) = orders.create_orders(db, {node: pin}, by="root", now=now)
    assert said.action == "order"
    assert said.order is not None
    return said.order


def brought(db: Database, order: Order, to: str) -> Order:
    """The order, step by step, in the state ``to``."""
    for state in WAY[: WAY.index(to) + 1] if to in WAY else ():
        order = orders.advance(db, order, state, now=NOW, audit=ROOT)
    return order


def test_an_order_pins_the_generation_and_the_profile(table_ii: Database, pin: Pin) -> None:
    order = ordered(table_ii, pin)
    assert (order.node, order.state, order.pin, order.by) == ("compute-0-0", "ordered", pin, "root")
    assert order.expires == "2026-11-22 15:14:05"
    assert orders.list_live(table_ii) == [order]


def test_frontends_and_switches_are_refused_each_with_its_reason(
    table_ii: Database, pin: Pin
) -> None:
    said = orders.create_orders(
        table_ii,
        dict.fromkeys(["frontend-0", "network-0-0", "compute-0-0"], pin),
        by="root",
        now=NOW,
    )
    assert [(one.node, one.action, one.reason) for one in said] == [
        ("frontend-0", "refused", "a frontend is not installed by an order"),
        (
            "network-0-0",
            "refused",
            "the appliance 'network' has no root in the graph, so there is nothing to install",
        ),
        ("compute-0-0", "order", f"never installed; gets generation {pin.generation}"),
    ]


@pytest.mark.parametrize(
    ("statements", "whose"),
    [
        pytest.param(
            [
                "insert into attributes (scope, owner, name, value) values ('global', 0, 'frontend_address', '10.255.255.245')"
            ],
            "attribute frontend_address",
            id="attribute",
        ),
        pytest.param(
            [
                "insert into interfaces (node, name, kind, ip) values (1, 'eth1', 'ethernet', '10.255.255.245')"
            ],
            "frontend-0",
            id="an-interface-of-the-frontend",
        ),
        pytest.param(
            [
                "insert into attributes (scope, owner, name, value) values ('global', 0, 'frontend_address', '10.9.9.9')",
                "insert into interfaces (node, name, kind, ip) values (4, 'eth1', 'ethernet', '10.9.9.9')",
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
def test_a_machine_with_the_frontends_address_is_never_ordered_whatever_its_row_says(
    table_ii: Database, pin: Pin, statements: list[str], whose: str
) -> None:
    old = ordered(table_ii, pin)
    orders.cancel(table_ii, [old], by="root", now=NOW)
    for statement in statements:
        table_ii.execute(statement)
    wanted = dict.fromkeys(["compute-0-0", "compute-0-1"], pin)
    forced = orders.create_orders(
        table_ii, wanted, by="root", now=NOW, force=True, rearm=True, wipe=True
    )
    (again,) = orders.retry(table_ii, ["compute-0-0"], by="root", now=NOW, rearm=True)
    for said in (forced[0], again, orders.preview(table_ii, wanted, force=True)[0]):
        assert said.action == "refused"
        assert (
            whose in said.reason
            and "never installed" in said.reason
            and "rocks_node" in said.reason
        )
    assert [one.node for one in orders.list_live(table_ii)] == ["compute-0-1"]


def test_a_machine_with_a_mac_of_this_machine_is_never_ordered(
    table_ii: Database, pin: Pin
) -> None:
    links = [
        path.read_text(encoding="ascii").strip()
        for path in pathlib.Path("/sys/class/net").glob("*/address")
    ]
    macs = [mac for mac in links if mac != "00:00:00:00:00:00"]
    if not macs:
        pytest.skip("this machine has no network card")
    table_ii.execute("update nodes set mac = ? where id = 4", (macs[0],))
    (said,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=NOW)
    assert said.action == "refused" and f"its MAC {macs[0]} is this machine's own" in said.reason


def test_a_host_outside_of_the_cluster_takes_no_address_from_orders(
    table_ii: Database, pin: Pin
) -> None:
    table_ii.execute("update nodes set membership = 3 where id = 1")  # External
    table_ii.execute(
        "insert into interfaces (node, name, kind, ip) values (1, 'eth1', 'ethernet', '10.255.255.245')"
    )
    (said,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=NOW)
    assert said.action == "order"


def test_an_unknown_node_among_others_means_that_nothing_is_ordered(
    table_ii: Database, pin: Pin
) -> None:
    with pytest.raises(NotFound, match="no node 'compute-9-9'"):
        orders.create_orders(
            table_ii, dict.fromkeys(["compute-0-0", "compute-9-9"], pin), by="root", now=NOW
        )
    assert orders.list_live(table_ii) == []


def test_a_second_order_for_the_same_takes_up_the_first(table_ii: Database, pin: Pin) -> None:
    first = ordered(table_ii, pin)
    (said,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=LATER)
    assert (said.action, said.order) == ("live", first)


def test_a_node_that_installs_something_else_is_busy(table_ii: Database, pin: Pin) -> None:
    first = ordered(table_ii, pin)
    (said,) = orders.create_orders(
        table_ii, {"compute-0-0": pin._replace(generation="next")}, by="root", now=LATER
    )
    assert (said.action, said.order) == ("refused", first)
    assert (
        said.reason
        == "an order of root for generation 4c19e0b2aa17 is ordered; wait for it, or take it back: rocks_install, state: cancelled"
    )


def test_a_node_that_runs_the_generation_is_left_alone_unless_forced(
    table_ii: Database, pin: Pin
) -> None:
    brought(table_ii, ordered(table_ii, pin), states.UP)
    (said,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=LATER)
    assert (said.action, said.reason) == ("unchanged", "it runs generation 4c19e0b2aa17")
    (forced,) = orders.create_orders(
        table_ii, {"compute-0-0": pin}, by="root", now=LATER, force=True
    )
    assert forced.action == "order"


def test_a_preview_says_the_same_and_orders_nothing(table_ii: Database, pin: Pin) -> None:
    wanted = dict.fromkeys(["compute-0-0", "frontend-0"], pin)
    preview = orders.preview(table_ii, wanted)
    assert orders.list_live(table_ii) == []
    made = orders.create_orders(table_ii, wanted, by="root", now=NOW)
    assert [one._replace(order=None) for one in made] == preview


def test_the_database_itself_holds_a_second_live_order_back(table_ii: Database, pin: Pin) -> None:
    ordered(table_ii, pin)
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
def test_a_change_happens_only_where_the_table_of_states_allows_it(
    table_ii: Database, pin: Pin, source: str, to: str
) -> None:
    order = brought(table_ii, ordered(table_ii, pin), source)
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


def test_of_two_that_want_the_same_change_one_wins(table_ii: Database, pin: Pin) -> None:
    order = ordered(table_ii, pin)
    orders.advance(table_ii, order, states.BOOTED, now=NOW, audit=ROOT)
    with pytest.raises(Conflict, match="is booted, so it cannot become booted"):
        orders.advance(table_ii, order, states.BOOTED, now=NOW, audit=ROOT)


def test_every_change_leaves_one_event_and_one_audit_row(table_ii: Database, pin: Pin) -> None:
    order = brought(table_ii, ordered(table_ii, pin), states.UP)
    told = table_ii.rows(
        "select state from install_events where install = ? order by id", (order.id,)
    )
    assert [state for (state,) in told] == ["ordered", "booted", "installing", "installed", "up"]
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


def test_a_lost_change_leaves_neither_event_nor_audit_row(table_ii: Database, pin: Pin) -> None:
    order = brought(table_ii, ordered(table_ii, pin), states.UP)
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


def test_an_order_expires_with_its_time_and_only_then(table_ii: Database, pin: Pin) -> None:
    order = ordered(table_ii, pin)
    assert orders.expire(table_ii, now="2026-11-22 15:14:04") == []
    (ended,) = orders.expire(table_ii, now=order.expires)
    assert (ended.state, ended.reason) == (
        "expired",
        "nobody finished it before 2026-11-22 15:14:05",
    )


def test_an_installed_node_does_not_expire_it_is_ordered_anew(table_ii: Database, pin: Pin) -> None:
    order = brought(table_ii, ordered(table_ii, pin), states.INSTALLED)
    assert orders.expire(table_ii, now=NIGHT) == []
    (said,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=NIGHT)
    assert said.action == "live"
    (said,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=NIGHT, force=True)
    assert said.action == "order"
    assert (
        orders.find_by_uuid(table_ii, [order.uuid])[0].reason == "ordered again before it came up"
    )


def test_an_expired_order_gives_way_to_the_next(table_ii: Database, pin: Pin) -> None:
    first = ordered(table_ii, pin)
    second = ordered(table_ii, pin, now=NIGHT)
    assert [one.state for one in orders.find_by_uuid(table_ii, [first.uuid, second.uuid])] == [
        "expired",
        "ordered",
    ]


def test_cancelling_leaves_alone_what_ended_meanwhile(table_ii: Database, pin: Pin) -> None:
    made = [
        said.order
        for said in orders.create_orders(table_ii, dict.fromkeys(COMPUTE, pin), by="root", now=NOW)
    ]
    live = [one for one in made if one]
    brought(table_ii, live[0], states.UP)
    cancelled = orders.cancel(table_ii, live, by="alice", now=LATER)
    assert [one.node for one in cancelled] == COMPUTE[1:]
    assert {one.reason for one in cancelled} == {"cancelled by alice"}


def test_a_retry_installs_what_the_failed_order_pinned(table_ii: Database, pin: Pin) -> None:
    order = ordered(table_ii, pin)
    orders.fail(table_ii, [order], by="root", now=LATER, reason="no answer for 15 min")
    (said,) = orders.retry(table_ii, ["compute-0-0"], by="root", now=LATER)
    assert said.order is not None
    assert said.order.pin == pin


def test_a_node_that_was_never_ordered_cannot_be_retried(table_ii: Database) -> None:
    with pytest.raises(Refused, match="compute-0-0: it was never ordered"):
        orders.retry(table_ii, ["compute-0-0"], by="root", now=NOW)


def test_a_suspect_node_is_parked_until_somebody_vouches_for_it(
    table_ii: Database, pin: Pin
) -> None:
    order = ordered(table_ii, pin)
    reason = "suspect: the secrets were asked for a second time"
    orders.advance(table_ii, order, states.FAILED, now=NOW, audit=ROOT, reason=reason, suspect=True)
    table_ii.execute(
        "insert into secrets (scope, node, owner, name, value) values ('node', 4, 4, 'node_key', 'old')"
    )
    (said,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=LATER)
    assert said.action == "refused"
    assert "rearm: true" in said.reason
    (said,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=LATER, rearm=True)
    assert said.action == "order"
    assert table_ii.rows("select * from secrets") == []


def test_a_failure_keeps_the_phase_in_which_it_happened(table_ii: Database, pin: Pin) -> None:
    order = brought(table_ii, ordered(table_ii, pin), states.INSTALLING)
    progress = Progress("install", 133, 400, "Installing bash")
    record_progress(table_ii, [(order, progress)], now=NOW)
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
    said = orders.create_orders(table_ii, dict.fromkeys(names, pin), by="root", now=NOW, batch="b")
    assert {one.action for one in said} == {"order"}
    assert table_ii.rows("select count(*) from installs where batch = ?", ("b",)) == [(1000,)]
    assert table_ii.revision() == before + 1


def test_a_node_that_is_removed_takes_its_orders_along_and_leaves_the_audit(
    table_ii: Database, pin: Pin
) -> None:
    order = ordered(table_ii, pin)
    table_ii.execute("delete from nodes where name = 'compute-0-0'")
    assert orders.find_by_uuid(table_ii, [order.uuid]) == []
    with pytest.raises(Conflict, match="removed with its node"):
        orders.advance(table_ii, order, states.BOOTED, now=NOW, audit=ROOT)
    assert table_ii.rows("select node from audit") == [("compute-0-0",)]


def test_two_connections_that_order_the_same_node_make_one_order(
    table_ii: Database, urls: Urls, pin: Pin
) -> None:
    with connect(urls.administrator) as other:
        orders.create_orders(other, {"compute-0-0": pin}, by="alice", now=NOW)
        (said,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="bob", now=NOW)
    assert (said.action, said.reason) == ("live", "ordered by alice, ordered")
