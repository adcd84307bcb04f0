# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A crowd of machines for benchmarks: thousands of connections, each from its own address, by one event loop.

Runs as a program in the frontend's namespace, where every node's address is local; reads jobs from standard input and
prints what became of them as JSON.
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
    """One machine: what it sends and when, and what came back."""

    address: str
    due: float
    requests: list[bytes]
    every: float = 0.0
    low: bool = False
    sock: Optional[socket.socket] = None
    waiting: bytes = b""
    got: bytes = b""
    asked: float = 0.0
    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    marks: list[bool] = field(default_factory=list)


class Crowd:
    """All clients in one loop; ``want`` is what a good answer holds, with the client's own mark in it."""

    def __init__(self, clients: list[Client], wants: list[bytes]) -> None:
        self.clients, self.wants = clients, wants
        self.selector = selectors.EpollSelector()
        self.timetable = [(client.due, number) for number, client in enumerate(clients)]
        heapq.heapify(self.timetable)
        self.open = 0
        self.failed: dict[str, int] = {}

    def run(self) -> float:
        """Until everybody has all answers; the seconds that it took."""
        started = time.monotonic()
        while (self.timetable or self.open) and time.monotonic() - started < SECONDS:
            now = time.monotonic() - started
            while self.timetable and self.timetable[0][0] <= now:
                self._ask(heapq.heappop(self.timetable)[1], started)
            pause = max(0.0, self.timetable[0][0] - now) if self.timetable else 0.5
            for key, mask in self.selector.select(min(pause, 0.5)):
                self._go_on(key.data, mask, started)
        return time.monotonic() - started

    def _ask(self, number: int, started: float) -> None:
        client = self.clients[number]
        client.asked = time.monotonic()
        client.waiting, client.got = client.requests.pop(0), b""
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
            # The kernel chooses the port at connect: so many addresses would exhaust the binding's table.
            client.sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            client.sock.bind((client.address, 0))

    def _go_on(self, number: int, mask: int, started: float) -> None:
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
                client.got += part
                if not part or (client.every and self._whole(client.got)):
                    self._answered(number, closed=not part, started=started)
        except OSError as error:
            self._count(f"{type(error).__name__}")
            self._close(client)
            self.open -= 1

    @staticmethod
    def _whole(got: bytes) -> bool:
        head, blank, body = got.partition(b"\r\n\r\n")
        if not blank:
            return False
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                return len(body) >= int(line.split(b":")[1])
        return False

    def _answered(self, number: int, *, closed: bool, started: float) -> None:
        client = self.clients[number]
        self.open -= 1
        status = int(client.got.split(b" ", 2)[1]) if client.got.startswith(b"HTTP/1.") else 0
        client.statuses.append(status)
        client.seconds.append(time.monotonic() - client.asked)
        client.marks.append(self.wants[number] in client.got)
        client.got = b""
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

    def _count(self, what: str) -> None:
        self.failed[what] = self.failed.get(what, 0) + 1


def main() -> int:
    job: dict[str, Any] = json.load(sys.stdin)
    clients = [
        Client(
            one["address"],
            one["due"],
            [text.encode() for text in one["requests"]],
            job["every"],
            job["low"],
        )
        for one in job["clients"]
    ]
    crowd = Crowd(clients, [one["want"].encode() for one in job["clients"]])
    seconds = crowd.run()
    statuses: dict[int, int] = {}
    for client in clients:
        for status in client.statuses:
            statuses[status] = statuses.get(status, 0) + 1
    result = {
        "seconds": seconds,
        "statuses": statuses,
        "failed": crowd.failed,
        "wrong": sum(not mark for client in clients for mark in client.marks),
        "latencies": sorted(second for client in clients for second in client.seconds),
        "cpu": time.process_time(),
    }
    json.dump(result, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
