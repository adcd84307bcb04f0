"""Secrets: once per order, to root on the machine that took the kickstart, and later only to the same machine."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order, Pin
from support.frontend import GENERATION, NOW, Face

NODE, OTHER = "10.255.255.245", "10.255.255.244"


def now(db: Database, order: Order) -> Order:
    return orders.find_by_uuid(db, [order.uuid])[0]


def proof(key: str, order: Order) -> str:
    return hmac.new(
        key.encode(), b"rocks-secrets:" + order.uuid.encode(), hashlib.sha256
    ).hexdigest()


def again(db: Database, pin: Pin, **options: bool) -> Order:
    (said,) = orders.create_orders(
        db, {"compute-0-0": pin}, by="root", now=NOW, force=True, **options
    )
    assert said.order is not None
    return said.order


@pytest.fixture
def taken(face: Face, order: Order) -> Order:
    """compute-0-0 has taken its kickstart."""
    assert face.get("/rocks/kickstart", NODE).status == 200
    return order


@pytest.fixture
def key(face: Face, taken: Order) -> str:
    """compute-0-0 was installed, and keeps this key on its preserved partition."""
    answer = face.post("/rocks/secrets", NODE, order=taken.uuid)
    assert face.post("/rocks/events", NODE, order=taken.uuid, phase="installed").status == 200
    report = {"profile": taken.pin.profile, "generation": GENERATION}
    assert face.post("/rocks/events", NODE, order=taken.uuid, phase="up", **report).status == 200
    found: str = answer.json()["secrets"]["node_key"]
    return found


@pytest.fixture
def second(face: Face, cluster: Database, pin: Pin, key: str) -> Order:
    """It is ordered again, and has taken its kickstart."""
    order = again(cluster, pin)
    assert face.get("/rocks/kickstart", NODE).status == 200
    return order


def test_the_narrower_secret_wins_and_other_nodes_secrets_stay(
    face: Face, cluster: Database, taken: Order
) -> None:
    for scope, appliance, node, owner, name, value in (
        ("global", None, None, 0, "rootpw", "everywhere"),
        ("appliance", 2, None, 2, "rootpw", "compute"),
        ("global", None, None, 0, "munge_key", "everywhere"),
        ("node", None, 4, 4, "munge_key", "compute-0-0"),
        ("node", None, 5, 5, "munge_key", "compute-0-1"),
        ("appliance", 3, None, 3, "nfs", "nas"),
    ):
        cluster.execute(
            "insert into secrets (scope, appliance, node, owner, name, value) values (?, ?, ?, ?, ?, ?)",
            (scope, appliance, node, owner, name, value),
        )
    given = face.post("/rocks/secrets", NODE, order=taken.uuid).json()["secrets"]
    assert len(given.pop("node_key")) == 64
    assert len(given.pop("console_key")) == 16
    assert given == {"rootpw": "compute", "munge_key": "compute-0-0"}


def test_an_administrator_finds_the_consoles_key_with_the_order(
    face: Face, cluster: Database, taken: Order
) -> None:
    given = face.post("/rocks/secrets", NODE, order=taken.uuid).json()["secrets"]
    found = cluster.rows(
        "select name, value, used from install_keys where install = ? order by name", (taken.id,)
    )
    assert found == [
        ("console_key", given["console_key"], NOW),
        ("node_key", given["node_key"], NOW),
    ]


def test_secrets_are_not_to_be_kept_by_anything_on_the_way(face: Face, taken: Order) -> None:
    assert (
        face.post("/rocks/secrets", NODE, order=taken.uuid).headers["Cache-Control"] == "no-store"
    )


def test_the_audit_names_the_secrets_and_holds_none(
    face: Face, cluster: Database, taken: Order
) -> None:
    key = face.post("/rocks/secrets", NODE, order=taken.uuid).json()["secrets"]["node_key"]
    rows = cluster.rows("select * from audit")
    assert ("secrets", "200", "console_key, node_key") in [
        (row[3], row[4], row[-1]) for row in rows
    ]
    assert key not in str(rows)


def test_before_the_kickstart_there_are_no_secrets(face: Face, order: Order) -> None:
    assert face.post("/rocks/secrets", NODE, order=order.uuid).status == 409


def test_a_user_on_the_node_gets_none_and_disturbs_nothing(
    face: Face, cluster: Database, taken: Order
) -> None:
    answer = face.post("/rocks/secrets", NODE, 40000, order=taken.uuid)
    assert (answer.status, "not privileged" in answer.text) == (403, True)
    assert now(cluster, taken).state == "installing"
    assert face.post("/rocks/secrets", NODE, order=taken.uuid).status == 200


def test_another_node_gets_none(face: Face, cluster: Database, taken: Order) -> None:
    assert face.post("/rocks/secrets", OTHER, order=taken.uuid).status == 409
    assert now(cluster, taken).state == "installing"


def test_a_second_time_is_refused_and_parks_the_node(
    face: Face, cluster: Database, pin: Pin, taken: Order
) -> None:
    face.post("/rocks/secrets", NODE, order=taken.uuid)
    answer = face.post("/rocks/secrets", NODE, order=taken.uuid)
    assert (answer.status, "node_key" in answer.text) == (410, False)
    parked = now(cluster, taken)
    assert (parked.state, parked.suspect) == ("failed", True)
    assert parked.reason == "suspect: the secrets were requested a second time"
    (said,) = orders.create_orders(cluster, {"compute-0-0": pin}, by="root", now=NOW)
    assert said.action == "refused"


def test_after_the_installation_they_are_gone(
    face: Face, cluster: Database, key: str, taken: Order
) -> None:
    assert face.post("/rocks/secrets", NODE, order=taken.uuid).status == 410
    assert now(cluster, taken).state == "up"


def test_an_installation_that_died_after_the_secrets_is_ordered_again_by_an_administrator(
    face: Face, cluster: Database, pin: Pin, taken: Order
) -> None:
    face.post("/rocks/secrets", NODE, order=taken.uuid)
    face.get("/rocks/boot", NODE, HTTP_USER_AGENT="iPXE/1.0")
    assert now(cluster, taken).state == "failed"
    order = again(cluster, pin)
    assert face.get("/rocks/kickstart", NODE).status == 200
    assert face.post("/rocks/secrets", NODE, order=order.uuid).status == 200


def test_a_reinstallation_proves_that_it_is_the_same_machine(
    face: Face, key: str, second: Order
) -> None:
    answer = face.post("/rocks/secrets", NODE, order=second.uuid, proof=proof(key, second))
    assert answer.json()["secrets"]["node_key"] == key


@pytest.mark.parametrize("told", ["", "00" * 32, "ü"])
def test_without_the_nodes_key_a_reinstallation_gets_nothing_and_is_parked(
    face: Face, cluster: Database, second: Order, told: str
) -> None:
    answer = face.post("/rocks/secrets", NODE, order=second.uuid, proof=told)
    assert (answer.status, "rearm: true" in answer.text) == (403, True)
    parked = now(cluster, second)
    assert (parked.state, parked.suspect, parked.delivered) == ("failed", True, "")


def test_a_proof_of_another_order_is_worth_nothing(
    face: Face, cluster: Database, taken: Order, key: str, pin: Pin
) -> None:
    order = again(cluster, pin)
    face.get("/rocks/kickstart", NODE)
    assert (
        face.post("/rocks/secrets", NODE, order=order.uuid, proof=proof(key, taken)).status == 403
    )


def test_a_new_disk_is_accepted_when_somebody_vouches_for_it(
    face: Face, cluster: Database, pin: Pin, key: str
) -> None:
    order = again(cluster, pin, rearm=True)
    face.get("/rocks/kickstart", NODE)
    new = face.post("/rocks/secrets", NODE, order=order.uuid).json()["secrets"]["node_key"]
    assert new != key


def test_a_key_counts_only_from_a_finished_installation_on(
    face: Face, cluster: Database, pin: Pin, taken: Order
) -> None:
    face.post("/rocks/secrets", NODE, order=taken.uuid)
    assert cluster.rows("select * from secrets") == []
    face.post("/rocks/events", NODE, order=taken.uuid, phase="installed")
    assert [row[:2] for row in cluster.rows("select scope, name from secrets")] == [
        ("node", "node_key")
    ]
