# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster's network inside the kernel: namespaces on a bridge, without access to other networks.

``network()`` creates the frontend's namespace with a bridge that has its address.
``Network.client`` adds a machine as another namespace, ``Network.tap`` an interface for a virtual
machine. Nothing in it reaches the host's network.

A name contains its owner's process, so that the next run removes what a killed run has left. It
needs root and iproute2.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import itertools
import os
import pathlib
import re
import signal
from dataclasses import dataclass, field
from typing import Any, Callable, ContextManager, Iterator, Mapping, Optional, Sequence, TypeVar

from ansible_collections.npaci.rocks.plugins.module_utils import process

from .daemons import Daemon, daemon
from .waiting import until

T = TypeVar("T")

PREFIX = "rocks"
FOLDER = pathlib.Path("/run/netns")
# `ip link add br type bridge` would read "br" as the abbreviation of "broadcast".
BRIDGE = "br0"
# A fixed address, because a bridge otherwise takes the lowest one of its ports: a new machine could
# change it, and the others would send to the old one until their caches expire.
BRIDGE_MAC = "02:00:00:00:00:01"
SERVER_ADDRESS = "10.1.1.1/16"
CLONE_NEWNET = 0x40000000
IP_SECONDS = 60.0

_libc = ctypes.CDLL(None, use_errno=True)
_counter = itertools.count()


@dataclass(frozen=True)
class Namespace:
    """A machine on the network: its own interfaces, addresses, routes and ports."""

    name: str

    def argv(self, argv: Sequence[str]) -> list[str]:
        """Return a command that runs ``argv`` in this namespace."""
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, argv: Sequence[str], *, timeout: float, **options: Any) -> process.ProgramResult:
        """Run a program in this namespace to its end, with the options of ``process.run``."""
        return process.run(self.argv(argv), timeout=timeout, **options)

    def daemon(
        self, argv: Sequence[str], log: pathlib.Path, *, env: Optional[Mapping[str, str]] = None
    ) -> ContextManager[Daemon]:
        """Run a server in this namespace during a ``with`` block."""
        return daemon(self.argv(argv), log, env=env)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function of this process in this namespace; a socket that it opens stays there."""
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            return thread.submit(self._enter_and_call, function, arguments).result()

    def ip(self, *words: str) -> str:
        """Run ``ip`` with these words for the interfaces of this namespace."""
        return process.run(["ip", "-n", self.name, *words], timeout=IP_SECONDS).stdout

    def limit(self, interface: str, rate: str) -> None:
        """Limit the outgoing traffic of ``interface`` to a rate of tc (``100mbit``)."""
        bucket = ["rate", rate, "burst", "256k", "latency", "50ms"]
        self.run(
            ["tc", "qdisc", "replace", "dev", interface, "root", "tbf", *bucket], timeout=IP_SECONDS
        )

    def _enter_and_call(self, function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        with (FOLDER / self.name).open("rb") as file:
            # It applies to this thread only; Python has os.setns since 3.12.
            if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns to {self.name}")
        return function(*arguments)


@dataclass(frozen=True)
class Network:
    """A bridge in the frontend's namespace, and the machines on it."""

    server: Namespace
    _inside: contextlib.ExitStack = field(repr=False)
    _ports: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def client(self, label: str = "client", mac: str = "", rate: str = "") -> Namespace:
        """Add a machine to the bridge: a namespace with the interface ``eth0``, up and without an
        address.

        rate  the limit of its incoming traffic, as tc writes it (``8mbit``)
        """
        port = f"port{next(self._ports)}"
        client = self._inside.enter_context(_namespace(label))
        link = ["link", "add", port, "type", "veth", "peer", "name", "eth0"]
        self.server.ip(*link, *(["address", mac] if mac else []), "netns", client.name)
        self.server.ip("link", "set", port, "master", BRIDGE, "up")
        if rate:
            self.server.limit(port, rate)
        client.ip("link", "set", "eth0", "up")
        # Until then, the bridge drops the frames of the machine.
        until(
            lambda: "state forwarding" in self.server.ip("-d", "link", "show", port),
            IP_SECONDS,
            f"{port} to forward frames",
        )
        return client

    def tap(self) -> str:
        """Add a tap for a virtual machine, which must be started in ``server``; return its name."""
        name = f"tap{next(self._ports)}"
        self.server.ip("tuntap", "add", "dev", name, "mode", "tap")
        self.server.ip("link", "set", name, "master", BRIDGE, "up")
        return name

    def limit(self, rate: str) -> None:
        """Limit the frontend's traffic to all machines together, like its single network card."""
        self.server.limit(BRIDGE, rate)


@contextlib.contextmanager
def network(address: str = SERVER_ADDRESS) -> Iterator[Network]:
    """Create a network with the frontend's ``address`` on its bridge, until the block ends."""
    if os.geteuid() != 0:
        raise PermissionError("network namespaces require root: run these tests as root")
    remove_leftovers()
    with contextlib.ExitStack() as inside:
        server = inside.enter_context(_namespace("frontend"))
        server.ip(
            "link",
            "add",
            BRIDGE,
            "address",
            BRIDGE_MAC,
            "type",
            "bridge",
            "stp_state",
            "0",
            "forward_delay",
            "0",
        )
        server.ip("address", "add", address, "dev", BRIDGE)
        server.ip("link", "set", BRIDGE, "up")
        # A bridge without a running port has no carrier, and Kea then never answers.
        server.ip("link", "add", "carrier0", "type", "veth", "peer", "name", "carrier1")
        server.ip("link", "set", "carrier0", "master", BRIDGE, "up")
        server.ip("link", "set", "carrier1", "up")
        yield Network(server, inside)


def remove_leftovers() -> None:
    """Remove the namespaces of killed runs, and their processes."""
    for path in sorted(FOLDER.glob(f"{PREFIX}-[0-9]*.*-*")):
        owner = path.name.split("-")[1]
        # Other names are not of this module.
        if re.match(r"\d+\.\d+$", owner) and not is_alive(owner):
            _remove(path.name)


@contextlib.contextmanager
def _namespace(label: str) -> Iterator[Namespace]:
    name = f"{PREFIX}-{identity(os.getpid())}-{next(_counter)}-{label}"
    process.run(["ip", "netns", "add", name], timeout=IP_SECONDS)
    try:
        namespace = Namespace(name)
        namespace.ip("link", "set", "lo", "up")
        yield namespace
    finally:
        _remove(name)


def identity(pid: int) -> str:
    """Return the number and the start time of a process; "" if it does not run.

    The start time distinguishes it from a later process with the same number.
    """
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return f"{pid}.{text.rpartition(')')[2].split()[19]}"


def is_alive(owner: str) -> bool:
    """Return whether the process with this identity is running."""
    return identity(int(owner.partition(".")[0])) == owner


def _remove(name: str) -> None:
    result = process.run(["ip", "netns", "pids", name], timeout=IP_SECONDS, ok=(0, 1, 255))
    for pid in result.stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    process.run(["ip", "netns", "delete", name], timeout=IP_SECONDS, ok=(0, 1, 255))
