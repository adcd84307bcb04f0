"""The HTTP face from a boot to a node that is up, and everything that must be refused on the way."""

from __future__ import annotations

import pathlib

import pytest
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
)
from ansible_collections.npaci.rocks.plugins.module_utils.service.routes import find_route
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings
from support.frontend import GENERATION, NOW, Face, publish

NODE, OTHER, STRANGER = "10.255.255.245", "10.255.255.244", "10.9.9.9"
IPXE = {"HTTP_USER_AGENT": "iPXE/1.0.0+git"}
MAC = "00:50:8b:e0:3a:a7"


def state(db: Database, order: Order) -> str:
    return orders.find_by_uuid(db, [order.uuid])[0].state


def audit(db: Database) -> list[tuple[object, ...]]:
    return db.rows(
        "select action, decision, node, address from audit where actor = 'node' order by id"
    )


def test_a_node_goes_from_its_firmware_to_up(face: Face, cluster: Database, order: Order) -> None:
    assert "inst.ks=" in face.get("/rocks/boot", NODE, **IPXE).text
    assert state(cluster, order) == "booted"
    assert (
        face.get("/rocks/kickstart", NODE, HTTP_X_RHN_PROVISIONING_MAC_0=f"eth0 {MAC}").status
        == 200
    )
    assert state(cluster, order) == "installing"
    assert face.post("/rocks/secrets", NODE, order=order.uuid).status == 200
    assert (
        face.post(
            "/rocks/events", NODE, order=order.uuid, phase="install", done=1, total=400
        ).status
        == 200
    )
    assert face.post("/rocks/events", NODE, order=order.uuid, phase="installed").status == 200
    assert state(cluster, order) == "installed"
    assert "no live order" in face.get("/rocks/boot", NODE, **IPXE).text
    report = {"profile": order.pin.profile, "generation": GENERATION, "manifest": "cafe"}
    assert face.post("/rocks/events", NODE, order=order.uuid, phase="up", **report).status == 200
    (up,) = orders.find_by_uuid(cluster, [order.uuid])
    assert (up.state, up.manifest) == ("up", "cafe")
    assert [row[:2] for row in audit(cluster)] == [
        ("boot", "200"), ("kickstart", "200"), ("secrets", "200"), ("installed", "200"), ("boot", "200"), ("up", "200"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            "update nodes set membership = 1, rack = 9 where name = 'compute-0-0'", id="membership"
        ),
        pytest.param(
            f"insert into attributes (scope, owner, name, value) values ('global', 0, 'frontend_address', '{NODE}')",
            id="attribute",
        ),
        pytest.param(
            f"insert into interfaces (node, name, kind, ip) values (1, 'eth1', 'ethernet', '{NODE}')",
            id="interface",
        ),
    ],
)
def test_a_machine_that_became_the_frontend_is_not_installed_by_an_older_order(
    face: Face, cluster: Database, order: Order, statement: str
) -> None:
    with cluster.transaction():
        cluster.execute(statement)
    kickstart = face.get("/rocks/kickstart", NODE)
    assert kickstart.status == 409 and "frontend" in kickstart.text
    assert state(cluster, order) == "failed"


def test_the_boot_answer_for_the_frontend_is_its_own_disk(
    face: Face, cluster: Database, order: Order
) -> None:
    with cluster.transaction():
        cluster.execute(
            "update attributes set name = 'frontend_address', value = ? where name = 'timezone'",
            (NODE,),
        )
    assert "inst.ks=" not in face.get("/rocks/boot", NODE, **IPXE).text
    (ended,) = orders.find_by_uuid(cluster, [order.uuid])
    assert ended.state == "failed" and "never installed" in ended.reason


def test_the_kickstart_is_the_pinned_profile_with_the_nodes_values(
    face: Face, order: Order
) -> None:
    answer = face.get("/rocks/kickstart", NODE)
    parser = KickstartParser(makeVersion("RHEL9"))
    parser.readKickstartFromString(answer.text)
    assert parser.handler.network.hostname == "compute-0-0"
    tree = f"http://10.1.1.1/install/.generations/rocks/x86_64/{GENERATION}"
    assert parser.handler.url.url == tree
    assert parser.handler.packages.packageList == ["chrony", "slurm-slurmd"]
    assert f"--order {order.uuid}" in answer.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_generation_that_is_published_meanwhile_changes_no_installation(
    face: Face, root: pathlib.Path, order: Order
) -> None:
    publish(
        root,
        "next",
        files={"nodes/compute.xml": "<kickstart><package>something-else</package></kickstart>"},
    )
    assert "something-else" not in face.get("/rocks/kickstart", NODE).text


def test_a_node_without_a_live_order_gets_no_kickstart(face: Face, cluster: Database) -> None:
    answer = face.get("/rocks/kickstart", NODE)
    assert answer.status == 409
    assert answer.text == (
        "compute-0-0: no kickstart: no install order; order the node again: ansible compute-0-0 -m rocks_reinstall\n"
    )
    assert audit(cluster) == [("kickstart", "409", "compute-0-0", NODE)]


def test_no_parameter_names_another_node(face: Face, cluster: Database, order: Order) -> None:
    for query in (
        "client=compute-0-0",
        f"ip={NODE}",
        f"mac={MAC}",
        "node=compute-0-0",
        f"order={order.uuid}",
    ):
        assert face.get(f"/rocks/kickstart?{query}", OTHER).status == 409
    assert state(cluster, order) == "ordered"


@pytest.mark.parametrize("name", ["X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP", "REMOTE_ADDR"])
def test_no_header_names_another_node(
    face: Face, cluster: Database, order: Order, name: str
) -> None:
    assert face.get("/rocks/kickstart", OTHER, **{f"HTTP_{name}": NODE}).status == 409
    assert state(cluster, order) == "ordered"


def test_a_request_without_a_source_is_nobodys(face: Face, cluster: Database, order: Order) -> None:
    assert face.get("/rocks/kickstart", "").status == 400
    assert state(cluster, order) == "ordered"


def test_the_wrong_mac_gets_nothing(face: Face, cluster: Database, order: Order) -> None:
    headers = {"HTTP_X_RHN_PROVISIONING_MAC_0": "eth0 00:50:8b:e0:44:5e"}
    assert face.get("/rocks/kickstart", NODE, **headers).status == 403
    assert state(cluster, order) == "ordered"


def test_an_unknown_machine_waits_to_be_entered(face: Face, cluster: Database) -> None:
    assert "waiting for rocks_insert_ethers" in face.get("/rocks/boot", STRANGER, **IPXE).text
    refused = face.get("/rocks/kickstart", STRANGER)
    assert (refused.status, "rocks_interface" in refused.text) == (404, True)


@pytest.mark.parametrize("form", DISCOVERY_TRIES)
def test_an_unknown_machine_is_asked_to_wait_a_limited_number_of_times(
    face: Face, form: str
) -> None:
    again, most = {"ipxe": "chain", "grub": "reboot"}[form], DISCOVERY_TRIES[form]
    for number in range(most):
        face.now = timestamps.add_seconds(NOW, number * DISCOVERY_WINDOW / most)
        assert again in face.get(f"/rocks/boot?form={form}", STRANGER).text
    ended = face.get(f"/rocks/boot?form={form}", STRANGER).text
    assert again not in ended and "exit 1" in ended
    assert again in face.get(f"/rocks/boot?form={form}", "10.9.9.8").text  # another machine
    face.now = timestamps.add_seconds(NOW, 2 * DISCOVERY_WINDOW)
    assert again in face.get(f"/rocks/boot?form={form}", STRANGER).text


def test_a_client_that_is_no_boot_loader_is_told_so(face: Face, cluster: Database) -> None:
    answer = face.get("/rocks/boot", NODE, HTTP_USER_AGENT="Mozilla/5.0")
    assert (answer.status, "?form=ipxe" in answer.text) == (400, True)


def test_a_machine_that_restarts_in_the_middle_fails_and_boots_from_its_disk(
    face: Face, cluster: Database, order: Order
) -> None:
    face.get("/rocks/kickstart", NODE)
    assert "inst.ks" not in face.get("/rocks/boot", NODE, **IPXE).text
    (ended,) = orders.find_by_uuid(cluster, [order.uuid])
    assert ended.state == "failed"
    assert ended.reason.startswith("the machine restarted in the middle")


def test_a_lost_answer_is_given_again_for_two_minutes(
    face: Face, cluster: Database, order: Order
) -> None:
    first = face.get("/rocks/kickstart", NODE)
    assert face.get("/rocks/kickstart", NODE).text == first.text
    face.now = timestamps.add_seconds(NOW, 121)
    assert face.get("/rocks/kickstart", NODE).status == 409
    assert state(cluster, order) == "failed"


def test_an_order_whose_time_is_over_expires_at_the_next_question(
    face: Face, cluster: Database, order: Order
) -> None:
    face.now = order.expires
    assert "no live order" in face.get("/rocks/boot", NODE, **IPXE).text
    assert state(cluster, order) == "expired"


def test_a_node_that_is_removed_while_it_installs_is_nobody(
    face: Face, cluster: Database, order: Order
) -> None:
    face.get("/rocks/kickstart", NODE)
    cluster.execute("delete from nodes where name = 'compute-0-0'")
    assert face.post("/rocks/events", NODE, order=order.uuid, phase="install").status == 404
    assert face.post("/rocks/secrets", NODE, order=order.uuid).status == 404


def test_a_generation_that_was_removed_is_an_error_and_changes_nothing(
    face: Face, cluster: Database, pin: Pin, order: Order, root: pathlib.Path
) -> None:
    (root / ".generations").rename(root / "gone")
    answer = face.get("/rocks/kickstart", NODE)
    assert (answer.status, "was removed" in answer.text) == (500, True)
    assert state(cluster, order) == "ordered"


def test_a_value_that_is_missing_is_an_error_and_no_part_of_a_kickstart(
    face: Face, cluster: Database, order: Order
) -> None:
    cluster.execute("delete from attributes")
    answer = face.get("/rocks/kickstart", NODE)
    assert answer.status == 500
    assert "timezone" in answer.text
    assert "network" not in answer.text
    assert state(cluster, order) == "ordered"


def test_a_stored_profile_that_was_changed_is_not_served(
    face: Face, cluster: Database, order: Order, root: pathlib.Path
) -> None:
    (file,) = root.glob("rocks/x86_64/build/profiles/*.json")
    file.write_text(file.read_text().replace("chrony", "telnet-server"))
    answer = face.get("/rocks/kickstart", NODE)
    assert (answer.status, "was edited" in answer.text) == (500, True)


def test_a_kickstart_holds_no_secret(face: Face, cluster: Database, order: Order) -> None:
    cluster.execute(
        "insert into secrets (scope, owner, name, value) values ('global', 0, 'munge_key', 'hush')"
    )
    assert "hush" not in face.get("/rocks/kickstart", NODE).text


def test_a_node_cannot_say_that_it_is_ordered_or_cancelled(
    face: Face, cluster: Database, order: Order
) -> None:
    face.get("/rocks/kickstart", NODE)
    for phase in set(states.STATES) - {"installed", "up", "failed"}:
        assert face.post("/rocks/events", NODE, order=order.uuid, phase=phase).status == 400
    assert state(cluster, order) == "installing"


def test_a_user_on_the_node_cannot_say_that_it_is_installed(
    face: Face, cluster: Database, order: Order
) -> None:
    face.get("/rocks/kickstart", NODE)
    assert (
        face.post("/rocks/events", NODE, 40000, order=order.uuid, phase="installed").status == 403
    )
    assert state(cluster, order) == "installing"


def test_a_message_of_an_older_installation_changes_nothing(
    face: Face, cluster: Database, order: Order
) -> None:
    face.get("/rocks/kickstart", NODE)
    assert face.post("/rocks/events", NODE, order="older", phase="installed").status == 409
    assert face.post("/rocks/secrets", NODE, order="older").status == 409
    assert state(cluster, order) == "installing"


def test_a_failure_comes_with_its_reason_and_its_last_lines(
    face: Face, cluster: Database, order: Order
) -> None:
    face.get("/rocks/kickstart", NODE)
    told = {"phase": "failed", "message": "no space left", "log": "==> /tmp/storage.log\nENOSPC"}
    assert face.post("/rocks/events", NODE, order=order.uuid, **told).status == 200
    assert face.post("/rocks/events", NODE, order=order.uuid, **told).status == 200
    (ended,) = orders.find_by_uuid(cluster, [order.uuid])
    assert (ended.state, ended.reason) == ("failed", "no space left")
    (message,) = cluster.row("select message from install_events where state = 'failed'") or ("",)
    assert message == "no space left\n==> /tmp/storage.log\nENOSPC"


@pytest.mark.parametrize("wrong", [{"profile": "other"}, {"generation": "older"}, {"profile": ""}])
def test_a_node_that_comes_up_as_something_else_has_failed(
    face: Face, cluster: Database, order: Order, wrong: dict[str, str]
) -> None:
    face.get("/rocks/kickstart", NODE)
    face.post("/rocks/events", NODE, order=order.uuid, phase="installed")
    report = {"profile": order.pin.profile, "generation": GENERATION, **wrong}
    assert face.post("/rocks/events", NODE, order=order.uuid, phase="up", **report).status == 409
    (ended,) = orders.find_by_uuid(cluster, [order.uuid])
    assert ended.state == "failed"
    assert ended.reason.startswith("it came up with")


def test_installed_and_up_may_be_said_twice(face: Face, cluster: Database, order: Order) -> None:
    face.get("/rocks/kickstart", NODE)
    report = {"profile": order.pin.profile, "generation": GENERATION}
    for phase in ("installed", "installed", "up", "up", "installed"):
        assert (
            face.post("/rocks/events", NODE, order=order.uuid, phase=phase, **report).status == 200
        )
    assert state(cluster, order) == "up"


def test_a_node_that_is_up_tells_daily_which_packages_it_has(
    face: Face, cluster: Database, order: Order
) -> None:
    face.get("/rocks/kickstart", NODE)
    assert (
        face.post(
            "/rocks/events", NODE, order=order.uuid, phase="packages", manifest="b" * 64
        ).status
        == 409
    )
    face.post("/rocks/events", NODE, order=order.uuid, phase="installed")
    hashes = {
        "profile": order.pin.profile,
        "generation": order.pin.generation,
        "manifest": "a" * 64,
    }
    assert face.post("/rocks/events", NODE, order=order.uuid, phase="up", **hashes).status == 200
    assert (
        face.post(
            "/rocks/events", NODE, order=order.uuid, phase="packages", manifest="b" * 64
        ).status
        == 200
    )
    assert cluster.rows("select state, manifest, found, checked from installs") == [
        ("up", "a" * 64, "b" * 64, face.now)
    ]


def test_a_node_that_was_not_shut_down_says_so_in_its_history(
    face: Face, cluster: Database, order: Order
) -> None:
    face.get("/rocks/kickstart", NODE)
    assert face.post("/rocks/events", NODE, order=order.uuid, phase="unclean").status == 409
    face.post("/rocks/events", NODE, order=order.uuid, phase="installed")
    hashes = {"profile": order.pin.profile, "generation": order.pin.generation}
    face.post("/rocks/events", NODE, order=order.uuid, phase="up", **hashes)
    assert face.post("/rocks/events", NODE, order=order.uuid, phase="unclean").status == 200
    assert cluster.rows("select phase from install_events order by id desc limit 1") == [
        ("unclean",)
    ]
    assert cluster.rows("select state from installs") == [("up",)]


def test_a_first_boot_that_fails_ends_the_installation_as_failed(
    face: Face, cluster: Database, order: Order
) -> None:
    face.get("/rocks/kickstart", NODE)
    face.post("/rocks/events", NODE, order=order.uuid, phase="installed")
    said = {"message": "the driver myri 1.2 was not built", "log": "myri.c:7: error"}
    assert face.post("/rocks/events", NODE, order=order.uuid, phase="failed", **said).status == 200
    assert cluster.rows("select state, reason from installs") == [
        ("failed", "the driver myri 1.2 was not built")
    ]


def test_a_machine_counts_its_hardware(face: Face, cluster: Database, order: Order) -> None:
    face.get("/rocks/kickstart", NODE)
    counted = {
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
            face.post("/rocks/events", NODE, order=order.uuid, phase="hardware", **counted).status
            == 200
        )
    assert cluster.rows("select node, cpus, cores, memory, firmware from hardware") == [
        (4, 64, 16, 257_000, "uefi")
    ]
    assert (
        face.post("/rocks/events", NODE, order=order.uuid, phase="hardware", cpus=0).status == 400
    )


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get", "TRACE"])
def test_only_get_takes_a_kickstart(
    face: Face, cluster: Database, order: Order, method: str
) -> None:
    answer = face.ask(method, "/rocks/kickstart", NODE)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    assert state(cluster, order) == "ordered"


@pytest.mark.parametrize(
    "path",
    ["/rocks/kickstart/", "/rocks/kickstart.cfg", "/rocks/../rocks/kickstart", "/rocks/kickstart\x00", "/rocks", "//",
     "/rocks/kickstart\r\nX: y", "/install/rocks", "/rocks/nodes/../../etc/passwd"],
)  # fmt: skip
def test_a_path_that_is_none_is_not_found(face: Face, cluster: Database, path: str) -> None:
    answer = face.get(path, NODE)
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/plain; charset=utf-8")


def test_a_message_that_is_too_long_or_ends_early_is_refused(
    face: Face, cluster: Database, order: Order
) -> None:
    assert face.ask("POST", "/rocks/events", NODE, 700, b"x" * 200_000).status == 413
    assert face.ask("POST", "/rocks/events", NODE, 700, b"{", CONTENT_LENGTH="100").status == 400
    assert face.ask("POST", "/rocks/events", NODE, 700, b"{}", CONTENT_LENGTH="-1").status == 400


def test_a_database_that_is_away_means_come_back_each_at_his_own_time(
    root: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    face = Face(
        Settings(
            database=f"mysql://nobody@localhost/cluster?socket={tmp_path}/none",
            distributions=str(root),
        )
    )
    answers = [face.get("/rocks/kickstart", f"10.1.0.{number}") for number in range(1, 200)]
    assert {answer.status for answer in answers} == {503}
    waits = [int(answer.headers["Retry-After"]) for answer in answers]
    assert min(waits) >= 10
    assert max(waits) < 60
    assert len(set(waits)) > 40


def test_what_nobody_expected_is_500_and_no_detail(
    face: Face, cluster: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_context: object, _request: object) -> None:
        raise ZeroDivisionError("the secret is 42")

    route = find_route("/rocks/kickstart")
    assert route is not None
    monkeypatch.setattr(
        "ansible_collections.npaci.rocks.plugins.module_utils.service.wsgi.find_route",
        lambda _path: route._replace(handler=broken),
    )
    answer = face.get("/rocks/kickstart", NODE)
    assert (answer.status, answer.text) == (
        500,
        "internal error; see journalctl -u rocks-service\n",
    )


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
def test_whatever_comes_is_answered_without_a_traceback(
    face: Face,
    order: Order,
    method: str,
    path: str,
    query: str,
    address: str,
    port: int,
    body: bytes,
    header: str,
) -> None:
    answer = face.ask(
        method, path, address, port, body,
        QUERY_STRING=query, HTTP_X_RHN_PROVISIONING_MAC_0=header, HTTP_USER_AGENT=header,
    )  # fmt: skip
    assert answer.status != 500
