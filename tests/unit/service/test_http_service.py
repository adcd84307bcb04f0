"""The HTTP service, from the first boot to a node that is up, and the requests that it refuses."""

from __future__ import annotations

import os
import pathlib
import re
from typing import Any

import pytest
from flask import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, states, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.service.boot_scripts import (
    DISCOVERY_TRIES,
    DISCOVERY_WINDOW,
    Loader,
)
from ansible_collections.npaci.rocks.plugins.module_utils.service.report_interval import (
    interval_of,
)
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings
from support.cluster import Urls
from support.frontend import GENERATION, NOW, HttpService, publish

NODE = "10.255.255.245"
OTHER = "10.255.255.244"
STRANGER = "10.9.9.9"
IPXE = {"HTTP_USER_AGENT": "iPXE/1.0.0+git"}
MAC = "00:50:8b:e0:3a:a7"


def state(db: Database, order: Order) -> str:
    return orders.find_by_uuid(db, [order.uuid])[0].state


def audit(db: Database) -> list[tuple[object, ...]]:
    return db.rows(
        "select action, decision, node, address from audit where actor = 'node' order by id"
    )


def test_a_node_installs_from_its_first_boot_to_up(
    service: HttpService, cluster: Database, order: Order
) -> None:
    assert "inst.ks=" in service.get("/rocks/boot", NODE, **IPXE).text
    assert state(cluster, order) == "booted"
    assert (
        service.get("/rocks/kickstart", NODE, HTTP_X_RHN_PROVISIONING_MAC_0=f"eth0 {MAC}").status
        == 200
    )
    assert state(cluster, order) == "booted"
    assert service.post("/rocks/events", NODE, order=order.uuid, phase="installing").status == 200
    assert state(cluster, order) == "installing"
    assert service.post("/rocks/secrets", NODE, order=order.uuid).status == 200
    assert (
        service.post(
            "/rocks/events", NODE, order=order.uuid, phase="install", done=1, total=400
        ).status
        == 200
    )
    assert service.post("/rocks/events", NODE, order=order.uuid, phase="installed").status == 200
    assert state(cluster, order) == "installed"
    assert "no live order" in service.get("/rocks/boot", NODE, **IPXE).text
    report = {"profile": order.pin.profile, "generation": GENERATION, "manifest": "cafe"}
    assert service.post("/rocks/events", NODE, order=order.uuid, phase="up", **report).status == 200
    (up,) = orders.find_by_uuid(cluster, [order.uuid])
    assert (up.state, up.manifest) == ("up", "cafe")
    assert [row[:2] for row in audit(cluster)] == [
        ("boot", "200"),
        ("kickstart", "200"),
        ("installing", "200"),
        ("secrets", "200"),
        ("installed", "200"),
        ("boot", "200"),
        ("up", "200"),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            "update nodes set membership = 1, rack = 9 where name = 'compute-0-0'", id="membership"
        ),
        pytest.param(
            "insert into attributes (scope, owner, name, value)"
            f" values ('global', 0, 'frontend_address', '{NODE}')",
            id="attribute",
        ),
        pytest.param(
            "insert into interfaces (node, name, kind, ip)"
            f" values (1, 'eth1', 'ethernet', '{NODE}')",
            id="interface",
        ),
    ],
)
def test_a_machine_that_became_the_frontend_is_not_installed_by_an_older_order(
    service: HttpService, cluster: Database, order: Order, statement: str
) -> None:
    with cluster.transaction():
        cluster.execute(statement)
    kickstart = service.get("/rocks/kickstart", NODE)
    assert kickstart.status == 409 and "frontend" in kickstart.text
    assert state(cluster, order) == "failed"


def test_the_frontend_boots_from_its_local_disk(
    service: HttpService, cluster: Database, order: Order
) -> None:
    with cluster.transaction():
        cluster.execute(
            "update attributes set name = 'frontend_address', value = ? where name = 'timezone'",
            (NODE,),
        )
    assert "inst.ks=" not in service.get("/rocks/boot", NODE, **IPXE).text
    (ended,) = orders.find_by_uuid(cluster, [order.uuid])
    assert ended.state == "failed" and "never installed" in ended.reason


def test_the_kickstart_is_the_pinned_profile_with_the_nodes_values(
    service: HttpService, order: Order
) -> None:
    response = service.get("/rocks/kickstart", NODE)
    parser = KickstartParser(makeVersion("RHEL9"))
    parser.readKickstartFromString(response.text)
    assert parser.handler.network.hostname == "compute-0-0"
    tree = f"http://10.1.1.1/install/.generations/rocks/x86_64/{GENERATION}"
    assert parser.handler.url.url == tree
    assert parser.handler.packages.packageList == ["chrony", "slurm-slurmd"]
    assert f"--order {order.uuid}" in response.text
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_newly_published_generation_changes_no_existing_order(
    service: HttpService, root: pathlib.Path, order: Order
) -> None:
    publish(
        root,
        "next",
        files={"nodes/compute.xml": "<kickstart><package>something-else</package></kickstart>"},
    )
    assert "something-else" not in service.get("/rocks/kickstart", NODE).text


def test_the_order_carries_the_least_version_of_the_accounts(
    cluster: Database, urls: Urls, root: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    text = "<kickstart><post>echo &accounts_version; &gt;/etc/least</post></kickstart>"
    pin = publish(root, files={"nodes/compute.xml": text})
    orders.create_orders(cluster, {"compute-0-0": pin}, by="root", now=NOW)
    bundle = tmp_path / "bundle"
    service = HttpService(
        Settings(database=urls.administrator, distributions=str(root), accounts=str(bundle))
    )

    without = service.get("/rocks/kickstart", NODE).text
    bundle.touch()
    os.utime(bundle, (1_795_372_071, 1_795_372_071))

    assert "echo 0 >/etc/least" in without
    assert "echo 1795372071 >/etc/least" in service.get("/rocks/kickstart", NODE).text


def test_a_node_without_a_live_order_gets_no_kickstart(
    service: HttpService, cluster: Database
) -> None:
    response = service.get("/rocks/kickstart", NODE)
    assert response.status == 409
    assert "compute-0-0: no kickstart: no install order" in response.text
    assert "rocks_reinstall" in response.text
    assert audit(cluster) == [("kickstart", "409", "compute-0-0", NODE)]


def test_no_parameter_names_another_node(
    service: HttpService, cluster: Database, order: Order
) -> None:
    for query in (
        "client=compute-0-0",
        f"ip={NODE}",
        f"mac={MAC}",
        "node=compute-0-0",
        f"order={order.uuid}",
    ):
        assert service.get(f"/rocks/kickstart?{query}", OTHER).status == 409
    assert state(cluster, order) == "ordered"


@pytest.mark.parametrize("name", ["X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP", "REMOTE_ADDR"])
def test_no_header_names_another_node(
    service: HttpService, cluster: Database, order: Order, name: str
) -> None:
    assert service.get("/rocks/kickstart", OTHER, **{f"HTTP_{name}": NODE}).status == 409
    assert state(cluster, order) == "ordered"


def test_a_request_without_a_source_address_is_refused(
    service: HttpService, cluster: Database, order: Order
) -> None:
    assert service.get("/rocks/kickstart", "").status == 400
    assert state(cluster, order) == "ordered"


def test_a_machine_with_the_wrong_mac_gets_no_kickstart(
    service: HttpService, cluster: Database, order: Order
) -> None:
    headers = {"HTTP_X_RHN_PROVISIONING_MAC_0": "eth0 00:50:8b:e0:44:5e"}
    assert service.get("/rocks/kickstart", NODE, **headers).status == 403
    assert state(cluster, order) == "ordered"


def test_an_unknown_machine_waits_until_it_is_added(
    service: HttpService, cluster: Database
) -> None:
    assert "waiting for rocks_insert_ethers" in service.get("/rocks/boot", STRANGER, **IPXE).text
    kickstart = service.get("/rocks/kickstart", STRANGER)
    assert (kickstart.status, "rocks_interface" in kickstart.text) == (404, True)


@pytest.mark.parametrize("loader", DISCOVERY_TRIES)
def test_an_unknown_machine_retries_a_limited_number_of_times(
    service: HttpService, loader: Loader
) -> None:
    retry = {"ipxe": "chain", "grub": "reboot"}[loader]
    limit = DISCOVERY_TRIES[loader]
    for number in range(limit):
        service.now = timestamps.add_seconds(NOW, number * DISCOVERY_WINDOW / limit)
        assert retry in service.get(f"/rocks/boot?form={loader}", STRANGER).text
    last = service.get(f"/rocks/boot?form={loader}", STRANGER).text
    assert retry not in last and "exit 1" in last
    assert retry in service.get(f"/rocks/boot?form={loader}", "10.9.9.8").text  # another machine
    service.now = timestamps.add_seconds(NOW, 2 * DISCOVERY_WINDOW)
    assert retry in service.get(f"/rocks/boot?form={loader}", STRANGER).text


def test_a_client_that_is_not_a_boot_loader_is_refused(
    service: HttpService, cluster: Database
) -> None:
    response = service.get("/rocks/boot", NODE, HTTP_USER_AGENT="Mozilla/5.0")
    assert (response.status, "?form=ipxe" in response.text) == (400, True)


def test_a_machine_that_restarts_in_the_middle_fails_and_boots_from_its_disk(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.start_installer(NODE, order.uuid)
    assert "inst.ks" not in service.get("/rocks/boot", NODE, **IPXE).text
    (ended,) = orders.find_by_uuid(cluster, [order.uuid])
    assert ended.state == "failed"
    assert ended.reason.startswith("the machine restarted in the middle")


def test_a_kickstart_is_served_until_the_installer_has_started(
    service: HttpService, cluster: Database, order: Order
) -> None:
    first = service.get("/rocks/kickstart", NODE)
    assert service.get("/rocks/kickstart", NODE).text == first.text
    service.start_installer(NODE, order.uuid)
    assert service.get("/rocks/kickstart", NODE).status == 409
    assert state(cluster, order) == "failed"


@pytest.mark.parametrize(
    "message",
    [
        {"phase": "installing"},
        {"phase": "hardware", "cpus": 64, "memory": 257_000, "firmware": "uefi"},
        {"phase": "install", "done": 1, "total": 400},
    ],
    ids=lambda message: str(message["phase"]),
)
def test_any_message_of_the_installer_starts_the_installation(
    service: HttpService, cluster: Database, order: Order, message: dict[str, object]
) -> None:
    assert service.post("/rocks/events", NODE, order=order.uuid, **message).status == 200
    assert state(cluster, order) == "installing"


def test_an_installer_starts_once(service: HttpService, cluster: Database, order: Order) -> None:
    report = {"order": order.uuid, "phase": "installing"}
    assert service.post("/rocks/events", NODE, **report).status == 200
    assert service.post("/rocks/events", NODE, **report).status == 200  # the response was lost
    assert service.post("/rocks/secrets", NODE, order=order.uuid).status == 200
    assert service.post("/rocks/events", NODE, **report).status == 409
    assert state(cluster, order) == "installing"


def test_an_installer_does_not_start_after_the_lifetime_of_its_order(
    service: HttpService, cluster: Database, order: Order
) -> None:
    assert service.get("/rocks/kickstart", NODE).status == 200
    service.now = order.expires
    report = {"order": order.uuid, "phase": "installing"}
    assert service.post("/rocks/events", NODE, **report).status == 409
    assert service.post("/rocks/secrets", NODE, order=order.uuid).status == 409
    assert cluster.rows("select delivered from installs") == [("",)]


def test_an_order_expires_at_the_next_request_after_its_time(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.now = order.expires
    assert "no live order" in service.get("/rocks/boot", NODE, **IPXE).text
    assert state(cluster, order) == "expired"


def test_a_node_that_is_removed_while_it_installs_is_unknown(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.get("/rocks/kickstart", NODE)
    cluster.execute("delete from nodes where name = 'compute-0-0'")
    assert service.post("/rocks/events", NODE, order=order.uuid, phase="install").status == 404
    assert service.post("/rocks/secrets", NODE, order=order.uuid).status == 404


def test_a_removed_generation_is_an_error_that_changes_nothing(
    service: HttpService, cluster: Database, pin: Pin, order: Order, root: pathlib.Path
) -> None:
    (root / ".generations").rename(root / "gone")
    response = service.get("/rocks/kickstart", NODE)
    assert (response.status, "was removed" in response.text) == (500, True)
    assert state(cluster, order) == "ordered"


def test_a_missing_value_is_an_error_and_never_a_truncated_kickstart(
    service: HttpService, cluster: Database, order: Order
) -> None:
    cluster.execute("delete from attributes")
    response = service.get("/rocks/kickstart", NODE)
    assert response.status == 500
    assert "timezone" in response.text
    assert "network" not in response.text
    assert state(cluster, order) == "ordered"


def test_an_edited_profile_is_not_served(
    service: HttpService, cluster: Database, order: Order, root: pathlib.Path
) -> None:
    (file,) = root.glob("rocks/x86_64/build/profiles/*.json")
    file.write_text(file.read_text().replace("chrony", "telnet-server"))
    response = service.get("/rocks/kickstart", NODE)
    assert (response.status, "was edited" in response.text) == (500, True)


def test_a_kickstart_contains_no_secret(
    service: HttpService, cluster: Database, order: Order
) -> None:
    cluster.execute(
        "insert into secrets (scope, owner, name, value) values ('global', 0, 'munge_key', 'hush')"
    )
    assert "hush" not in service.get("/rocks/kickstart", NODE).text


def test_a_node_cannot_set_its_order_to_ordered_or_cancelled(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.start_installer(NODE, order.uuid)
    for phase in set(states.STATES) - {"installing", "installed", "up", "failed"}:
        assert service.post("/rocks/events", NODE, order=order.uuid, phase=phase).status == 400
    assert state(cluster, order) == "installing"


def test_a_message_contains_all_steps_since_the_last_one(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.get("/rocks/kickstart", NODE)
    steps = [{"phase": "setup", "age": 30}, {"phase": "format", "message": "xfs", "age": 20}]
    install = {"phase": "install", "done": 3, "total": 9, "age": 4}
    answer = service.post("/rocks/events", NODE, order=order.uuid, steps=steps, **install)
    assert answer.json() == {"next": 1}
    assert cluster.rows("select phase from install_events where state = '' order by id") == [
        ("setup",),
        ("format",),
        ("install",),
    ]
    assert cluster.rows("select phase, done from installs") == [("install", 3)]


@pytest.mark.parametrize(
    "steps",
    [
        {"phase": "format"},
        ["format"],
        [{"phase": "up"}],
        [{"phase": "failed"}],
        [{"phase": "format", "age": -1}],
        [{"phase": "../"}],
        [{}],
    ],
)
def test_malformed_steps_change_nothing(
    service: HttpService, cluster: Database, order: Order, steps: Any
) -> None:
    service.get("/rocks/kickstart", NODE)
    message = {"order": order.uuid, "phase": "install", "steps": steps}
    assert service.post("/rocks/events", NODE, **message).status == 400
    assert cluster.rows("select phase from install_events where phase = 'install'") == []


@pytest.mark.parametrize(
    ("installing", "seconds"), [(0, 1), (1, 1), (100, 1), (101, 2), (1000, 10), (10_000, 60)]
)
def test_the_more_nodes_install_the_less_often_each_reports(installing: int, seconds: int) -> None:
    assert interval_of(installing) == seconds


def test_a_user_without_root_privileges_cannot_report_the_node_as_installed(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.start_installer(NODE, order.uuid)
    assert (
        service.post_as_user("/rocks/events", NODE, order=order.uuid, phase="installed").status
        == 403
    )
    assert state(cluster, order) == "installing"


def test_a_message_about_an_older_order_changes_nothing(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.start_installer(NODE, order.uuid)
    assert service.post("/rocks/events", NODE, order="older", phase="installed").status == 409
    assert service.post("/rocks/secrets", NODE, order="older").status == 409
    assert state(cluster, order) == "installing"


def test_a_failure_stores_its_reason_and_the_end_of_the_log(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.get("/rocks/kickstart", NODE)
    report = {"phase": "failed", "message": "no space left", "log": "==> /tmp/storage.log\nENOSPC"}
    assert service.post("/rocks/events", NODE, order=order.uuid, **report).status == 200
    assert service.post("/rocks/events", NODE, order=order.uuid, **report).status == 200
    (ended,) = orders.find_by_uuid(cluster, [order.uuid])
    assert (ended.state, ended.reason) == ("failed", "no space left")
    (message,) = cluster.row("select message from install_events where state = 'failed'") or ("",)
    assert message == "no space left\n==> /tmp/storage.log\nENOSPC"


@pytest.mark.parametrize("wrong", [{"profile": "other"}, {"generation": "older"}, {"profile": ""}])
def test_a_node_that_comes_up_with_another_profile_or_generation_has_failed(
    service: HttpService, cluster: Database, order: Order, wrong: dict[str, str]
) -> None:
    service.get("/rocks/kickstart", NODE)
    service.post("/rocks/events", NODE, order=order.uuid, phase="installed")
    report = {"profile": order.pin.profile, "generation": GENERATION, **wrong}
    assert service.post("/rocks/events", NODE, order=order.uuid, phase="up", **report).status == 409
    (ended,) = orders.find_by_uuid(cluster, [order.uuid])
    assert ended.state == "failed"
    assert ended.reason.startswith("it came up with")


def test_a_node_may_repeat_the_messages_installed_and_up(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.get("/rocks/kickstart", NODE)
    report = {"profile": order.pin.profile, "generation": GENERATION}
    for phase in ("installed", "installed", "up", "up", "installed"):
        assert (
            service.post("/rocks/events", NODE, order=order.uuid, phase=phase, **report).status
            == 200
        )
    assert state(cluster, order) == "up"


def test_a_node_that_is_up_reports_its_packages(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.get("/rocks/kickstart", NODE)
    assert (
        service.post(
            "/rocks/events", NODE, order=order.uuid, phase="packages", manifest="b" * 64
        ).status
        == 409
    )
    service.post("/rocks/events", NODE, order=order.uuid, phase="installed")
    hashes = {
        "profile": order.pin.profile,
        "generation": order.pin.generation,
        "manifest": "a" * 64,
    }
    assert service.post("/rocks/events", NODE, order=order.uuid, phase="up", **hashes).status == 200
    assert (
        service.post(
            "/rocks/events", NODE, order=order.uuid, phase="packages", manifest="b" * 64
        ).status
        == 200
    )
    assert cluster.rows("select state, manifest, found, checked from installs") == [
        ("up", "a" * 64, "b" * 64, service.now)
    ]


def test_a_boot_without_a_shutdown_is_recorded_in_the_history(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.get("/rocks/kickstart", NODE)
    assert service.post("/rocks/events", NODE, order=order.uuid, phase="unclean").status == 409
    service.post("/rocks/events", NODE, order=order.uuid, phase="installed")
    hashes = {"profile": order.pin.profile, "generation": order.pin.generation}
    service.post("/rocks/events", NODE, order=order.uuid, phase="up", **hashes)
    assert service.post("/rocks/events", NODE, order=order.uuid, phase="unclean").status == 200
    assert cluster.rows("select phase from install_events order by id desc limit 1") == [
        ("unclean",)
    ]
    assert cluster.rows("select state from installs") == [("up",)]


def test_a_failed_first_boot_fails_the_order(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.get("/rocks/kickstart", NODE)
    service.post("/rocks/events", NODE, order=order.uuid, phase="installed")
    report = {"message": "the driver myri 1.2 was not built", "log": "myri.c:7: error"}
    assert (
        service.post("/rocks/events", NODE, order=order.uuid, phase="failed", **report).status
        == 200
    )
    assert cluster.rows("select state, reason from installs") == [
        ("failed", "the driver myri 1.2 was not built")
    ]


def test_a_machine_reports_its_hardware(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.get("/rocks/kickstart", NODE)
    counts = {
        "cpus": 64,
        "sockets": 2,
        "cores": 16,
        "threads": 2,
        "memory": 257_000,
        "disk": 953_869,
        "firmware": "uefi",
    }
    for _time in range(2):
        assert (
            service.post("/rocks/events", NODE, order=order.uuid, phase="hardware", **counts).status
            == 200
        )
    assert cluster.rows("select node, cpus, cores, memory, firmware from hardware") == [
        (4, 64, 16, 257_000, "uefi")
    ]
    assert (
        service.post("/rocks/events", NODE, order=order.uuid, phase="hardware", cpus=0).status
        == 400
    )


@pytest.mark.parametrize(
    "change",
    [
        {"cpus": 70_000, "cores": 70_000},
        {"cpus": 4},
        {"sockets": 0},
        {"memory": 1 << 40},
        {"memory": 0},
        {"gpus": 5000},
        {"gpus": "8"},
        {"disk": -1},
        {"firmware": "coreboot"},
    ],
)
def test_hardware_that_no_machine_has_is_refused(
    service: HttpService, cluster: Database, order: Order, change: dict[str, Any]
) -> None:
    service.get("/rocks/kickstart", NODE)
    counts = {"cpus": 64, "sockets": 2, "cores": 16, "threads": 2, "memory": 257_000, **change}
    response = service.post("/rocks/events", NODE, order=order.uuid, phase="hardware", **counts)
    assert response.status == 400 and next(iter(change)) in response.text
    assert cluster.rows("select node from hardware") == []


def test_the_names_of_a_machine_are_one_printable_line(
    service: HttpService, cluster: Database, order: Order
) -> None:
    service.get("/rocks/kickstart", NODE)
    texts = {"vendor": "a\nb\u202e\u2028", "product": "x" * 100, "serial": " S\x1b[2J "}
    report = {"cpus": 4, "memory": 1000, **texts}
    service.post("/rocks/events", NODE, order=order.uuid, phase="hardware", **report)
    assert cluster.rows("select vendor, product, serial, cores from hardware") == [
        ("ab", "x" * 64, "S[2J", 1)
    ]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_only_get_serves_a_kickstart(
    service: HttpService, cluster: Database, order: Order, method: str
) -> None:
    response = service.request(method, "/rocks/kickstart", NODE)
    assert (response.status, response.headers["Allow"]) == (405, "GET")
    assert state(cluster, order) == "ordered"


@pytest.mark.parametrize(
    "path",
    [
        "/rocks/kickstart/",
        "/rocks/kickstart.cfg",
        "/rocks/../rocks/kickstart",
        "/rocks/kickstart\x00",
        "/rocks",
        "/rocks/kickstart\r\nX: y",
        "/install/rocks",
        "/rocks/nodes/../../etc/passwd",
    ],
)
def test_an_unknown_path_is_not_found(service: HttpService, cluster: Database, path: str) -> None:
    response = service.get(path, NODE)
    assert (response.status, response.headers["Content-Type"]) == (404, "text/plain; charset=utf-8")


def test_an_oversized_or_truncated_message_is_refused(
    service: HttpService, cluster: Database, order: Order
) -> None:
    assert (
        service.request("POST", "/rocks/events", NODE, port=700, body=b"x" * 200_000).status == 413
    )
    assert (
        service.request(
            "POST", "/rocks/events", NODE, port=700, body=b"{", CONTENT_LENGTH="100"
        ).status
        == 400
    )
    assert (
        service.request(
            "POST", "/rocks/events", NODE, port=700, body=b"{}", CONTENT_LENGTH="-1"
        ).status
        == 400
    )


def test_without_a_database_every_machine_gets_its_own_time_to_retry(
    root: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    service = HttpService(
        Settings(
            database=f"mysql://nobody@localhost/cluster?socket={tmp_path}/none",
            distributions=str(root),
        )
    )
    responses = [service.get("/rocks/kickstart", f"10.1.0.{number}") for number in range(1, 200)]
    assert {response.status for response in responses} == {503}
    waits = [int(response.headers["Retry-After"]) for response in responses]
    assert min(waits) >= 10
    assert max(waits) < 60
    assert len(set(waits)) > 40


def test_an_unexpected_error_is_500_without_any_detail(
    service: HttpService, cluster: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Response:
        raise ZeroDivisionError("the secret is 42")

    monkeypatch.setitem(service.app.view_functions, "kickstart.get_kickstart", fail)
    response = service.get("/rocks/kickstart", NODE)
    assert (response.status, response.text) == (
        500,
        "internal error; see journalctl -u rocks-service\n",
    )


HOSTILE_VALUES = (
    *("%00", "%C2%B2", "%D9%A3", "%ED%A0%80", "%FF", "%E2%80%AE", "%0D%0A", "%25", "_", "!", "%5C"),
    *("'", '"', "..", "../..", "%2F", "{}", "{{7*7}}", "-1", "1e999", "NaN", "9" * 30, "9" * 5000),
)
FIELDS = ("q", "form", "since", "revision", "root", "distribution", "arch", "other")


@pytest.mark.parametrize("address", ["127.0.0.1", NODE])
def test_no_query_is_an_internal_error(service: HttpService, order: Order, address: str) -> None:
    queries = [f"{field}={value}" for field in FIELDS for value in HOSTILE_VALUES]
    queries += [f"{field}={value}&distribution=rocks" for field in FIELDS for value in ("%00", "x")]
    queries += ["&".join(f"f{number}=v" for number in range(count)) for count in (30, 1001)]
    queries += ["&".join([f"{field}=v"] * 30) for field in FIELDS]
    failures = [
        (rule.rule, query)
        for rule in service.app.url_map.iter_rules()
        for query in queries
        if "GET" in (rule.methods or ())
        and service.get(f"{re.sub('<.*?>', 'rocks', rule.rule)}?{query}", address).status >= 500
    ]
    assert failures == []


PATHS = st.sampled_from(
    ["/rocks/boot", "/rocks/kickstart", "/rocks/secrets", "/rocks/events", "/rocks/status", "/"]
)


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    path=PATHS | st.text(max_size=40).map(lambda text: "/" + text),
    query=st.text(max_size=40),
    address=st.sampled_from([NODE, OTHER, STRANGER, "127.0.0.1", "::1", "", "nonsense"]),
    port=st.integers(0, 65535),
    body=st.binary(max_size=200),
    header=st.text(max_size=40),
)
def test_no_request_causes_an_internal_error(
    service: HttpService,
    order: Order,
    method: str,
    path: str,
    query: str,
    address: str,
    port: int,
    body: bytes,
    header: str,
) -> None:
    response = service.request(
        method,
        path,
        address,
        port=port,
        body=body,
        QUERY_STRING=query,
        HTTP_X_RHN_PROVISIONING_MAC_0=header,
        HTTP_USER_AGENT=header,
    )
    assert response.status != 500
