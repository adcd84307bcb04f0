"""The decisions about boot answer and kickstart: an order never installs twice."""

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
    id=1,
    uuid="uuid",
    node="compute-0-0",
    state=states.ORDERED,
    pin=Pin("rocks", "x86_64", "g", "p"),
    by="root",
    ordered=NOW,
    expires=timestamps.add_seconds(NOW, 3600),
    changed=NOW,
)


def order(state: states.OrderState, **more: Any) -> Order:
    return LIVE._replace(state=state, phase=state, **more)


@pytest.mark.parametrize(
    ("current", "action", "next_state"),
    [
        pytest.param(None, "local", "", id="no order"),
        pytest.param(order("ordered"), "install", "booted", id="ordered"),
        pytest.param(order("booted"), "install", "", id="booted: repeated request"),
        pytest.param(
            order("installing"), "local", "failed", id="installing: restarted in the middle"
        ),
        pytest.param(order("installed"), "local", "", id="installed"),
        pytest.param(order("up"), "local", "", id="up"),
        pytest.param(order("failed"), "local", "", id="failed"),
        pytest.param(order("cancelled"), "local", "", id="cancelled"),
        pytest.param(order("expired"), "local", "", id="expired"),
        pytest.param(order("ordered", expires=NOW), "local", "expired", id="expired by time"),
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
def test_only_an_open_order_boots_the_installer(
    current: Optional[Order], action: str, next_state: str
) -> None:
    decision = decide_boot(current, NOW)
    assert (decision.action, decision.next_state) == (action, next_state)


@pytest.mark.parametrize(
    ("current", "action", "next_state"),
    [
        pytest.param(None, "local", "", id="no order"),
        pytest.param(order("ordered"), "install", "", id="ordered: a medium needs no boot file"),
        pytest.param(order("booted"), "install", "", id="booted"),
        pytest.param(order("installing"), "local", "failed", id="the installer has started"),
        pytest.param(order("installed"), "local", "", id="installed"),
        pytest.param(order("up"), "local", "", id="up"),
        pytest.param(order("failed"), "local", "", id="failed"),
        pytest.param(order("booted", expires=NOW), "local", "expired", id="expired by time"),
    ],
)
def test_an_open_order_gets_its_kickstart_until_the_installer_starts(
    current: Optional[Order], action: str, next_state: str
) -> None:
    decision = decide_kickstart(current, NOW)
    assert (decision.action, decision.next_state) == (action, next_state)


def test_only_a_boot_loader_or_root_changes_an_order_by_requesting_its_boot_file() -> None:
    decision = decide_boot(order("ordered"), NOW, is_machine=False)
    assert (decision.action, decision.next_state) == ("install", "")


@pytest.mark.parametrize("jump", [-10 * 365 * 86400, 10 * 365 * 86400], ids=["back", "ahead"])
def test_no_order_is_open_after_the_clock_jumped(jump: int) -> None:
    now = timestamps.add_seconds(NOW, jump)
    assert decide_boot(order("ordered"), now).action == "local"
    assert decide_kickstart(order("booted"), now).action == "local"


def test_an_order_whose_installer_has_started_never_boots_the_installer_again() -> None:
    for state in states.STATES[states.STATES.index(states.INSTALLING) :]:
        assert decide_boot(order(state), NOW).action == "local"


def test_a_refusal_has_a_reason() -> None:
    failed = order("failed", reason="disk")
    assert decide_kickstart(failed, NOW) == Decision(
        "local", reason="the last install order is failed (disk)"
    )
    assert decide_kickstart(None, NOW).reason == "no install order"
    halfway = order("installing")._replace(phase="install", done=133, total=400)
    assert decide_boot(halfway, NOW).reason == (
        "the machine restarted in the middle of the installation (install 133 of 400)"
    )
