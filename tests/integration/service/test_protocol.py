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
    "ansible_collections.npaci.rocks.plugins.module_utils.service.app:create_app()",
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


HEAD = b" HTTP/1.1\r\nHost: x\r\n"
END = b"\r\n\r\n"
KICKSTART = b"GET /rocks/kickstart"
EVENTS = b"POST /rocks/events" + HEAD
MALFORMED = {
    "no host": (KICKSTART + b" HTTP/1.1" + END, b"400"),
    "NUL": (KICKSTART + b"\x00" + HEAD + b"\r\n", b"400"),
    "escaped NUL": (KICKSTART + b"%00" + HEAD + b"\r\n", b"400"),
    "NUL in a header": (
        KICKSTART + HEAD + b"X: x\x00REMOTE_ADDR\x0010.255.255.245" + END,
        b"400",
    ),
    "escaped CRLF": (KICKSTART + b"%0d%0aX:%20y" + HEAD + b"\r\n", b"404"),
    "traversal": (b"GET /rocks/../../etc/passwd" + HEAD + b"\r\n", b"400"),
    "next to the trees": (b"GET /install/../rocks.yml" + HEAD + b"\r\n", b"404"),
    "off by slash": (b"GET /install../rocks.yml" + HEAD + b"\r\n", b"404"),
    "escaped traversal": (b"GET /install/%2e%2e/service.cnf" + HEAD + b"\r\n", b"404"),
    "URI of 70 kB": (b"GET /" + b"x" * 70_000 + HEAD + b"\r\n", b"414"),
    "header of 70 kB": (b"GET /" + HEAD + b"X: " + b"x" * 70_000 + END, b"400"),
    "10 MB body": (EVENTS + b"Content-Length: 9999999" + END, b"413"),
    "negative length": (EVENTS + b"Content-Length: -1" + END, b"400"),
    "two lengths": (
        EVENTS + b"Content-Length: 4\r\nTransfer-Encoding: chunked" + END + b"0" + END,
        b"400",
    ),
    "TLS on the plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01", b"400"),
    "lower-case method": (b"get /rocks/kickstart" + HEAD + b"\r\n", b"400"),
    "not HTTP": (b"NONSENSE" + END, b"400"),
}


@pytest.mark.parametrize(("request_bytes", "status"), MALFORMED.values(), ids=MALFORMED)
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
    log = stage.site.folder / "log" / "six.log"
    env = {"ROCKS_CONFIG": str(stage.site.folder / "rocks.yml")}
    with stage.network.server.daemon([*GUNICORN, "-b", "[::]:8080"], log, env=env) as six:
        six.wait_for("Booting worker", 20.0)
        base = f"http://{FRONTEND}:8080"
        forged = ("-H", "Remote-Addr: 10.255.255.245", "-H", "X-Real-IP: 10.255.255.245")
        assert stage.other.curl("/rocks/kickstart", *forged, base=base).status == 409
        assert stage.node.curl("/rocks/kickstart", base=base).status == 200
        assert stage.node.start_installer(order, base=base).status == 200
    assert stage.current(order).state == "installing"


def test_nothing_is_served_over_ipv6(stage: Stage) -> None:
    """A node is identified by its IPv4 address; a link-local one is nobody's."""
    listening = stage.network.server.run(["ss", "-Hln6"], timeout=20).stdout
    assert not [line for line in listening.splitlines() if line.split()[0] in ("tcp", "udp")]
