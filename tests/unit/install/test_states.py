"""The table of states: every state can be reached, and final states have no successor."""

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


def test_every_state_except_the_first_has_a_predecessor() -> None:
    assert set(REACHED_FROM) == set(STATES) - {ORDERED}


def test_final_states_have_no_successor() -> None:
    assert {source for sources in REACHED_FROM.values() for source in sources} == set(LIVE)
    assert set(STATES) == set(LIVE) | set(ENDED_BADLY) | {UP}


def test_an_installed_order_is_live_but_not_open() -> None:
    assert set(LIVE) - set(OPEN) == {"installed"}
