"""The table of states itself: every state is reached, and nothing leads out of an end."""

from __future__ import annotations

from ansible_collections.npaci.rocks.plugins.module_utils.install.states import (
    ENDED_BADLY,
    LIVE,
    OPEN,
    ORDERED,
    REACHED_FROM,
    STATES,
    UP,
)


def test_every_state_but_the_first_is_reached_from_somewhere() -> None:
    assert set(REACHED_FROM) == set(STATES) - {ORDERED}


def test_nothing_leads_out_of_an_order_that_ended() -> None:
    assert {source for sources in REACHED_FROM.values() for source in sources} == set(LIVE)
    assert set(STATES) == set(LIVE) | set(ENDED_BADLY) | {UP}


def test_an_installed_node_is_live_but_gets_no_kickstart_any_more() -> None:
    assert set(LIVE) - set(OPEN) == {"installed"}
