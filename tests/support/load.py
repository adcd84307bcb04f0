# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Thousands of machines for benchmarks: one event loop, and a source address for each connection.

Runs as a program in the frontend's namespace, where every node's address is local. It reads a job
from standard input and prints the results as JSON.
"""

from __future__ import annotations

import heapq
import json
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Optional

SERVER = ("10.1.1.1", 80)
LOW_PORTS = range(600, 1024)
SECONDS = 120.0


@dataclass
class Client:
    """One machine: its requests and when they are due, and its responses."""

    address: str
    due: float
    requests: list[bytes]
    every: float = 0.0
    low: bool = False
    sock: Optional[socket.socket] = None
    waiting: bytes = b""
    received: bytes = b""
    sent_at: float = 0.0
    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    marks: list[bool] = field(default_factory=list)


class Load:
    """All clients in one loop; each client's responses contain its text in ``expected``."""

    def __init__(self, clients: list[Client], expected: list[bytes]) -> None:
        self.clients = clients
        self.expected = expected
        self.selector = selectors.EpollSelector()
        self.timetable = [(client.due, number) for number, client in enumerate(clients)]
        heapq.heapify(self.timetable)
        self.open = 0
        self.failed: dict[str, int] = {}

    def run(self) -> float:
        """Run until all clients have their responses, and return the seconds."""
        started = time.monotonic()
        while (self.timetable or self.open) and time.monotonic() - started < SECONDS:
            now = time.monotonic() - started
            while self.timetable and self.timetable[0][0] <= now:
                self._send(heapq.heappop(self.timetable)[1], started)
            pause = max(0.0, self.timetable[0][0] - now) if self.timetable else 0.5
            for key, mask in self.selector.select(min(pause, 0.5)):
                self._continue(key.data, mask, started)
        return time.monotonic() - started

    def _send(self, number: int, started: float) -> None:
        client = self.clients[number]
        client.sent_at = time.monotonic()
        client.waiting = client.requests.pop(0)
        client.received = b""
        self.open += 1
        if client.sock is not None:
            self.selector.modify(client.sock, selectors.EVENT_WRITE | selectors.EVENT_READ, number)
            return
        client.sock = socket.socket()
        client.sock.setblocking(False)
        self._bind(client, number)
        client.sock.connect_ex(SERVER)
        self.selector.register(client.sock, selectors.EVENT_WRITE | selectors.EVENT_READ, number)

    def _bind(self, client: Client, number: int) -> None:
        if client.sock is None:
            return
        if client.low:
            client.sock.bind((client.address, LOW_PORTS[number % len(LOW_PORTS)]))
        else:
            # Let the kernel choose the port at connect; binding first would exhaust its table.
            client.sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            client.sock.bind((client.address, 0))

    def _continue(self, number: int, mask: int, started: float) -> None:
        client = self.clients[number]
        if client.sock is None:
            return
        try:
            if mask & selectors.EVENT_WRITE and client.waiting:
                client.waiting = client.waiting[client.sock.send(client.waiting) :]
                if not client.waiting:
                    self.selector.modify(client.sock, selectors.EVENT_READ, number)
            if mask & selectors.EVENT_READ:
                part = client.sock.recv(262144)
                client.received += part
                if not part or (client.every and self._is_complete(client.received)):
                    self._finish(number, closed=not part, started=started)
        except OSError as error:
            self._count_failure(f"{type(error).__name__}")
            self._close(client)
            self.open -= 1

    @staticmethod
    def _is_complete(received: bytes) -> bool:
        head, blank, body = received.partition(b"\r\n\r\n")
        if not blank:
            return False
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                return len(body) >= int(line.split(b":")[1])
        return False

    def _finish(self, number: int, *, closed: bool, started: float) -> None:
        client = self.clients[number]
        self.open -= 1
        status = (
            int(client.received.split(b" ", 2)[1]) if client.received.startswith(b"HTTP/1.") else 0
        )
        client.statuses.append(status)
        client.seconds.append(time.monotonic() - client.sent_at)
        client.marks.append(self.expected[number] in client.received)
        client.received = b""
        if closed:
            self._close(client)
        if client.requests:
            client.due += client.every
            heapq.heappush(self.timetable, (max(client.due, time.monotonic() - started), number))
        else:
            self._close(client)

    def _close(self, client: Client) -> None:
        if client.sock is not None:
            self.selector.unregister(client.sock)
            client.sock.close()
            client.sock = None

    def _count_failure(self, kind: str) -> None:
        self.failed[kind] = self.failed.get(kind, 0) + 1


def main() -> int:
    job: dict[str, Any] = json.load(sys.stdin)
    clients = [
        Client(
            address=machine["address"],
            due=machine["due"],
            requests=[text.encode() for text in machine["requests"]],
            every=job["every"],
            low=job["low"],
        )
        for machine in job["clients"]
    ]
    load = Load(clients, [machine["want"].encode() for machine in job["clients"]])
    seconds = load.run()
    statuses: dict[int, int] = {}
    for client in clients:
        for status in client.statuses:
            statuses[status] = statuses.get(status, 0) + 1
    result = {
        "seconds": seconds,
        "statuses": statuses,
        "failed": load.failed,
        "wrong": sum(not mark for client in clients for mark in client.marks),
        "latencies": sorted(second for client in clients for second in client.seconds),
        "cpu": time.process_time(),
    }
    json.dump(result, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
