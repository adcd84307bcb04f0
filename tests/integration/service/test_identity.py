"""Identity, secrets and one-time delivery over real sockets, and what must not leak."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import pathlib
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    remove_attribute,
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install import (
    install_codes,
    orders,
    timestamps,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from ansible_collections.npaci.rocks.plugins.module_utils.service.boot_scripts import (
    DISCOVERY_TRIES,
)

from .conftest import Machine, Stage, add_machine

NOBODY = 65534
MAC = "00:50:8b:e0:3a:a7"
OTHER_MAC = "00:50:8b:e0:44:5e"
VICTIM = "10.255.255.245"
STOLEN = ("--interface", VICTIM)
SECOND = ("00:50:8b:e0:3a:a8", "10.2.0.1")


def leaks(text: str) -> bool:
    return "node_key" in text or "munge" in text or "hush" in text


@pytest.fixture
def order(stage: Stage) -> Order:
    """compute-0-0 is ordered, and a global secret exists."""
    stage.database.execute(
        "insert into secrets (scope, owner, name, value) values ('global', 0, 'munge_key', 'hush')"
    )
    return stage.order()


@pytest.fixture
def installing(stage: Stage, order: Order) -> Order:
    """The installer of compute-0-0 has started."""
    assert (
        stage.node.curl("/rocks/kickstart", "-H", f"X-RHN-Provisioning-MAC-0: eth0 {MAC}").status
        == 200
    )
    assert stage.node.start_installer(order).status == 200
    return order


def test_a_node_without_an_order_gets_409(stage: Stage) -> None:
    response = stage.node.curl("/rocks/kickstart")
    assert (response.status, "%packages" in response.text) == (409, False)


def test_no_parameter_names_another_node(stage: Stage, order: Order) -> None:
    for query in (
        "",
        "?client=compute-0-0",
        "?ip=10.255.255.245",
        f"?mac={MAC}",
        f"?order={order.uuid}",
    ):
        assert stage.other.curl(f"/rocks/kickstart{query}").status == 409
    assert stage.current(order).state == "ordered"


def test_an_unknown_machine_gets_404_and_the_discovery_script(stage: Stage, order: Order) -> None:
    assert stage.stranger.curl("/rocks/kickstart").status == 404
    response = stage.stranger.curl("/rocks/boot", "-A", "iPXE/1.0.0+git")
    assert (response.status, "waiting for rocks_insert_ethers" in response.text) == (200, True)


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
def test_malformed_mac_headers_are_refused(stage: Stage, order: Order, headers: list[str]) -> None:
    response = stage.node.curl(
        "/rocks/kickstart", *(word for header in headers for word in ("-H", header))
    )
    assert response.status in (400, 431)
    assert "%packages" not in response.text
    assert stage.current(order).state == "ordered"


@pytest.mark.parametrize(
    "name",
    [
        *("X-Forwarded-For", "Forwarded", "Remote-Addr", "REMOTE_ADDR", "HTTP_X_REAL_IP"),
        *("X-Real-IP", "x-real-ip", "X_Real_IP", "X-Real_IP", "X-Real-IP "),
    ],
)
def test_headers_with_a_forged_source_are_ignored(stage: Stage, order: Order, name: str) -> None:
    """Also those that nginx sets for the service, alone, twice, and spelt as WSGI spells them."""
    header = ("-H", f"{name}: 10.255.255.245")
    for headers in (header, header * 2):
        response = stage.other.curl("/rocks/kickstart", *headers)
        assert (response.status, "%packages" in response.text) in ((409, False), (400, False))
    assert stage.current(order).state == "ordered"


@pytest.mark.parametrize("name", ["Remote-Port", "REMOTE_PORT", "X-Real-Port", "X_Real_Port"])
def test_headers_with_a_forged_port_are_ignored(stage: Stage, installing: Order, name: str) -> None:
    header = ("-H", f"{name}: 700")
    for headers in (header, header * 2):
        response = stage.node.post("/rocks/secrets", *headers, ports="", order=installing.uuid)
        assert response.status == 403
    assert stage.current(installing).delivered == ""


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "Script-Name", "PATH_INFO"])
def test_headers_named_like_cgi_variables_change_no_path(
    stage: Stage, order: Order, name: str
) -> None:
    assert stage.node.curl("/rocks/health", "-H", f"{name}: /rocks/kickstart").status == 200
    assert stage.current(order).state == "ordered"


def test_other_users_of_the_frontend_cannot_open_the_services_socket(
    stage: Stage, order: Order
) -> None:
    frontend = Machine(stage.network.server)
    response = frontend.curl(
        "/rocks/kickstart", "--unix-socket", str(stage.site.socket), user=NOBODY
    )
    assert (response.status, response.exit) == (0, 7)
    assert stage.current(order).state == "ordered"


def test_a_kickstart_contains_no_secret(stage: Stage, order: Order) -> None:
    response = stage.node.curl("/rocks/kickstart", user=NOBODY)
    assert response.status == 200
    assert not leaks(response.text)


def test_a_user_without_root_privileges_gets_no_secret_from_any_port(
    stage: Stage, installing: Order
) -> None:
    high = stage.node.post("/rocks/secrets", ports="", user=NOBODY, order=installing.uuid)
    assert (high.status, leaks(high.text)) == (403, False)
    low = stage.node.post("/rocks/secrets", user=NOBODY, order=installing.uuid)
    assert (low.status, low.exit) == (0, 45)  # curl: the port cannot be bound
    in_namespace = ["unshare", "-Urn", "curl", "-sm", "5", "http://10.1.1.1/rocks/secrets"]
    as_user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *in_namespace]
    assert stage.node.namespace.run(as_user, timeout=20, ok=range(256)).status == 7  # no route
    assert stage.current(installing).state == "installing"


def test_root_gets_the_secrets_once_and_a_replay_fails_the_order_as_suspect(
    stage: Stage, installing: Order
) -> None:
    first = stage.node.post("/rocks/secrets", order=installing.uuid)
    assert first.status == 200
    assert sorted(first.json()["secrets"]) == ["console_key", "munge_key", "node_key"]
    replay = stage.node.post("/rocks/secrets", order=installing.uuid)
    assert (replay.status, leaks(replay.text)) == (410, False)
    assert stage.current(installing).suspect


@contextlib.contextmanager
def stolen_address(stage: Stage, *, mac: str = "") -> Iterator[None]:
    """Let compute-0-1 take the address of compute-0-0, and a MAC address if requested."""
    other = stage.other.namespace
    stage.node.namespace.ip("link", "set", "eth0", "down")
    try:
        if mac:
            other.ip("link", "set", "eth0", "address", mac)
        other.ip("address", "add", f"{VICTIM}/8", "dev", "eth0")
        stage.network.server.ip("neighbour", "flush", "dev", "br0")
        yield
    finally:
        other.ip("address", "del", f"{VICTIM}/8", "dev", "eth0")
        other.ip("link", "set", "eth0", "address", OTHER_MAC)
        stage.node.namespace.ip("link", "set", "eth0", "up")
        stage.network.server.ip("neighbour", "flush", "dev", "br0")


def test_a_node_that_takes_the_address_with_its_own_mac_gets_no_first_secrets(
    stage: Stage, installing: Order
) -> None:
    with stolen_address(stage):
        response = stage.other.post("/rocks/secrets", *STOLEN, order=installing.uuid)
    assert (response.status, leaks(response.text)) == (403, False)
    assert "compute-0-1" in stage.current(installing).reason
    assert stage.current(installing).suspect


def test_a_node_that_forges_the_mac_too_gets_first_secrets_unless_a_code_is_required(
    stage: Stage, installing: Order
) -> None:
    """The first half is the gap that docs/security.md describes."""
    with stolen_address(stage, mac=MAC):
        first = stage.other.post("/rocks/secrets", *STOLEN, order=installing.uuid)
    assert (first.status, leaks(first.text)) == (200, True)

    set_attribute(stage.database, "install_code", "yes")
    try:
        orders.cancel(stage.database, [installing], by="root", now=timestamps.now())
        order = stage.order(rearm=True)
        with stolen_address(stage, mac=MAC):
            stolen = stage.other.post("/rocks/secrets", *STOLEN, order=order.uuid)
        code = install_codes.code_of(stage.database, order.id)
        entered = stage.node.post("/rocks/secrets", order=order.uuid, code=code)
    finally:
        remove_attribute(stage.database, "install_code")
    assert (stolen.status, leaks(stolen.text)) == (403, False)
    assert (entered.status, leaks(entered.text)) == (200, True)


def test_root_on_a_node_that_takes_the_address_gets_no_secrets_at_a_reinstallation(
    stage: Stage, installing: Order
) -> None:
    key = stage.node.post("/rocks/secrets", order=installing.uuid).json()["secrets"]["node_key"]
    stage.node.post("/rocks/events", order=installing.uuid, phase="installed")
    order = stage.order()
    assert stage.node.curl("/rocks/kickstart").status == 200
    with stolen_address(stage):
        response = stage.other.post("/rocks/secrets", *STOLEN, order=order.uuid)
    assert (response.status, leaks(response.text)) == (403, False)
    assert stage.current(order).suspect
    new_order = stage.order(rearm=True)
    assert stage.node.curl("/rocks/kickstart").status == 200
    proof = hmac.new(
        key.encode(), b"rocks-secrets:" + new_order.uuid.encode(), hashlib.sha256
    ).hexdigest()
    assert stage.node.post("/rocks/secrets", order=new_order.uuid, proof=proof).status == 200


def test_an_expired_order_allows_no_installation(stage: Stage, order: Order) -> None:
    stage.database.execute("update installs set expires = '2026-01-01 00:00:00'")
    assert "inst.ks" not in stage.node.curl("/rocks/boot", "-A", "iPXE/1.0").text
    assert stage.node.curl("/rocks/kickstart").status == 409
    assert stage.current(order).state == "expired"


def test_an_order_from_the_future_allows_no_installation(stage: Stage, order: Order) -> None:
    stage.database.execute(
        "update installs set ordered = '2099-01-01 00:00:00', expires = '2099-01-02 00:00:00'"
    )
    response = stage.node.curl("/rocks/kickstart")
    assert (response.status, "clock" in response.text) == (409, True)


def test_a_node_that_is_removed_while_it_installs_is_unknown(
    stage: Stage, installing: Order
) -> None:
    row = stage.database.row(
        "select id, mac, name, membership, rack, `rank`, ip, comment from nodes where id = 4"
    )
    assert row is not None
    stage.database.execute("delete from nodes where id = 4")
    try:
        assert stage.node.post("/rocks/secrets", order=installing.uuid).status == 404
        assert stage.node.curl("/rocks/kickstart").status == 404
    finally:
        stage.database.execute(
            "insert into nodes (id, mac, name, membership, rack, `rank`, ip, comment)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )


def test_two_machines_with_one_address_are_distinguished_by_their_macs(
    stage: Stage, order: Order
) -> None:
    twin = add_machine(stage.network, "twin", "02:00:00:00:00:98", "10.255.255.245")
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
def second_interface(stage: Stage) -> Iterator[tuple[str, ...]]:
    """compute-0-0 has a second NIC; return the options of curl that use it."""
    stage.database.execute(
        "insert into interfaces (node, name, mac, ip) values (4, 'eth1', ?, ?)", SECOND
    )
    stage.node.namespace.ip("address", "add", f"{SECOND[1]}/8", "dev", "eth0")
    yield ("--interface", SECOND[1])
    stage.node.namespace.ip("address", "del", f"{SECOND[1]}/8", "dev", "eth0")
    stage.database.execute("delete from interfaces")


def test_a_node_installs_over_a_further_interface(
    stage: Stage, second_interface: tuple[str, ...]
) -> None:
    assert (
        "booting from the local disk"
        in stage.node.curl("/rocks/boot?form=grub", *second_interface).text
    )
    order = stage.order()
    assert (
        f"BOOTIF=01-{SECOND[0].replace(':', '-')}"
        in stage.node.curl("/rocks/boot?form=grub", *second_interface).text
    )
    wrong = ("-H", f"X-RHN-Provisioning-MAC-0: eth0 {OTHER_MAC}")
    assert stage.node.curl("/rocks/kickstart", *second_interface, *wrong).status == 403
    right = ("-H", f"X-RHN-Provisioning-MAC-0: eth1 {SECOND[0]}")
    assert stage.node.curl("/rocks/kickstart", *second_interface, *right).status == 200
    assert stage.node.post("/rocks/secrets", *second_interface, order=order.uuid).status == 200
    assert (
        stage.node.post("/rocks/events", order=order.uuid, phase="install", done=1, total=2).status
        == 200
    )
    assert (
        stage.node.post(
            "/rocks/events", *second_interface, order=order.uuid, phase="installed"
        ).status
        == 200
    )
    assert stage.current(order).state == "installed"


def test_an_unknown_machine_restarts_a_limited_number_of_times(stage: Stage) -> None:
    texts = [
        stage.stranger.curl("/rocks/boot?form=grub").text
        for _number in range(DISCOVERY_TRIES["grub"] + 1)
    ]
    assert ["reboot" in text for text in texts] == [True] * DISCOVERY_TRIES["grub"] + [False]


def test_the_service_can_only_add_rows_to_the_audit(stage: Stage, installing: Order) -> None:
    # Other tests may have used up what one address can add in a minute.
    third = add_machine(stage.network, "third", "00:50:8b:e0:40:93", "10.255.255.242")
    third.curl("/rocks/kickstart")
    stage.node.post("/rocks/secrets", ports="", user=NOBODY, order=installing.uuid)
    stage.node.post("/rocks/secrets", order=installing.uuid)
    rows = stage.database.rows(
        "select action, decision, node, address from audit where actor = 'node' order by id"
    )
    assert rows == [
        ("kickstart", "200", "compute-0-0", "10.255.255.245"),
        ("installing", "200", "compute-0-0", "10.255.255.245"),
        ("kickstart", "409", "compute-0-3", "10.255.255.242"),
        ("secrets", "403", "compute-0-0", "10.255.255.245"),
        ("secrets", "200", "compute-0-0", "10.255.255.245"),
    ]
    sql = (
        "select privilege_type from information_schema.table_privileges"
        " where table_name = 'audit' and grantee like '%rocks_service%'"
    )
    grants = sorted(privilege for (privilege,) in stage.database.rows(sql))
    assert grants == ["INSERT", "SELECT"]


def test_the_service_runs_as_its_own_user_without_capabilities(stage: Stage) -> None:
    status = pathlib.Path(f"/proc/{stage.site.gunicorn.pid}/status").read_text(encoding="utf-8")
    assert "Uid:\t64001\t64001\t64001\t64001" in status
    assert "CapEff:\t0000000000000000" in status
