"""The progress reports of nodes, and the history of their orders."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Conflict
from ansible_collections.npaci.rocks.plugins.module_utils.install import (
    order_history,
    orders,
    states,
    timestamps,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import (
    Audit,
    Order,
    Pin,
    Progress,
)

NOW = "2026-11-22 09:14:05"
AUDIT = Audit("node", "test", "200")


def at(seconds: int) -> str:
    return timestamps.add_seconds(NOW, seconds)


def installing(db: Database, pin: Pin, nodes: tuple[str, ...] = ("compute-0-0",)) -> list[Order]:
    verdicts = orders.create_orders(db, dict.fromkeys(nodes, pin), by="root", now=NOW)
    return [
        orders.advance(db, verdict.order, states.INSTALLING, now=at(60), audit=AUDIT)
        for verdict in verdicts
        if verdict.order
    ]


def test_a_history_contains_the_duration_of_each_phase_and_the_failure(
    table_ii: Database, pin: Pin
) -> None:
    (order,) = installing(table_ii, pin)
    for second, progress in (
        (70, Progress("format", message="Creating xfs on /dev/sda2")),
        (80, Progress("install", 1, 400, "Installing bash.x86_64")),
        (90, Progress("install", 200, 400, "Installing openmpi.x86_64")),
    ):
        order_history.record_progress(
            table_ii, orders.list_live(table_ii)[0], [progress], now=at(second)
        )
    orders.advance(
        table_ii,
        order,
        states.FAILED,
        now=at(120),
        audit=AUDIT,
        reason="There was an error installing the openmpi package",
        progress=Progress("", log="==> /tmp/packaging.log\nscriptlet failed"),
    )
    (history,) = order_history.node_history(table_ii, "compute-0-0", now=at(1000))
    assert (history.order.by, history.order.pin.generation, history.order.state) == (
        "root",
        pin.generation,
        "failed",
    )
    assert [(event.at, event.state or event.phase, event.seconds) for event in history.events] == [
        (at(0), "ordered", 60),
        (at(60), "installing", 10),
        (at(70), "format", 10),
        (at(80), "install", 40),
        (at(120), "failed", 0),
    ]
    _ordered, _installing, formatting, install, failed = history.events
    assert formatting.message == "Creating xfs on /dev/sda2"
    assert (install.done, install.total, install.message) == (1, 400, "Installing bash.x86_64")
    assert failed.message.split("\n") == [
        "There was an error installing the openmpi package",
        "==> /tmp/packaging.log",
        "scriptlet failed",
    ]
    assert order_history.phase_seconds(history.events) == {
        "ordered": 60,
        "installing": 10,
        "format": 10,
        "install": 40,
        "failed": 0,
    }


def test_the_last_phase_of_a_live_order_lasts_until_now(table_ii: Database, pin: Pin) -> None:
    installing(table_ii, pin)
    (history,) = order_history.node_history(table_ii, "compute-0-0", now=at(100))
    assert history.events[-1].seconds == 40


def test_a_node_that_was_never_ordered_has_no_history(table_ii: Database) -> None:
    assert order_history.node_history(table_ii, "compute-0-0", now=NOW) == []


def test_counts_within_a_phase_add_no_row(table_ii: Database, pin: Pin) -> None:
    installing(table_ii, pin)
    for done in range(1, 50):
        order_history.record_progress(
            table_ii,
            orders.list_live(table_ii)[0],
            [Progress("install", done, 400)],
            now=at(60 + done),
        )
    assert table_ii.rows("select count(*) from install_events where phase = 'install'") == [(1,)]
    order = orders.list_live(table_ii)[0]
    assert (order.phase, order.done, order.total, order.changed) == ("install", 49, 400, at(109))


def test_all_steps_of_a_message_are_stored_with_their_times(table_ii: Database, pin: Pin) -> None:
    (order,) = installing(table_ii, pin)
    steps = [
        Progress("setup", age=20),
        Progress("format", age=12),
        Progress("install", 1, 400, age=3),
        Progress("install", 90, 400),
    ]
    order_history.record_progress(table_ii, order, steps, now=at(90))
    (history,) = order_history.node_history(table_ii, "compute-0-0", now=at(100))
    assert [(event.at, event.state or event.phase) for event in history.events][2:] == [
        (at(70), "setup"),
        (at(78), "format"),
        (at(87), "install"),
    ]
    assert (history.order.phase, history.order.done) == ("install", 90)


@given(st.lists(st.integers(0, 10**6), min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_age_of_a_step_puts_it_before_an_earlier_one(
    table_ii: Database, pin: Pin, ages: list[int]
) -> None:
    (verdict,) = orders.create_orders(
        table_ii, {"compute-0-0": pin}, by="root", now=NOW, force=True
    )
    assert verdict.order is not None
    steps = [Progress(f"phase-{number}", age=age) for number, age in enumerate(ages)]
    order_history.record_progress(table_ii, verdict.order, steps, now=at(90))
    query = "select at from install_events where install = ? order by id"
    times = [time for (time,) in table_ii.rows(query, (verdict.order.id,))]
    assert times == sorted(times) and times[-1] <= at(90)


def test_progress_does_not_change_an_ended_order(table_ii: Database, pin: Pin) -> None:
    (order,) = installing(table_ii, pin)
    orders.cancel(table_ii, [order], by="root", now=at(70))
    order_history.record_progress(table_ii, order, [Progress("install", 1, 400)], now=at(80))
    (history,) = order_history.node_history(table_ii, "compute-0-0", now=at(90))
    assert (history.order.state, history.order.phase) == ("cancelled", "installing")


STEPS = st.lists(
    st.one_of(
        st.sampled_from([state for state in states.STATES if state != states.ORDERED]),
        st.builds(
            Progress,
            phase=st.sampled_from(["format", "install"]),
            done=st.integers(0, 9),
            total=st.just(9),
            age=st.integers(0, 100),
        ),
    ),
    max_size=12,
)


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(STEPS)
def test_no_sequence_of_events_leaves_an_order_in_two_states_or_a_node_with_two_orders(
    table_ii: Database, pin: Pin, steps: list[states.OrderState | Progress]
) -> None:
    verdicts = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=NOW, force=True)
    order = verdicts[0].order
    assert order is not None
    ended = False
    for step in steps:
        before = orders.find_by_uuid(table_ii, [order.uuid])[0].state
        if isinstance(step, Progress):
            order_history.record_progress(table_ii, order, [step], now=NOW)
        else:
            try:
                orders.advance(table_ii, order, step, now=NOW, audit=AUDIT)
            except Conflict:
                assert before not in states.REACHED_FROM[step]
            else:
                assert before in states.REACHED_FROM[step]
        ended = ended or before not in states.LIVE
        assert not (ended and orders.find_by_uuid(table_ii, [order.uuid])[0].state in states.LIVE)
    assert len(orders.list_live(table_ii)) <= 1
    event_states = table_ii.rows(
        "select state from install_events where install = ? and state <> '' order by id",
        (order.id,),
    )
    assert event_states[-1] == (orders.find_by_uuid(table_ii, [order.uuid])[0].state,)


def test_a_node_cannot_report_phases_for_ever(
    table_ii: Database, pin: Pin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_history, "MAX_EVENTS", 5)
    (order,) = installing(table_ii, pin)
    for number in range(20):
        steps = [Progress(f"a{number}"), Progress(f"b{number}")]
        order_history.record_progress(table_ii, order, steps, now=NOW)
    (history,) = order_history.node_history(table_ii, "compute-0-0", now=NOW)
    phases = [event.phase for event in history.events if not event.state]
    assert phases == ["a0", "b0", "a1", "b1", ""]
    assert "5" in history.events[-1].message and history.order.phase == "b19"
    orders.advance(table_ii, order, states.FAILED, now=NOW, audit=AUDIT)
    order_history.add_note(table_ii, order, order_history.UNCLEAN, "", now=NOW)
    (history,) = order_history.node_history(table_ii, "compute-0-0", now=NOW)
    assert [event.state for event in history.events if event.state][-1] == states.FAILED
    assert len(history.events) == 5 + 3
