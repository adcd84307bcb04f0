"""A machine that accepts or refuses a connection answers; one that does not reply is silent."""

from __future__ import annotations

import contextlib
import socket
from typing import Iterator

from ansible_collections.npaci.rocks.plugins.module_utils.install.probe import AT_ONCE, probe


@contextlib.contextmanager
def full_server(address: str, port: int) -> Iterator[None]:
    """Listen with a full queue: the kernel ignores further connections, as a dead machine does."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(socket.create_server((address, port), backlog=0))
        while True:
            client = stack.enter_context(socket.socket())
            client.settimeout(0.2)
            try:
                client.connect((address, port))
            except socket.timeout:  # Python 3.9 has no other name for it
                break
        yield


def test_open_and_closed_ports_are_answers() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        port = server.getsockname()[1]
        with full_server("127.0.0.4", port):
            answered = probe(["127.0.0.2", "127.0.0.3", "127.0.0.4"], port, 0.5)
        assert answered == {"127.0.0.2", "127.0.0.3"}


def test_more_machines_than_connections_at_once_are_probed() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        port = server.getsockname()[1]
    addresses = [f"127.0.{1 + n // 250}.{1 + n % 250}" for n in range(2 * AT_ONCE + 1)]
    assert probe(addresses, port, 5.0) == set(addresses)
    assert probe([], port) == set()
