# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""eKV: the installer's screen on a telnet port (paper, 6.3), without a change to the installer.

Each connection gets its own terminal on anaconda's tmux session. A client watches; after typing
the install order's console key and Enter, it can also type into the session. Clients can connect
and disconnect at any time, before and after the session exists.

TELNET as in RFC 854, with ECHO (857), SUPPRESS-GO-AHEAD (858), window size (1073) and terminal
type (1091).

%pre starts this program with the installer's Python: standard library of Python 3.6 only.
"""

import argparse
import fcntl
import hmac
import os
import pty
import selectors
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

# Commands of TELNET.
SE = 240
BRK = 243
IP = 244
AYT = 246
SB = 250
WILL = 251
WONT = 252
DO = 253
DONT = 254
IAC = 255
# Options of TELNET.
BINARY = 0
ECHO = 1
SGA = 3
TTYPE = 24
NAWS = 31
SERVER_OPTIONS = (ECHO, SGA, BINARY)
CLIENT_OPTIONS = (SGA, NAWS, TTYPE, BINARY)
SEND = 1  # in a subnegotiation of TTYPE: request the name of the terminal
TERMINFO = ("/usr/share/terminfo", "/lib/terminfo", "/etc/terminfo")

# Any process of the frontend can connect, so no client that only watches keeps its place for ever:
# the oldest one makes room. Root, with a privileged port, has places of its own.
MAX_CLIENTS = 8
MAX_ROOT_CLIENTS = 4
PRIVILEGED = 1024
PROTECTED_SECONDS = 15.0  # in which a new client can type the key, with which it keeps its place
MAX_SUBNEGOTIATION = 64
MAX_OUTPUT = 1 << 18  # bytes waiting for a client; with more, it is disconnected
KEY_LENGTH = 256
KEY_ATTEMPTS = 3
NEGOTIATION_SECONDS = 0.3  # in which a client can send its window size and terminal type
RETRY_SECONDS = 2.0  # between two attempts to attach to the session


class Telnet:
    """The protocol of one connection, without input and output.

    ``replies`` collects the answers of the protocol. ``size`` is (rows, columns).
    """

    def __init__(self) -> None:
        self.replies = bytearray()
        self.size = (24, 80)
        self.terminal = "vt100"
        self._enabled: Dict[str, Set[int]] = {
            "server": {ECHO, SGA},
            "client": {SGA, NAWS, TTYPE},
        }
        for option in (ECHO, SGA):
            self.replies += bytes((IAC, WILL, option))
        for option in (SGA, NAWS, TTYPE):
            self.replies += bytes((IAC, DO, option))
        self._state: Callable[[int], None] = self._data
        self._verb = 0
        self._sub = bytearray()
        self._after_cr = False
        self._typed = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Process bytes from the network, and return the bytes that the user typed."""
        self._typed = bytearray()
        for byte in data:
            self._state(byte)
        return bytes(self._typed)

    def _data(self, byte: int) -> None:
        if byte == IAC:
            self._state = self._command
        elif self._after_cr and byte in (0, 10):  # CR NUL and CR LF are one Enter
            self._after_cr = False
        else:
            self._after_cr = byte == 13
            self._typed.append(byte)

    def _command(self, byte: int) -> None:
        self._state = self._data
        if byte == IAC:
            self._typed.append(byte)
        elif byte in (WILL, WONT, DO, DONT):
            self._verb = byte
            self._state = self._option
        elif byte == SB:
            self._sub = bytearray()
            self._state = self._subnegotiation
        elif byte == AYT:
            self.replies += b"\r\n[yes]\r\n"
        elif byte in (IP, BRK):
            self._typed.append(3)

    def _option(self, option: int) -> None:
        self._state = self._data
        if self._verb in (DO, DONT):
            self._negotiate("server", option, SERVER_OPTIONS, agree=WILL, decline=WONT)
        else:
            self._negotiate("client", option, CLIENT_OPTIONS, agree=DO, decline=DONT)

    def _negotiate(
        self, side: str, option: int, allowed: Tuple[int, ...], agree: int, decline: int
    ) -> None:
        enabled = self._enabled[side]
        if self._verb in (DO, WILL):
            # Only a change is answered: confirming confirmations would never end (RFC 854).
            if option not in enabled:
                if option in allowed:
                    enabled.add(option)
                self.replies += bytes((IAC, agree if option in allowed else decline, option))
            if side == "client" and option == TTYPE:
                self.replies += bytes((IAC, SB, TTYPE, SEND, IAC, SE))
        elif option in enabled:
            enabled.discard(option)
            self.replies += bytes((IAC, decline, option))

    def _subnegotiation(self, byte: int) -> None:
        if byte == IAC:
            self._state = self._subnegotiation_command
        elif len(self._sub) < MAX_SUBNEGOTIATION:
            self._sub.append(byte)

    def _subnegotiation_command(self, byte: int) -> None:
        self._state = self._data if byte == SE else self._subnegotiation
        if byte == SE:
            self._end_subnegotiation(bytes(self._sub))
        elif byte == IAC and len(self._sub) < MAX_SUBNEGOTIATION:
            self._sub.append(byte)

    def _end_subnegotiation(self, sub: bytes) -> None:
        if sub[:1] == bytes((NAWS,)) and len(sub) == 5:
            columns, rows = struct.unpack(">HH", sub[1:])
            if 1 <= columns <= 1000 and 1 <= rows <= 1000:
                self.size = (rows, columns)
        elif sub[:2] == bytes((TTYPE, 0)):
            name = sub[2:34].decode("ascii", "replace").lower()
            if name and all(letter.isalnum() or letter in "-+." for letter in name):
                self.terminal = name


def escape(data: bytes) -> bytes:
    """Escape terminal output for TELNET."""
    return data.replace(b"\xff", b"\xff\xff")


def supported_terminal(terminal: str) -> str:
    """Return the terminal type if this system has a description of it, and otherwise vt100."""
    paths = [os.path.join(folder, terminal[:1], terminal) for folder in TERMINFO]
    return terminal if any(os.path.exists(path) for path in paths) else "vt100"


class Client:
    """A connection and its terminal on the session. Methods raise OSError to close it."""

    def __init__(
        self,
        connection: socket.socket,
        options: argparse.Namespace,
        now: float,
        is_root: bool = False,
    ) -> None:
        self.connection = connection
        self.since = now
        self.is_root = is_root
        self.options = options
        self.telnet = Telnet()
        self.out = bytearray()
        self.terminal: Optional[int] = None
        self.child = 0
        self.attach_at: Optional[float] = now + NEGOTIATION_SECONDS
        self.can_type = False
        self.line = bytearray()
        self.wrong_keys = 0
        self.size: Optional[Tuple[int, int]] = None
        self.queue_replies()
        host = socket.gethostname().encode("ascii", "replace")
        hint = b"; to control the session, type the console key and Enter" if options.key else b""
        self.notify(b"console of %s, watching%s" % (host, hint))

    def notify(self, text: bytes) -> None:
        """Queue a message of this program."""
        self.out += b"\r\n[" + escape(text) + b"]\r\n"

    def queue_replies(self) -> None:
        """Queue the answers of the protocol."""
        self.out += self.telnet.replies
        del self.telnet.replies[:]

    def receive(self, data: bytes) -> None:
        """Pass typed bytes to the terminal, or without the key, collect them as a line."""
        typed = self.telnet.feed(data)
        self.queue_replies()
        self.resize()
        if self.can_type and self.terminal is not None:
            os.write(self.terminal, typed)
        elif not self.can_type:
            for byte in typed:
                self.receive_key_byte(byte)

    def receive_key_byte(self, byte: int) -> None:
        if byte not in (10, 13):
            if len(self.line) < KEY_LENGTH:
                self.line.append(byte)
            return
        line = bytes(self.line)
        self.line = bytearray()
        if not line:
            return
        if self.options.key and hmac.compare_digest(line, self.options.key):
            self.can_type = True
            self.notify(b"controlling the session; C-b d disconnects")
            self.detach()
            self.attach_at = 0
            return
        self.wrong_keys += 1
        self.notify(b"wrong key")
        if self.wrong_keys >= KEY_ATTEMPTS:
            raise OSError("too many wrong keys")

    def attach(self) -> None:
        """Start tmux on a new terminal."""
        command = (
            ["tmux"]
            + (["-L", self.options.socket] if self.options.socket else [])
            + ["-u", "attach-session"]
        )
        command += ["-t", self.options.session]
        if not self.can_type:
            command += self.options.watching
        self.attach_at = None
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.environ.update(TERM=supported_terminal(self.telnet.terminal), LANG="C.UTF-8")
            os.environ.pop("TMUX", None)
            try:
                os.execvp(command[0], command)
            finally:
                os._exit(127)
        self.size = None
        self.resize()

    def resize(self) -> None:
        """Give the terminal the size of the client's window."""
        if self.terminal is not None and self.size != self.telnet.size:
            self.size = self.telnet.size
            fcntl.ioctl(
                self.terminal,
                termios.TIOCSWINSZ,
                struct.pack("HHHH", self.size[0], self.size[1], 0, 0),
            )

    def read_terminal(self, now: float) -> None:
        """Queue the terminal's output.

        If tmux has ended, the user has detached, or the session does not exist yet.
        """
        if self.terminal is None:
            return
        try:
            data = os.read(self.terminal, 65536)
        except OSError:  # Linux: EIO when the last process of a terminal has ended
            data = b""
        if data:
            self.out += escape(data)
            return
        has_detached = self.detach() == 0
        if has_detached and self.can_type:
            raise OSError("detached")
        self.attach_at = now + RETRY_SECONDS

    def detach(self) -> Optional[int]:
        """Close the terminal, and return the exit status of its tmux, or None."""
        if self.terminal is None:
            return None
        os.close(self.terminal)
        self.terminal = None
        try:
            os.kill(self.child, signal.SIGHUP)
            status = os.waitpid(self.child, 0)[1]
        except OSError:
            return None
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None

    def send(self) -> None:
        if self.out:
            del self.out[: self.connection.send(self.out)]
        if len(self.out) > MAX_OUTPUT:
            raise OSError("does not read")

    def close(self) -> None:
        self.detach()
        self.connection.close()


def serve(listener: socket.socket, options: argparse.Namespace) -> None:
    """Show the session to all clients; never returns."""
    clients: List[Client] = []
    while True:
        now = time.monotonic()
        ready = wait(listener, clients, now)
        if listener in ready:
            admit(listener, clients, options)
        for client in list(clients):
            try:
                step(client, ready, now)
            except BlockingIOError:
                pass
            except OSError:
                client.close()
                clients.remove(client)


def wait(listener: socket.socket, clients: List[Client], now: float) -> Set[Any]:
    """Wait for input or until an attachment is due, and return what is readable."""
    due = [client.attach_at for client in clients if client.attach_at is not None]
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        for client in clients:
            selector.register(
                client.connection,
                selectors.EVENT_READ | (selectors.EVENT_WRITE if client.out else 0),
            )
            if client.terminal is not None and len(client.out) < MAX_OUTPUT // 2:
                selector.register(client.terminal, selectors.EVENT_READ)
        events = selector.select(max(0, min(due) - now) if due else None)
    return {key.fileobj for key, mask in events if mask & selectors.EVENT_READ}


def admit(listener: socket.socket, clients: List[Client], options: argparse.Namespace) -> None:
    """Accept a connection, and close it if its address is not allowed or no place is free."""
    try:
        connection, address = listener.accept()
    except OSError:  # the client has disconnected already
        return
    now = time.monotonic()
    is_root = address[1] < PRIVILEGED
    if (options.allow and address[0] not in options.allow) or not free_place(clients, is_root, now):
        connection.close()
        return
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    clients.append(Client(connection, options, now, is_root))


def free_place(clients: List[Client], is_root: bool, now: float) -> bool:
    """Return whether a new client has a place; the oldest one that only watches can lose it."""
    others = [client for client in clients if client.is_root == is_root]
    if len(others) < (MAX_ROOT_CLIENTS if is_root else MAX_CLIENTS):
        return True
    for client in others:
        if not client.can_type and now - client.since >= PROTECTED_SECONDS:
            client.close()
            clients.remove(client)
            return True
    return False


def step(client: Client, ready: Set[Any], now: float) -> None:
    """Do what is due for a client. Raises OSError when it must be closed."""
    if client.attach_at is not None and client.attach_at <= now:
        client.attach()
    if client.connection in ready:
        data = client.connection.recv(4096)
        if not data:
            raise OSError("closed")
        client.receive(data)
    if client.terminal is not None and client.terminal in ready:
        client.read_terminal(now)
    client.send()


def watching_flags() -> List[str]:
    """Return tmux's flags for a read-only client.

    From tmux 3.2 on, small windows of such clients do not shrink the installer's screen.
    """
    version: Tuple[int, ...] = ()
    try:
        output = subprocess.check_output(["tmux", "-V"]).decode("ascii", "replace")
        digits = "".join(letter if letter.isdigit() else " " for letter in output)
        version = tuple(int(part) for part in digits.split()[:2])
    except (OSError, subprocess.CalledProcessError):
        pass
    return ["-r", "-f", "ignore-size"] if version >= (3, 2) else ["-r"]


def arguments(argv: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Show the installer's screen on a telnet port.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--bind", default="0.0.0.0")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        help="an address that can connect; without this option, all can",
    )
    parser.add_argument("--session", default="anaconda", help="the tmux session to show")
    parser.add_argument(
        "--socket", default="", help="the name of tmux's socket, if it is not the default"
    )
    parser.add_argument("--key-file", help="a file with the console key")
    parser.add_argument(
        "--new-session", action="store_true", help="survive the script that starts this program"
    )
    options = parser.parse_args(argv)
    options.key = b""
    if options.key_file:
        with open(options.key_file, "rb") as file:
            options.key = file.read().strip()
    options.watching = watching_flags()
    return options


def main() -> None:
    options = arguments(sys.argv[1:])
    # The installer's image does not contain setsid.
    if options.new_session and os.getsid(0) != os.getpid():
        os.setsid()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.bind, options.port))
    listener.listen(MAX_CLIENTS)
    listener.setblocking(False)
    serve(listener, options)


if __name__ == "__main__":
    main()
