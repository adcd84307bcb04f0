"""Secrets: once per order, to root on the installing machine, later only to the same one."""

from __future__ import annotations

import collections
import concurrent.futures
import hashlib
import hmac
import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import install_codes, orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.service import neighbours
from support.frontend import GENERATION, NOW, HttpService

NODE = "10.255.255.245"
OTHER = "10.255.255.244"


def current(db: Database, order: Order) -> Order:
    return orders.find_by_uuid(db, [order.uuid])[0]


def proof(key: str, order: Order) -> str:
    return hmac.new(
        key.encode(), b"rocks-secrets:" + order.uuid.encode(), hashlib.sha256
    ).hexdigest()


def order_again(db: Database, pin: Pin, *, rearm: bool = False) -> Order:
    (verdict,) = orders.create_orders(
        db, {"compute-0-0": pin}, by="root", now=NOW, force=True, rearm=rearm
    )
    assert verdict.order is not None
    return verdict.order


@pytest.fixture
def installing(service: HttpService, order: Order) -> Order:
    """The installer of compute-0-0 has started."""
    service.start_installer(NODE, order.uuid)
    return order


@pytest.fixture
def key(service: HttpService, installing: Order) -> str:
    """compute-0-0 was installed, and has this key on its preserved partition."""
    response = service.post("/rocks/secrets", NODE, order=installing.uuid)
    assert (
        service.post("/rocks/events", NODE, order=installing.uuid, phase="installed").status == 200
    )
    report = {"profile": installing.pin.profile, "generation": GENERATION}
    assert (
        service.post("/rocks/events", NODE, order=installing.uuid, phase="up", **report).status
        == 200
    )
    key: str = response.json()["secrets"]["node_key"]
    return key


@pytest.fixture
def reinstalling(service: HttpService, cluster: Database, pin: Pin, key: str) -> Order:
    """compute-0-0 was ordered again, and has received its kickstart."""
    order = order_again(cluster, pin)
    assert service.get("/rocks/kickstart", NODE).status == 200
    return order


class TestCode:
    """A first installation needs the code that a person enters at the machine."""

    @pytest.fixture
    def coded(self, cluster: Database, pin: Pin) -> Order:
        cluster.execute(
            "insert into attributes (scope, owner, name, value) values"
            " ('global', 0, 'install_code', 'yes')"
        )
        return order_again(cluster, pin)

    def test_the_secrets_are_sent_with_the_code_only(
        self, service: HttpService, cluster: Database, coded: Order
    ) -> None:
        code = install_codes.code_of(cluster, coded.id)
        assert code

        for wrong in ({}, {"code": ""}, {"code": "22222-22222"}, {"code": f"{code}x"}):
            refused = service.post("/rocks/secrets", NODE, order=coded.uuid, **wrong)
            assert refused.status == 403
            assert code not in refused.text
        assert current(cluster, coded).state == "ordered"

        entered = code.upper().replace("-", "")
        response = service.post("/rocks/secrets", NODE, order=coded.uuid, code=entered)
        assert response.status == 200
        assert "install_code" not in response.json()["secrets"]
        assert service.post("/rocks/secrets", NODE, order=coded.uuid, code=entered).status == 410

    def test_nothing_that_the_frontend_sends_contains_the_code(
        self, service: HttpService, cluster: Database, coded: Order
    ) -> None:
        code = install_codes.code_of(cluster, coded.id)
        assert code
        pages = [
            service.get("/rocks/boot?form=ipxe", NODE),
            service.get("/rocks/boot?form=grub", NODE),
            service.get("/rocks/kickstart", NODE),
            service.get("/rocks/status", "127.0.0.1"),
            service.get("/rocks/nodes/compute-0-0", "127.0.0.1"),
        ]
        for page in pages:
            assert page.status == 200
            assert code not in page.text

    def test_a_boot_loader_waits_for_the_code(self, service: HttpService, coded: Order) -> None:
        ipxe = service.get("/rocks/boot?form=ipxe", NODE).text
        grub = service.get("/rocks/boot?form=grub", NODE).text

        assert "\nread code\n" in ipxe
        assert " rocks.code=${code}\n" in ipxe
        assert "set timeout=-1\n" in grub
        assert "rocks.code" in grub

    def test_a_node_with_a_key_needs_no_code_until_it_is_cleared(
        self, cluster: Database, pin: Pin, key: str, coded: Order
    ) -> None:
        assert install_codes.code_of(cluster, coded.id) is None
        orders.cancel(cluster, [coded], by="root", now=NOW)

        cleared = order_again(cluster, pin, rearm=True)

        assert install_codes.code_of(cluster, cleared.id)

    def test_without_the_attribute_there_is_no_code(self, cluster: Database, order: Order) -> None:
        assert install_codes.code_of(cluster, order.id) is None


class TestNeighbour:
    """The kernel's table shows another node that uses the address."""

    ROW = "{address}  0x1  0x2  {mac}  *  eth0\n"

    @pytest.mark.parametrize(
        ("mac", "status"),
        [
            pytest.param("00:50:8b:e0:44:5e", 403, id="another node"),
            pytest.param("00:50:8b:e0:3a:a7", 200, id="the node"),
            pytest.param("02:00:00:00:00:99", 200, id="a new network card"),
        ],
    )
    def test_another_nodes_machine_gets_no_secrets(
        self,
        service: HttpService,
        cluster: Database,
        installing: Order,
        tmp_path: pathlib.Path,
        monkeypatch: pytest.MonkeyPatch,
        mac: str,
        status: int,
    ) -> None:
        table = tmp_path / "arp"
        rows = [("10.255.255.24", "02:00:00:00:00:01"), (NODE, mac)]
        lines = [self.ROW.format(address=address, mac=row_mac) for address, row_mac in rows]
        table.write_text("IP address  HW type  Flags  HW address  Mask  Device\n" + "".join(lines))
        monkeypatch.setattr(neighbours.read_macs, "__defaults__", (str(table),))

        response = service.post("/rocks/secrets", NODE, order=installing.uuid)

        assert response.status == status
        assert current(cluster, installing).suspect == (status == 403)


def test_the_narrower_secret_wins_and_other_nodes_secrets_are_not_delivered(
    service: HttpService, cluster: Database, installing: Order
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
            "insert into secrets (scope, appliance, node, owner, name, value)"
            " values (?, ?, ?, ?, ?, ?)",
            (scope, appliance, node, owner, name, value),
        )
    secrets = service.post("/rocks/secrets", NODE, order=installing.uuid).json()["secrets"]
    assert len(secrets.pop("node_key")) == 64
    assert len(secrets.pop("console_key")) == 16
    assert secrets == {"rootpw": "compute", "munge_key": "compute-0-0"}


def test_the_one_time_keys_are_stored_with_the_order(
    service: HttpService, cluster: Database, installing: Order
) -> None:
    secrets = service.post("/rocks/secrets", NODE, order=installing.uuid).json()["secrets"]
    stored = cluster.rows(
        "select name, value, used from install_keys where install = ? order by name",
        (installing.id,),
    )
    assert stored == [
        ("console_key", secrets["console_key"], NOW),
        ("node_key", secrets["node_key"], NOW),
    ]


def test_secrets_must_not_be_cached(service: HttpService, installing: Order) -> None:
    assert (
        service.post("/rocks/secrets", NODE, order=installing.uuid).headers["Cache-Control"]
        == "no-store"
    )


def test_the_audit_names_the_secrets_without_their_values(
    service: HttpService, cluster: Database, installing: Order
) -> None:
    key = service.post("/rocks/secrets", NODE, order=installing.uuid).json()["secrets"]["node_key"]
    rows = cluster.rows("select * from audit")
    assert ("secrets", "200", "console_key, node_key") in [
        (row[3], row[4], row[-1]) for row in rows
    ]
    assert key not in str(rows)


def test_a_request_for_the_secrets_starts_the_installation(
    service: HttpService, cluster: Database, order: Order
) -> None:
    assert service.post("/rocks/secrets", NODE, order=order.uuid).status == 200
    assert current(cluster, order).state == "installing"


def test_a_user_without_root_privileges_gets_no_secrets_and_changes_nothing(
    service: HttpService, cluster: Database, installing: Order
) -> None:
    response = service.post_as_user("/rocks/secrets", NODE, order=installing.uuid)
    assert (response.status, "not privileged" in response.text) == (403, True)
    assert current(cluster, installing).state == "installing"
    assert service.post("/rocks/secrets", NODE, order=installing.uuid).status == 200


def test_another_node_gets_no_secrets(
    service: HttpService, cluster: Database, installing: Order
) -> None:
    assert service.post("/rocks/secrets", OTHER, order=installing.uuid).status == 409
    assert current(cluster, installing).state == "installing"


def test_a_second_request_for_secrets_fails_the_order_as_suspect(
    service: HttpService, cluster: Database, pin: Pin, installing: Order
) -> None:
    service.post("/rocks/secrets", NODE, order=installing.uuid)
    response = service.post("/rocks/secrets", NODE, order=installing.uuid)
    assert (response.status, "node_key" in response.text) == (410, False)
    failed = current(cluster, installing)
    assert (failed.state, failed.suspect) == ("failed", True)
    assert failed.reason == "suspect: the secrets were requested a second time"
    (verdict,) = orders.create_orders(cluster, {"compute-0-0": pin}, by="root", now=NOW)
    assert verdict.action == "refused"


def test_secrets_are_refused_after_the_installation(
    service: HttpService, cluster: Database, key: str, installing: Order
) -> None:
    assert service.post("/rocks/secrets", NODE, order=installing.uuid).status == 410
    assert current(cluster, installing).state == "up"


def test_a_new_order_delivers_the_secrets_after_a_failed_installation(
    service: HttpService, cluster: Database, pin: Pin, installing: Order
) -> None:
    service.post("/rocks/secrets", NODE, order=installing.uuid)
    service.get("/rocks/boot", NODE, HTTP_USER_AGENT="iPXE/1.0")
    assert current(cluster, installing).state == "failed"
    order = order_again(cluster, pin)
    assert service.get("/rocks/kickstart", NODE).status == 200
    assert service.post("/rocks/secrets", NODE, order=order.uuid).status == 200


def test_a_reinstallation_proves_that_it_is_the_same_machine(
    service: HttpService, key: str, reinstalling: Order
) -> None:
    response = service.post(
        "/rocks/secrets", NODE, order=reinstalling.uuid, proof=proof(key, reinstalling)
    )
    assert response.json()["secrets"]["node_key"] == key


@pytest.mark.parametrize("wrong_proof", ["", "00" * 32, "ü"])
def test_a_reinstallation_without_the_nodes_key_fails_as_suspect(
    service: HttpService, cluster: Database, reinstalling: Order, wrong_proof: str
) -> None:
    response = service.post("/rocks/secrets", NODE, order=reinstalling.uuid, proof=wrong_proof)
    assert (response.status, "rearm: true" in response.text) == (403, True)
    failed = current(cluster, reinstalling)
    assert (failed.state, failed.suspect, failed.delivered) == ("failed", True, "")


def test_a_proof_for_another_order_is_refused(
    service: HttpService, cluster: Database, installing: Order, key: str, pin: Pin
) -> None:
    order = order_again(cluster, pin)
    service.get("/rocks/kickstart", NODE)
    assert (
        service.post("/rocks/secrets", NODE, order=order.uuid, proof=proof(key, installing)).status
        == 403
    )


def test_a_new_disk_is_accepted_with_rearm(
    service: HttpService, cluster: Database, pin: Pin, key: str
) -> None:
    order = order_again(cluster, pin, rearm=True)
    service.get("/rocks/kickstart", NODE)
    new = service.post("/rocks/secrets", NODE, order=order.uuid).json()["secrets"]["node_key"]
    assert new != key


def test_a_node_key_is_stored_only_when_the_installation_has_finished(
    service: HttpService, cluster: Database, pin: Pin, installing: Order
) -> None:
    service.post("/rocks/secrets", NODE, order=installing.uuid)
    assert cluster.rows("select * from secrets") == []
    service.post("/rocks/events", NODE, order=installing.uuid, phase="installed")
    assert [row[:2] for row in cluster.rows("select scope, name from secrets")] == [
        ("node", "node_key")
    ]


def test_of_many_requests_at_once_one_receives_the_secrets_and_none_ends_in_a_deadlock(
    service: HttpService, installing: Order
) -> None:
    with concurrent.futures.ThreadPoolExecutor(20) as threads:
        replies = threads.map(
            lambda _number: service.post("/rocks/secrets", NODE, order=installing.uuid), range(100)
        )
        statuses = collections.Counter(reply.status for reply in replies)
    # After the second request the order is suspect, which ends it.
    assert statuses[200] == 1 and statuses[410] + statuses[409] == 99
