"""Malformed and hostile HTTP: refused without leaks, and without blocking other clients."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from support.site import ROOT
from support.waiting import until

from .conftest import FRONTEND, Stage

SLOW_CLIENTS = 200
HEADER_SECONDS = 10  # of the site's nginx.conf
GUNICORN = (
    *(
        sys.executable,
        "-m",
        "gunicorn",
        "--no-control-socket",
        "--pythonpath",
        str(ROOT / ".collections"),
    ),
    "ansible_collections.npaci.rocks.plugins.module_utils.service.wsgi:serve()",
)


@pytest.fixture
def order(stage: Stage) -> Order:
    return stage.order()


def raw(stage: Stage, request: bytes, seconds: float = 15.0) -> bytes:
    """Send these bytes, and return the response."""
    with connection(stage) as sock:
        sock.settimeout(seconds)
        sock.sendall(request)
        response = b""
        with contextlib.suppress(ConnectionResetError):
            while part := sock.recv(65536):
                response += part
                if b"\r\n\r\n" in response and b"Connection: close" not in response:
                    break
        return response


def connection(stage: Stage) -> socket.socket:
    return stage.node.namespace.call(socket.create_connection, (FRONTEND, 80), 10)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_get_serves_a_kickstart(stage: Stage, order: Order, method: str) -> None:
    option = ["-I"] if method == "HEAD" else ["-X", method]
    assert stage.node.curl("/rocks/kickstart", *option).status == 405
    assert stage.current(order).state == "ordered"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"GET /rocks/kickstart HTTP/1.1\r\n\r\n", b"400", id="no host"),
        pytest.param(b"GET /rocks/kickstart\x00 HTTP/1.1\r\nHost: x\r\n\r\n", b"400", id="NUL"),
        pytest.param(b"GET /rocks/kickstart%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"400", id="escaped NUL"),
        pytest.param(
            b"GET /rocks/kickstart HTTP/1.1\r\nHost: x\r\nX: x\x00REMOTE_ADDR\x0010.255.255.245\r\n\r\n",
            b"400",
            id="NUL in a header",
        ),
        pytest.param(b"GET /rocks/kickstart%0d%0aX:%20y HTTP/1.1\r\nHost: x\r\n\r\n", b"404", id="escaped CRLF"),
        pytest.param(b"GET /rocks/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"400", id="traversal"),
        pytest.param(b"GET /install/../rocks.yml HTTP/1.1\r\nHost: x\r\n\r\n", b"404", id="next to the trees"),
        pytest.param(b"GET /install../rocks.yml HTTP/1.1\r\nHost: x\r\n\r\n", b"404", id="off by slash"),
        pytest.param(b"GET /install/%2e%2e/service.cnf HTTP/1.1\r\nHost: x\r\n\r\n", b"404", id="escaped traversal"),
        pytest.param(b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414", id="URI of 70 kB"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", b"400", id="header of 70 kB"),
        pytest.param(b"POST /rocks/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", b"413", id="10 MB body"),
        pytest.param(b"POST /rocks/events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400", id="negative length"),
        pytest.param(
            b"POST /rocks/events HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"400",
            id="two lengths",
        ),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01", b"400", id="TLS on the plain port"),
        pytest.param(b"NONSENSE\r\n\r\n", b"400", id="not HTTP"),
    ],
)  # fmt: skip
def test_a_malformed_request_is_refused(
    stage: Stage, order: Order, request_bytes: bytes, status: bytes
) -> None:
    response = raw(stage, request_bytes)
    assert response.split(b" ", 2)[1] == status
    assert b"%packages" not in response
    assert b"password" not in response
    assert stage.current(order).state == "ordered"


def test_http_0_9_gets_no_kickstart(stage: Stage, order: Order) -> None:
    assert b"%packages" not in raw(stage, b"GET /rocks/kickstart\r\n")
    assert stage.current(order).state == "ordered"


@contextlib.contextmanager
def slow_clients(stage: Stage) -> Iterator[list[socket.socket]]:
    """Run clients that send one byte a second and never complete their requests."""
    with contextlib.ExitStack() as inside:
        slow = [inside.enter_context(connection(stage)) for _number in range(SLOW_CLIENTS)]
        stop = threading.Event()

        def drip() -> None:
            text = iter(b"GET /rocks/kickstart HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"x" * 1000)
            for byte in text:
                for sock in slow:
                    with contextlib.suppress(OSError):
                        sock.send(bytes([byte]))
                if stop.wait(1.0):
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield slow
        finally:
            stop.set()
            thread.join()


def test_slow_clients_are_disconnected_and_block_nobody(stage: Stage, order: Order) -> None:
    with slow_clients(stage) as slow:
        assert stage.node.curl("/rocks/kickstart").status == 200
        until(
            lambda: all(map(is_closed, slow)),
            3 * HEADER_SECONDS,
            "the slow clients to be disconnected",
        )


def is_closed(sock: socket.socket) -> bool:
    """Return whether the other side has closed or reset a connection."""
    sock.setblocking(False)
    try:
        while sock.recv(4096):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def test_a_machine_with_too_many_requests_is_rate_limited(stage: Stage, order: Order) -> None:
    many = ["-Z", "--parallel-max", "30", "-o", "/dev/null"]
    urls = [
        f"http://{FRONTEND}/rocks/boot?form=ipxe&n=[1-150]",
        *many,
        "-s",
        "-w",
        "%{http_code}\n",
    ]
    statuses = stage.other.namespace.run(["curl", *urls], timeout=60, ok=range(256)).stdout.split()
    assert "429" in statuses
    assert stage.node.curl("/rocks/kickstart").status == 200


def test_the_trees_are_read_only(stage: Stage) -> None:
    profile = f"/install/.generations/rocks/x86_64/{stage.pin.generation}/build/nodes/base.xml"
    assert "<kickstart>" in stage.node.curl(profile).text
    assert "<kickstart>" in stage.node.curl("/install/rocks/x86_64/build/nodes/base.xml").text
    for method in ("PUT", "DELETE", "POST", "MKCOL"):
        assert stage.node.curl("/install/rocks/x86_64/new", "-X", method, "-d", "x").status in (
            403,
            405,
        )


def test_grub_finds_its_configuration_in_its_folder(stage: Stage) -> None:
    response = stage.node.curl("/boot/x86_64/grub.cfg")
    assert (response.status, response.text.splitlines()[-2:]) == (200, ["  exit 1", "}"])
    stage.order()
    assert (
        "linux (http,10.1.1.1)/install/.generations/rocks/"
        in stage.node.curl("/boot/x86_64/grub.cfg").text
    )


def test_an_ipv4_address_in_ipv6_form_identifies_the_same_node(stage: Stage, order: Order) -> None:
    """The service without nginx, on a socket for IPv4 and IPv6."""
    log, env = (
        stage.site.folder / "log" / "six.log",
        {"ROCKS_CONFIG": str(stage.site.folder / "rocks.yml")},
    )
    with stage.network.server.daemon([*GUNICORN, "-b", "[::]:8080"], log, env=env) as six:
        six.wait_for("Booting worker", 20.0)
        base = f"http://{FRONTEND}:8080"
        forged = ("-H", "Remote-Addr: 10.255.255.245", "-H", "Remote-Port: 700")
        assert stage.other.curl("/rocks/kickstart", *forged, base=base).status == 409
        assert stage.node.curl("/rocks/kickstart", base=base).status == 200
    assert stage.current(order).state == "installing"
