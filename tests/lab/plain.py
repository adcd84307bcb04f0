# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plain frontend: a hand-written DHCP configuration, a hand-written kickstart, and a web
server.

With it you can test the lab itself, without any code of the product. It boots a machine into the
installer until the machine reports that it is installed, and from then on from its disk.
"""

from __future__ import annotations

import contextlib
import http.server
import pathlib
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Mapping, NamedTuple
from urllib.parse import unquote, urlsplit

from support.daemons import Daemon
from support.namespaces import Network

ADDRESS = "10.1.1.1"
URL = f"http://{ADDRESS}"
IPXE = {"undionly.kpxe": "/usr/lib/ipxe/undionly.kpxe", "ipxe.efi": "/usr/lib/ipxe/ipxe.efi"}
DHCP = """\
port=0
interface=br0
bind-interfaces
user=root
log-dhcp
dhcp-range=10.1.0.0,static,255.255.0.0,12h
dhcp-hostsfile={folder}/hosts
dhcp-leasefile={folder}/leases
pid-file={folder}/pid
dhcp-option=option:router,10.1.1.1
dhcp-match=set:ipxe,175
dhcp-match=set:efi64,option:client-arch,7
dhcp-match=set:http64,option:client-arch,16
dhcp-boot=tag:ipxe,http://10.1.1.1/boot.ipxe
dhcp-boot=tag:!ipxe,tag:efi64,ipxe.efi
dhcp-option-force=tag:http64,60,HTTPClient
dhcp-boot=tag:!ipxe,tag:http64,http://10.1.1.1/ipxe.efi
dhcp-boot=tag:!ipxe,tag:!efi64,tag:!http64,undionly.kpxe
enable-tftp
tftp-root={folder}/tftp
"""
INSTALL = """\
#!ipxe
kernel @URL@/tree/images/pxeboot/vmlinuz initrd=initrd.img console=ttyS0,115200 quiet \
mitigations=off inst.ks=@URL@/ks/@ADDRESS@ inst.repo=@URL@/tree inst.ks.sendmac \
BOOTIF=01-${net0/mac:hexhyp}
initrd @URL@/tree/images/pxeboot/initrd.img
boot
"""
# The status means "failed": after a success, UEFI firmware shows its menu instead of trying the
# disk.
LOCAL = "#!ipxe\nexit 1\n"


class Event(NamedTuple):
    """A request: its time (``time.monotonic``), the client's address, the path, and the headers."""

    when: float
    address: str
    path: str
    headers: Mapping[str, str]


@dataclass
class Frontend:
    """The requests so far, and the answers for each machine.

    responses  path -> function from the client's address to the text of the answer
    """

    folders: dict[str, pathlib.Path]
    dhcp: Daemon
    kickstarts: dict[str, str] = field(default_factory=dict)
    responses: dict[str, Callable[[str], str]] = field(default_factory=dict)
    installed: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)

    def requests(self, address: str, path: str, since: float = 0.0) -> list[Event]:
        """Return the requests of a machine for a path or a path below it."""
        return [
            event
            for event in list(self.events)
            if event.address == address and event.path.startswith(path) and event.when >= since
        ]

    def reinstall(self, address: str, kickstart: str) -> None:
        """Boot this machine into the installer from now on, with this kickstart."""
        self.kickstarts[address] = kickstart
        self.installed.discard(address)

    def answer(self, address: str, path: str) -> bytes:
        """Return the generated answer for a client; b"" if the path is not a generated one."""
        if path == "/boot.ipxe":
            return (
                LOCAL
                if address in self.installed
                else INSTALL.replace("@URL@", URL).replace("@ADDRESS@", address)
            ).encode()
        if path == f"/ks/{address}":
            return self.kickstarts[address].encode()
        if path in self.responses:
            return self.responses[path](address).encode()
        if path == "/event/installed":
            self.installed.add(address)
        return b"noted\n" if path.startswith("/event/") else b""

    def file(self, path: str) -> pathlib.Path:
        """Return the file for a path whose answer is not generated."""
        first, _, relative = path.lstrip("/").partition("/")
        return (
            self.folders[first] / relative
            if first in self.folders
            else pathlib.Path("/nonexistent")
        )


@contextlib.contextmanager
def frontend(
    net: Network,
    folder: pathlib.Path,
    hosts: Mapping[str, str],
    folders: Mapping[str, pathlib.Path],
) -> Iterator[Frontend]:
    """Serve DHCP and HTTP for the machines in ``hosts`` (MAC -> "address,name").

    folders  first part of a path -> the folder that is served there
    """
    folder.mkdir(parents=True, exist_ok=True)
    with dhcp(net, folder, hosts) as server:
        state = Frontend(dict(folders), server)
        with _web_server(net, state):
            yield state


@contextlib.contextmanager
def dhcp(net: Network, folder: pathlib.Path, hosts: Mapping[str, str]) -> Iterator[Daemon]:
    """Run dnsmasq with the hand-written configuration."""
    tftp = folder / "tftp"
    tftp.mkdir(exist_ok=True)
    for name, source in IPXE.items():
        (tftp / name).write_bytes(pathlib.Path(source).read_bytes())
    (folder / "hosts").write_text("".join(f"{mac},{value}\n" for mac, value in hosts.items()))
    (folder / "dnsmasq.conf").write_text(DHCP.format(folder=folder))
    argv = [
        "dnsmasq",
        "--keep-in-foreground",
        f"--conf-file={folder}/dnsmasq.conf",
        "--log-facility=-",
    ]
    with net.server.daemon(argv, folder / "dnsmasq.log") as server:
        server.wait_for("read ", 10)
        yield server


@contextlib.contextmanager
def _web_server(net: Network, state: Frontend) -> Iterator[None]:
    class Handler(_Handler):
        frontend = state

    listening = net.server.call(lambda: socket.create_server((ADDRESS, 80), backlog=256))
    server = http.server.ThreadingHTTPServer((ADDRESS, 80), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    frontend: Frontend

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        address = self.client_address[0]
        self.frontend.events.append(Event(time.monotonic(), address, self.path, dict(self.headers)))
        body = self.frontend.answer(address, path)
        if body:
            self._send(len(body))
            self.wfile.write(body)
            return
        file = IPXE.get(path.lstrip("/"), str(self.frontend.file(path)))
        try:
            self._send_file(pathlib.Path(file))
        except FileNotFoundError:
            self.send_error(404)

    do_POST = do_GET
    do_HEAD = do_GET

    def _send_file(self, path: pathlib.Path) -> None:
        with path.open("rb") as file:
            size = path.stat().st_size
            self._send(size)
            if self.command != "HEAD":
                self.connection.sendfile(file)

    def _send(self, size: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def handle(self) -> None:
        # OVMF resets its connection after a download.
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:
        pass
