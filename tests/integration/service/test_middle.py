# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Faults during an installation: a complete response or none, and an order that shows its state."""

from __future__ import annotations

import pathlib
import uuid
from typing import Callable

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from support.frontend import publish

from .conftest import Stage, add_machine


@pytest.fixture
def order(stage: Stage) -> Order:
    return stage.order()


def without_an_attribute(stage: Stage, tree: pathlib.Path) -> None:
    """Remove a value that the profile needs."""
    with stage.database.transaction():
        stage.database.execute("update attributes set name = 'timezonf' where name = 'timezone'")


def with_the_attribute(stage: Stage, tree: pathlib.Path) -> None:
    with stage.database.transaction():
        stage.database.execute("update attributes set name = 'timezone' where name = 'timezonf'")


def without_its_generation(stage: Stage, tree: pathlib.Path) -> None:
    """Remove the generation, as an administrator may by mistake."""
    tree.rename(tree.with_name("away"))


def with_its_generation(stage: Stage, tree: pathlib.Path) -> None:
    tree.with_name("away").rename(tree)


def with_half_a_profile(stage: Stage, tree: pathlib.Path) -> None:
    """Truncate the profile, as a full disk would."""
    (profile,) = (tree / "build" / "profiles").glob("*.json")
    profile.with_suffix(".whole").write_bytes(profile.read_bytes())
    profile.write_bytes(profile.read_bytes()[:1000])


def with_a_whole_profile(stage: Stage, tree: pathlib.Path) -> None:
    (whole,) = (tree / "build" / "profiles").glob("*.whole")
    whole.rename(whole.with_suffix(".json"))


@pytest.mark.parametrize(
    ("fault", "remedy", "text"),
    [
        pytest.param(
            without_an_attribute, with_the_attribute, '"timezone"', id="a value is missing"
        ),
        pytest.param(
            without_its_generation,
            with_its_generation,
            "the generation was removed",
            id="no generation",
        ),
        pytest.param(
            with_half_a_profile,
            with_a_whole_profile,
            "was edited",
            id="half a profile",
        ),
    ],
)
def test_a_kickstart_that_cannot_be_rendered_is_500_and_changes_nothing(
    stage: Stage,
    fault: Callable[[Stage, pathlib.Path], None],
    remedy: Callable[[Stage, pathlib.Path], None],
    text: str,
) -> None:
    install = stage.site.folder / "install"
    pin = publish(install, uuid.uuid4().hex[:12], current=False)  # no process has cached it
    (verdict,) = orders.create_orders(
        stage.database, {"compute-0-0": pin}, by="root", now=timestamps.now(), force=True
    )
    assert verdict.order is not None
    fault(stage, install / ".generations" / pin.distribution / pin.arch / pin.generation)
    try:
        response = stage.node.curl("/rocks/kickstart")
        assert (response.status, text in response.text, "%packages" in response.text) == (
            500,
            True,
            False,
        )
        assert "Content-Type: text/plain" in response.headers
        assert stage.current(verdict.order).state == "ordered"
    finally:
        remedy(stage, install / ".generations" / pin.distribution / pin.arch / pin.generation)
    assert stage.node.curl("/rocks/kickstart").status == 200


def test_a_switch_gets_no_kickstart(stage: Stage) -> None:
    (row,) = stage.database.rows("select ip, mac from nodes where name = 'network-0-0'")
    (verdict,) = orders.create_orders(
        stage.database, {"network-0-0": stage.pin}, by="root", now=timestamps.now(), force=True
    )
    assert verdict.action == "refused"
    switch = add_machine(stage.network, "switch", row[1], row[0])
    response = switch.curl("/rocks/kickstart")
    assert (response.status, "%packages" in response.text) == (409, False)
    assert "inst.ks" not in switch.curl("/rocks/boot?form=ipxe").text


def test_a_machine_that_restarts_gets_its_secrets_again_only_with_a_new_order(
    stage: Stage, order: Order
) -> None:
    assert stage.node.curl("/rocks/kickstart").status == 200
    assert stage.node.post("/rocks/secrets", order=order.uuid).status == 200
    assert (
        "inst.ks" not in stage.node.curl("/rocks/boot?form=ipxe").text
    )  # it lost power, and starts again
    failed = stage.current(order)
    assert (failed.state, failed.suspect) == ("failed", False)
    assert failed.reason == "the machine restarted in the middle of the installation (installing)"
    assert stage.node.curl("/rocks/kickstart").status == 409
    assert stage.node.post("/rocks/secrets", order=order.uuid).status == 410
    new_order = stage.order()
    assert stage.node.curl("/rocks/kickstart").status == 200
    assert stage.node.post("/rocks/secrets", order=order.uuid).status == 409
    assert stage.node.post("/rocks/secrets", order=new_order.uuid).status == 200


def test_a_cancelled_order_allows_no_installation(stage: Stage, order: Order) -> None:
    assert stage.node.curl("/rocks/kickstart").status == 200
    orders.cancel(stage.database, [order], by="alice", now=timestamps.now())
    assert stage.node.curl("/rocks/kickstart").status == 409
    assert stage.node.post("/rocks/secrets", order=order.uuid).status == 409
    assert stage.node.post("/rocks/events", order=order.uuid, phase="installed").status == 409
    assert "inst.ks" not in stage.node.curl("/rocks/boot?form=ipxe").text
    assert stage.current(order).state == "cancelled"


def test_a_machine_that_always_boots_from_the_network_installs_once(
    stage: Stage, order: Order
) -> None:
    assert "inst.ks" in stage.node.curl("/rocks/boot?form=grub").text
    assert stage.node.curl("/rocks/kickstart").status == 200
    assert stage.node.post("/rocks/events", order=order.uuid, phase="installed").status == 200
    for _start in range(3):
        assert "inst.ks" not in stage.node.curl("/rocks/boot?form=grub").text
        assert stage.node.curl("/rocks/kickstart").status == 409
    assert stage.current(order).state == "installed"
