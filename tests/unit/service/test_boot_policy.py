"""What an order allows its machine: the boot answer and the kickstart, and never a second installation."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.install import states, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.service.boot_policy import (
    Decision,
    decide_boot,
    decide_kickstart,
)

NOW = "2026-11-22 09:14:05"
LIVE = Order(
    1,
    "uuid",
    "compute-0-0",
    states.ORDERED,
    Pin("rocks", "x86_64", "g", "p"),
    "root",
    NOW,
    timestamps.add_seconds(NOW, 3600),
    NOW,
)
LOCAL = ("local", "")


def order(state: states.OrderState, **more: Any) -> Order:
    return LIVE._replace(state=state, phase=state, **more)


@pytest.mark.parametrize(
    ("found", "action", "next_state"),
    [
        pytest.param(None, "local", "", id="no order"),
        pytest.param(order("ordered"), "install", "booted", id="ordered"),
        pytest.param(order("booted"), "install", "", id="booted: firmware asks twice"),
        pytest.param(
            order("installing"), "local", "failed", id="installing: restarted in the middle"
        ),
        pytest.param(order("installed"), "local", "", id="installed"),
        pytest.param(order("up"), "local", "", id="up"),
        pytest.param(order("failed"), "local", "", id="failed"),
        pytest.param(order("cancelled"), "local", "", id="cancelled"),
        pytest.param(order("expired"), "local", "", id="expired"),
        pytest.param(order("ordered", expires=NOW), "local", "expired", id="its time is over"),
        pytest.param(
            order("ordered", ordered=timestamps.add_seconds(NOW, 301)),
            "local",
            "",
            id="ordered in the future",
        ),
        pytest.param(
            order("ordered", ordered=timestamps.add_seconds(NOW, 299)),
            "install",
            "booted",
            id="another clock is ahead",
        ),
    ],
)
def test_the_boot_answer_is_the_installer_only_with_an_open_order(
    found: Optional[Order], action: str, next_state: str
) -> None:
    decision = decide_boot(found, NOW)
    assert (decision.action, decision.next_state) == (action, next_state)


@pytest.mark.parametrize(
    ("found", "action", "next_state"),
    [
        pytest.param(None, "local", "", id="no order"),
        pytest.param(
            order("ordered"),
            "install",
            "installing",
            id="ordered: a kexec asks without a boot file",
        ),
        pytest.param(order("booted"), "install", "installing", id="booted"),
        pytest.param(order("installing"), "install", "", id="installing: the answer was lost"),
        pytest.param(
            order("installing", changed=timestamps.add_seconds(NOW, -121)),
            "local",
            "failed",
            id="two minutes later",
        ),
        pytest.param(
            order("installing")._replace(phase="setup"),
            "local",
            "failed",
            id="after the first report",
        ),
        pytest.param(order("installing", delivered=NOW), "local", "failed", id="after the secrets"),
        pytest.param(order("installed"), "local", "", id="installed"),
        pytest.param(order("up"), "local", "", id="up"),
        pytest.param(order("failed"), "local", "", id="failed"),
        pytest.param(order("booted", expires=NOW), "local", "expired", id="its time is over"),
    ],
)
def test_the_kickstart_is_given_once(found: Optional[Order], action: str, next_state: str) -> None:
    decision = decide_kickstart(found, NOW)
    assert (decision.action, decision.next_state) == (action, next_state)


@pytest.mark.parametrize("jump", [-10 * 365 * 86400, 10 * 365 * 86400], ids=["back", "ahead"])
def test_a_clock_that_jumps_opens_nothing(jump: int) -> None:
    now = timestamps.add_seconds(NOW, jump)
    assert decide_boot(order("ordered"), now).action == "local"
    assert decide_kickstart(order("booted"), now).action == "local"


def test_whatever_happens_a_machine_that_took_its_kickstart_is_not_sent_into_the_installer_again() -> (
    None
):
    for state in states.STATES[states.STATES.index(states.INSTALLING) :]:
        assert decide_boot(order(state), NOW).action == "local"


def test_a_refusal_says_why() -> None:
    told = order("failed", reason="disk")
    assert decide_kickstart(told, NOW) == Decision(
        "local", reason="the last install order is failed (disk)"
    )
    assert decide_kickstart(None, NOW).reason == "no install order"
    halfway = order("installing")._replace(phase="install", done=133, total=400)
    assert decide_boot(halfway, NOW).reason == (
        "the machine restarted in the middle of the installation (install 133 of 400)"
    )
