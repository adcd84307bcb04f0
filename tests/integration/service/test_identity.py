"""Who gets what, over real sockets: the rules of identity, secrets and one-time delivery, and what must leak nothing."""

from __future__ import annotations

import hashlib
import hmac
import pathlib
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from ansible_collections.npaci.rocks.plugins.module_utils.service.boot_scripts import (
    DISCOVERY_TRIES,
)

from .conftest import Machine, Stage, machine

NOBODY = 65534
MAC, OTHER_MAC = "00:50:8b:e0:3a:a7", "00:50:8b:e0:44:5e"
SECOND = ("00:50:8b:e0:3a:a8", "10.2.0.1")


def leaks(text: str) -> bool:
    return "node_key" in text or "munge" in text or "hush" in text


@pytest.fixture
def order(stage: Stage) -> Order:
    """compute-0-0 is ordered, and there is a secret."""
    stage.database.execute(
        "insert into secrets (scope, owner, name, value) values ('global', 0, 'munge_key', 'hush')"
    )
    return stage.order()


@pytest.fixture
def taken(stage: Stage, order: Order) -> Order:
    """compute-0-0 has taken its kickstart."""
    assert (
        stage.node.curl("/rocks/kickstart", "-H", f"X-RHN-Provisioning-MAC-0: eth0 {MAC}").status
        == 200
    )
    return order


def test_a_node_that_is_not_ordered_gets_409(stage: Stage) -> None:
    answer = stage.node.curl("/rocks/kickstart")
    assert (answer.status, "%packages" in answer.text) == (409, False)


def test_another_node_cannot_name_the_one_that_is_ordered(stage: Stage, order: Order) -> None:
    for asked in (
        "",
        "?client=compute-0-0",
        "?ip=10.255.255.245",
        f"?mac={MAC}",
        f"?order={order.uuid}",
    ):
        assert stage.other.curl(f"/rocks/kickstart{asked}").status == 409
    assert stage.current(order).state == "ordered"


def test_an_unknown_machine_gets_404_and_at_boot_the_discovery_answer(
    stage: Stage, order: Order
) -> None:
    assert stage.stranger.curl("/rocks/kickstart").status == 404
    answer = stage.stranger.curl("/rocks/boot", "-A", "iPXE/1.0.0+git")
    assert (answer.status, "waiting for rocks_insert_ethers" in answer.text) == (200, True)


def test_the_wrong_mac_header_gets_403(stage: Stage, order: Order) -> None:
    assert (
        stage.node.curl(
            "/rocks/kickstart", "-H", f"X-RHN-Provisioning-MAC-0: eth0 {OTHER_MAC}"
        ).status
        == 403
    )
    assert stage.current(order).state == "ordered"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(["X-RHN-Provisioning-MAC-0: nonsense"], id="malformed"),
        pytest.param([f"X-RHN-Provisioning-MAC-0: eth0 {MAC}"] * 2, id="duplicate"),
        pytest.param(
            [f"X-RHN-Provisioning-MAC-{n}: e{n} {MAC}" for n in range(256)], id="256 headers"
        ),
    ],
)
def test_mac_headers_that_no_installer_sends_are_refused(
    stage: Stage, order: Order, headers: list[str]
) -> None:
    answer = stage.node.curl(
        "/rocks/kickstart", *(word for header in headers for word in ("-H", header))
    )
    assert answer.status in (400, 431)
    assert "%packages" not in answer.text
    assert stage.current(order).state == "ordered"


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Remote-Addr", "REMOTE_ADDR"]
)
def test_a_forged_source_is_ignored(stage: Stage, order: Order, header: str) -> None:
    assert stage.other.curl("/rocks/kickstart", "-H", f"{header}: 10.255.255.245").status == 409
    port = ("-H", "Remote-Port: 700", "-H", "REMOTE_PORT: 700")
    assert stage.node.post("/rocks/secrets", *port, ports="", order=order.uuid).status == 403
    assert stage.current(order).state == "ordered"


def test_no_other_user_of_the_frontend_reaches_the_services_socket(
    stage: Stage, order: Order
) -> None:
    frontend = Machine(stage.network.server)
    answer = frontend.curl("/rocks/kickstart", "--unix-socket", str(stage.site.socket), user=NOBODY)
    assert (answer.status, answer.exit) == (0, 7)
    assert stage.current(order).state == "ordered"


def test_a_user_on_the_node_sees_a_kickstart_without_any_secret(stage: Stage, order: Order) -> None:
    answer = stage.node.curl("/rocks/kickstart", user=NOBODY)
    assert answer.status == 200
    assert not leaks(answer.text)


def test_a_user_on_the_node_gets_no_secret_from_any_port(stage: Stage, taken: Order) -> None:
    high = stage.node.post("/rocks/secrets", ports="", user=NOBODY, order=taken.uuid)
    assert (high.status, leaks(high.text)) == (403, False)
    low = stage.node.post("/rocks/secrets", user=NOBODY, order=taken.uuid)
    assert (low.status, low.exit) == (0, 45)  # curl: the port cannot be bound
    own = ["unshare", "-Urn", "curl", "-sm", "5", "http://10.1.1.1/rocks/secrets"]
    stepped_down = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *own]
    assert stage.node.namespace.run(stepped_down, timeout=20, ok=range(256)).status == 7  # no route
    assert stage.current(taken).state == "installing"


def test_root_on_the_installing_machine_gets_them_once_and_a_replay_parks_the_node(
    stage: Stage, taken: Order
) -> None:
    first = stage.node.post("/rocks/secrets", order=taken.uuid)
    assert first.status == 200
    assert sorted(first.json()["secrets"]) == ["console_key", "munge_key", "node_key"]
    replay = stage.node.post("/rocks/secrets", order=taken.uuid)
    assert (replay.status, leaks(replay.text)) == (410, False)
    assert stage.current(taken).suspect


def test_root_on_another_node_that_takes_the_address_gets_nothing_at_a_reinstallation(
    stage: Stage, taken: Order
) -> None:
    key = stage.node.post("/rocks/secrets", order=taken.uuid).json()["secrets"]["node_key"]
    stage.node.post("/rocks/events", order=taken.uuid, phase="installed")
    order = stage.order()
    assert stage.node.curl("/rocks/kickstart").status == 200
    try:
        stage.node.namespace.ip("link", "set", "eth0", "down")
        stage.other.namespace.ip("address", "add", "10.255.255.245/8", "dev", "eth0")
        stage.network.server.ip("neighbour", "flush", "dev", "br0")
        stolen = ("--interface", "10.255.255.245")
        answer = stage.other.post("/rocks/secrets", *stolen, order=order.uuid)
    finally:
        stage.other.namespace.ip("address", "del", "10.255.255.245/8", "dev", "eth0")
        stage.node.namespace.ip("link", "set", "eth0", "up")
        stage.network.server.ip("neighbour", "flush", "dev", "br0")
    assert (answer.status, leaks(answer.text)) == (403, False)
    assert stage.current(order).suspect
    again = stage.order(rearm=True)
    assert stage.node.curl("/rocks/kickstart").status == 200
    proof = hmac.new(
        key.encode(), b"rocks-secrets:" + again.uuid.encode(), hashlib.sha256
    ).hexdigest()
    assert stage.node.post("/rocks/secrets", order=again.uuid, proof=proof).status == 200


def test_an_expired_order_opens_nothing(stage: Stage, order: Order) -> None:
    stage.database.execute("update installs set expires = '2026-01-01 00:00:00'")
    assert "inst.ks" not in stage.node.curl("/rocks/boot", "-A", "iPXE/1.0").text
    assert stage.node.curl("/rocks/kickstart").status == 409
    assert stage.current(order).state == "expired"


def test_an_order_from_the_future_opens_nothing(stage: Stage, order: Order) -> None:
    stage.database.execute(
        "update installs set ordered = '2099-01-01 00:00:00', expires = '2099-01-02 00:00:00'"
    )
    answer = stage.node.curl("/rocks/kickstart")
    assert (answer.status, "clock" in answer.text) == (409, True)


def test_a_node_that_is_removed_while_it_installs_is_nobody(stage: Stage, taken: Order) -> None:
    row = stage.database.row(
        "select id, mac, name, membership, rack, `rank`, ip, comment from nodes where id = 4"
    )
    assert row is not None
    stage.database.execute("delete from nodes where id = 4")
    try:
        assert stage.node.post("/rocks/secrets", order=taken.uuid).status == 404
        assert stage.node.curl("/rocks/kickstart").status == 404
    finally:
        stage.database.execute(
            "insert into nodes (id, mac, name, membership, rack, `rank`, ip, comment) values (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )


def test_two_machines_with_one_address_are_told_apart_by_their_macs(
    stage: Stage, order: Order
) -> None:
    twin = machine(stage.network, "twin", "02:00:00:00:00:98", "10.255.255.245")
    try:
        stage.node.namespace.ip("link", "set", "eth0", "down")
        stage.network.server.ip("neighbour", "flush", "dev", "br0")
        header = ("-H", "X-RHN-Provisioning-MAC-0: eth0 02:00:00:00:00:98")
        assert twin.curl("/rocks/kickstart", *header).status == 403
    finally:
        twin.namespace.ip("link", "set", "eth0", "down")
        stage.node.namespace.ip("link", "set", "eth0", "up")
        stage.network.server.ip("neighbour", "flush", "dev", "br0")
    assert stage.current(order).state == "ordered"


@pytest.fixture
def second(stage: Stage) -> Iterator[tuple[str, ...]]:
    """compute-0-0 has a second NIC; curl's options to ask by it."""
    stage.database.execute(
        "insert into interfaces (node, name, mac, ip) values (4, 'eth1', ?, ?)", SECOND
    )
    stage.node.namespace.ip("address", "add", f"{SECOND[1]}/8", "dev", "eth0")
    yield ("--interface", SECOND[1])
    stage.node.namespace.ip("address", "del", f"{SECOND[1]}/8", "dev", "eth0")
    stage.database.execute("delete from interfaces")


def test_a_further_interface_boots_the_local_disk_and_installs_with_an_order(
    stage: Stage, second: tuple[str, ...]
) -> None:
    assert "booting from the local disk" in stage.node.curl("/rocks/boot?form=grub", *second).text
    order = stage.order()
    assert (
        f"BOOTIF=01-{SECOND[0].replace(':', '-')}"
        in stage.node.curl("/rocks/boot?form=grub", *second).text
    )
    wrong = ("-H", f"X-RHN-Provisioning-MAC-0: eth0 {OTHER_MAC}")
    assert stage.node.curl("/rocks/kickstart", *second, *wrong).status == 403
    own = ("-H", f"X-RHN-Provisioning-MAC-0: eth1 {SECOND[0]}")
    assert stage.node.curl("/rocks/kickstart", *second, *own).status == 200
    assert stage.node.post("/rocks/secrets", *second, order=order.uuid).status == 200
    assert (
        stage.node.post("/rocks/events", order=order.uuid, phase="install", done=1, total=2).status
        == 200
    )
    assert (
        stage.node.post("/rocks/events", *second, order=order.uuid, phase="installed").status == 200
    )
    assert stage.current(order).state == "installed"


def test_an_unknown_machine_is_not_asked_to_restart_without_end(stage: Stage) -> None:
    texts = [
        stage.stranger.curl("/rocks/boot?form=grub").text
        for _number in range(DISCOVERY_TRIES["grub"] + 1)
    ]
    assert ["reboot" in text for text in texts] == [True] * DISCOVERY_TRIES["grub"] + [False]


def test_the_audit_tells_every_request_and_nobody_but_an_administrator_can_take_a_row_away(
    stage: Stage, taken: Order
) -> None:
    stage.other.curl("/rocks/kickstart")
    stage.node.post("/rocks/secrets", ports="", user=NOBODY, order=taken.uuid)
    stage.node.post("/rocks/secrets", order=taken.uuid)
    told = stage.database.rows(
        "select action, decision, node, address from audit where actor = 'node' order by id"
    )
    assert told == [
        ("kickstart", "200", "compute-0-0", "10.255.255.245"),
        ("kickstart", "409", "compute-0-1", "10.255.255.244"),
        ("secrets", "403", "compute-0-0", "10.255.255.245"),
        ("secrets", "200", "compute-0-0", "10.255.255.245"),
    ]
    (grants,) = {
        tuple(sorted(kind for (kind,) in stage.database.rows(
            "select privilege_type from information_schema.table_privileges where table_name = 'audit'"
            " and grantee like '%rocks_service%'"
        )))
    }  # fmt: skip
    assert grants == ("INSERT", "SELECT")


def test_the_service_runs_as_nobody_else(stage: Stage) -> None:
    status = pathlib.Path(f"/proc/{stage.site.gunicorn.pid}/status").read_text(encoding="utf-8")
    assert "Uid:\t64001\t64001\t64001\t64001" in status
    assert "CapEff:\t0000000000000000" in status
