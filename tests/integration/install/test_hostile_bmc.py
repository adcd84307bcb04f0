# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A BMC with other firmware than its vendor's sends what it likes: each gives one error."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from typing import Any, Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import Unavailable
from ansible_collections.npaci.rocks.plugins.module_utils.install.power import redfish
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.boot_target import (
    BootTarget,
)

ROOT = "/redfish/v1/"
SYSTEM = "/redfish/v1/Systems/1"
GOOD: dict[str, Any] = {
    ROOT: {"Systems": {"@odata.id": redfish.SYSTEMS}},
    redfish.SYSTEMS: {"Members": [{"@odata.id": SYSTEM}]},
    SYSTEM: {
        "@odata.id": SYSTEM,
        "PowerState": "On",
        "Actions": {redfish.RESET: {"target": f"{SYSTEM}/Actions/ComputerSystem.Reset"}},
    },
}
Requests = list[tuple[str, str]]


@contextlib.contextmanager
def bmc(answers: dict[str, Any]) -> Iterator[tuple[BootTarget, Requests]]:
    """Run a BMC with these bodies, by path; yield it as a target, and the requests that it gets."""
    requests: Requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            requests.append((self.command, self.path))
            body = answers.get(self.path, {})
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, *_arguments: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    attributes = {"bmc_protocol": "redfish"}
    try:
        yield BootTarget("compute-0-3", "10.1.2.3", attributes, address, "admin", "hush"), requests
    finally:
        server.shutdown()
        server.server_close()


def test_the_answers_of_a_good_bmc_are_used() -> None:
    with bmc(GOOD) as (target, requests):
        redfish.boot_installer(target)
        assert redfish.status(target)
    assert requests.count(("PATCH", SYSTEM)) == 1
    assert ("POST", GOOD[SYSTEM]["Actions"][redfish.RESET]["target"]) in requests


@pytest.mark.parametrize(
    "members",
    [
        *(5, "x", None, {"a": 1}, [], [5], ["x"], [None], [{}], [{"@odata.id": 5}]),
        [{"@odata.id": "@127.0.0.1:1/redfish/v1/Systems/1"}],
        [{"@odata.id": "http://127.0.0.1:1/redfish/v1/Systems/1"}],
        [{"@odata.id": ".evil.example/redfish/v1/Systems/1"}],
        [{"@odata.id": f"{SYSTEM}\r\nX-Header: 1"}],
        [{"@odata.id": "/redfish/v1/" + "x" * 100_000}],
    ],
    ids=str,
)
def test_a_hostile_list_of_systems_is_one_error(members: Any) -> None:
    """Also a path that would lead the client, with its password, to another machine."""
    answers = {**GOOD, redfish.SYSTEMS: {"Members": members}}
    with (
        bmc(answers) as (target, requests),
        pytest.raises(Unavailable, match="compute-0-3") as refused,
    ):
        redfish.boot_installer(target)
    assert "hush" not in str(refused.value) and len(str(refused.value)) < 1000
    assert {method for method, _path in requests} == {"GET"}


@pytest.mark.parametrize(
    "changes",
    [
        {"Actions": None},
        {"Actions": []},
        {"Actions": {redfish.RESET: 5}},
        {"Actions": {redfish.RESET: {}}},
        {"Actions": {redfish.RESET: {"target": "@127.0.0.1:1/x"}}},
    ],
    ids=str,
)
def test_a_hostile_system_is_one_error(changes: dict[str, Any]) -> None:
    answers = {**GOOD, SYSTEM: {**GOOD[SYSTEM], **changes}}
    with bmc(answers) as (target, requests), pytest.raises(Unavailable, match="compute-0-3"):
        redfish.cycle(target)
    assert {method for method, _path in requests} == {"GET"}


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[" * 100_000, b"\xff\xfe", b'"text"', b"[1]", b"null", b"\x1b[2J" * 1000],
    ids=lambda body: repr(body[:8]),
)
@pytest.mark.parametrize("path", [ROOT, redfish.SYSTEMS, SYSTEM])
def test_a_body_that_is_no_object_is_one_error(path: str, body: bytes) -> None:
    with bmc({**GOOD, path: body}) as (target, _requests):
        try:
            redfish.boot_installer(target)
        except Unavailable as error:
            assert str(error).isprintable() and len(str(error)) < 1000
        else:
            assert path == ROOT  # it is not used
