# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""eKV: the installer's screen, live, on a telnet port (paper, 6.3), without a change to the installer.

Each connection gets a terminal of its own on the tmux session that anaconda runs in.  It watches; who types the
install order's console key and Enter, drives.  Connections may come and go, before the session exists and after.
TELNET as in RFC 854, with ECHO (857), SUPPRESS-GO-AHEAD (858), window size (1073) and terminal type (1091).

Standard library of Python 3.6, since it is started from %pre on whatever Python the installer has.
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

SE, NOP, BRK, IP, AYT, SB, WILL, WONT, DO, DONT, IAC = (
    240,
    241,
    243,
    244,
    246,
    250,
    251,
    252,
    253,
    254,
    255,
)
BINARY, ECHO, SGA, TTYPE, NAWS = 0, 1, 3, 24, 31
OURS = (ECHO, SGA, BINARY)  # what we do when asked
THEIRS = (SGA, NAWS, TTYPE, BINARY)  # what we ask of them
SEND = 1  # TTYPE: name your terminal
TERMINFO = ("/usr/share/terminfo", "/lib/terminfo", "/etc/terminfo")

MOST_CLIENTS = 8
MOST_SUBNEGOTIATION = 64
MOST_WAITING = 1 << 18  # bytes for a client that does not read; then it is dropped
KEY_LENGTH = 256
TRIES = 3
SETTLE = 0.3  # seconds in which the other side may tell its window's size and its terminal
RETRY = 2.0  # seconds between two tries to attach


class Telnet:
    """The protocol of one connection, from bytes to bytes.

    feed() returns what the user typed; ``replies`` collects what the protocol answers, ``size`` is (rows, columns).
    """

    def __init__(self):
        self.replies = bytearray()
        self.size = (24, 80)
        self.terminal = "vt100"
        self._enabled = {"ours": {ECHO, SGA}, "theirs": {SGA, NAWS, TTYPE}}
        for option in (ECHO, SGA):
            self.replies += bytes((IAC, WILL, option))
        for option in (SGA, NAWS, TTYPE):
            self.replies += bytes((IAC, DO, option))
        self._state = self._data
        self._verb = 0
        self._sub = bytearray()
        self._after_cr = False
        self._typed = bytearray()

    def feed(self, data):
        self._typed = bytearray()
        for byte in data:
            self._state(byte)
        return bytes(self._typed)

    def _data(self, byte):
        if byte == IAC:
            self._state = self._command
        elif self._after_cr and byte in (0, 10):  # CR NUL and CR LF are one Enter
            self._after_cr = False
        else:
            self._after_cr = byte == 13
            self._typed.append(byte)

    def _command(self, byte):
        self._state = self._data
        if byte == IAC:
            self._typed.append(byte)
        elif byte in (WILL, WONT, DO, DONT):
            self._verb, self._state = byte, self._option
        elif byte == SB:
            self._sub, self._state = bytearray(), self._subnegotiation
        elif byte == AYT:
            self.replies += b"\r\n[yes]\r\n"
        elif byte in (IP, BRK):
            self._typed.append(3)

    def _option(self, option):
        self._state = self._data
        side, allowed, yes, no = (
            ("ours", OURS, WILL, WONT) if self._verb in (DO, DONT) else ("theirs", THEIRS, DO, DONT)
        )
        enabled = self._enabled[side]
        if self._verb in (DO, WILL):
            # An answer only to a change: two sides that confirm confirmations never end (RFC 854).
            if option not in enabled:
                if option in allowed:
                    enabled.add(option)
                self.replies += bytes((IAC, yes if option in allowed else no, option))
            if side == "theirs" and option == TTYPE:
                self.replies += bytes((IAC, SB, TTYPE, SEND, IAC, SE))
        elif option in enabled:
            enabled.discard(option)
            self.replies += bytes((IAC, no, option))

    def _subnegotiation(self, byte):
        if byte == IAC:
            self._state = self._subnegotiation_command
        elif len(self._sub) < MOST_SUBNEGOTIATION:
            self._sub.append(byte)

    def _subnegotiation_command(self, byte):
        self._state = self._data if byte == SE else self._subnegotiation
        if byte == SE:
            self._subnegotiated(bytes(self._sub))
        elif byte == IAC and len(self._sub) < MOST_SUBNEGOTIATION:
            self._sub.append(byte)

    def _subnegotiated(self, sub):
        if sub[:1] == bytes((NAWS,)) and len(sub) == 5:
            columns, rows = struct.unpack(">HH", sub[1:])
            if 1 <= columns <= 1000 and 1 <= rows <= 1000:
                self.size = (rows, columns)
        elif sub[:2] == bytes((TTYPE, 0)):
            name = sub[2:34].decode("ascii", "replace").lower()
            if name and all(letter.isalnum() or letter in "-+." for letter in name):
                self.terminal = name


def plain(data):
    """Bytes of a terminal as TELNET carries them."""
    return data.replace(b"\xff", b"\xff\xff")


def described(terminal):
    """The terminal, when this system has a description of it; else one that all terminals understand."""
    paths = [os.path.join(folder, terminal[:1], terminal) for folder in TERMINFO]
    return terminal if any(os.path.exists(path) for path in paths) else "vt100"


class Watcher:
    """One connection and, once it has settled, its terminal on the session.  Raises OSError when it is over."""

    def __init__(self, connection, options, now):
        self.connection, self.options = connection, options
        self.telnet = Telnet()
        self.out = bytearray()
        self.terminal = self.child = None
        self.attach_at = now + SETTLE
        self.drives = False
        self.line = bytearray()
        self.wrong = 0
        self.size = None
        self.answer()
        host = socket.gethostname().encode("ascii", "replace")
        self.say(
            b"console of %s, watching%s"
            % (host, b"; type the console key and Enter to drive" if options.key else b"")
        )

    def say(self, text):
        self.out += b"\r\n[" + plain(text) + b"]\r\n"

    def answer(self):
        """Send what the protocol has to say: first of all its greeting."""
        self.out += self.telnet.replies
        del self.telnet.replies[:]

    def typed(self, data):
        """What came from the network: to the terminal of who drives, else into the line that may be the key."""
        for_us = self.telnet.feed(data)
        self.answer()
        self.fit()
        if self.drives and self.terminal is not None:
            os.write(self.terminal, for_us)
        elif not self.drives:
            for byte in for_us:
                self.key_byte(byte)

    def key_byte(self, byte):
        if byte not in (10, 13):
            if len(self.line) < KEY_LENGTH:
                self.line.append(byte)
            return
        line, self.line = bytes(self.line), bytearray()
        if not line:
            return
        if self.options.key and hmac.compare_digest(line, self.options.key):
            self.drives = True
            self.say(b"driving; C-b d leaves")
            self.detach()
            self.attach_at = 0
            return
        self.wrong += 1
        self.say(b"not the key")
        if self.wrong >= TRIES:
            raise OSError("three wrong keys")

    def attach(self):
        """Start tmux on a terminal of its own."""
        command = (
            ["tmux"]
            + (["-L", self.options.socket] if self.options.socket else [])
            + ["-u", "attach-session"]
        )
        command += ["-t", self.options.session]
        if not self.drives:
            command += self.options.watching
        self.attach_at = None
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.environ.update(TERM=described(self.telnet.terminal), LANG="C.UTF-8")
            os.environ.pop("TMUX", None)
            try:
                os.execvp(command[0], command)
            finally:
                os._exit(127)
        self.size = None
        self.fit()

    def fit(self):
        """Give the terminal the size of the other side's window."""
        if self.terminal is not None and self.size != self.telnet.size:
            self.size = self.telnet.size
            fcntl.ioctl(
                self.terminal,
                termios.TIOCSWINSZ,
                struct.pack("HHHH", self.size[0], self.size[1], 0, 0),
            )

    def shown(self, now):
        """What the terminal shows goes out.  When tmux ended: a wish to leave, or no session yet."""
        try:
            data = os.read(self.terminal, 65536)
        except OSError:  # Linux: EIO when the last process of a terminal has ended
            data = b""
        if data:
            self.out += plain(data)
            return
        left = self.detach() == 0
        if left and self.drives:
            raise OSError("detached")
        self.attach_at = now + RETRY

    def detach(self):
        """End the terminal; the exit status of its tmux, or None."""
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

    def send(self):
        if self.out:
            del self.out[: self.connection.send(self.out)]
        if len(self.out) > MOST_WAITING:
            raise OSError("does not read")

    def close(self):
        self.detach()
        self.connection.close()


def serve(listener, options):
    """Show the session to whoever connects, for ever."""
    watchers = []
    while True:
        now = time.monotonic()
        ready = wait(listener, watchers, now)
        if listener in ready:
            admit(listener, watchers, options)
        for watcher in list(watchers):
            try:
                step(watcher, ready, now)
            except BlockingIOError:
                pass
            except OSError:
                watcher.close()
                watchers.remove(watcher)


def wait(listener, watchers, now):
    """Sleep until something can be done: the set of what can be read."""
    due = [watcher.attach_at for watcher in watchers if watcher.attach_at is not None]
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        for watcher in watchers:
            selector.register(
                watcher.connection,
                selectors.EVENT_READ | (selectors.EVENT_WRITE if watcher.out else 0),
            )
            if watcher.terminal is not None and len(watcher.out) < MOST_WAITING // 2:
                selector.register(watcher.terminal, selectors.EVENT_READ)
        events = selector.select(max(0, min(due) - now) if due else None)
    return {key.fileobj for key, mask in events if mask & selectors.EVENT_READ}


def admit(listener, watchers, options):
    try:
        connection, address = listener.accept()
    except OSError:  # gone again before we came to it
        return
    if (options.allow and address[0] not in options.allow) or len(watchers) >= MOST_CLIENTS:
        connection.close()
        return
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    watchers.append(Watcher(connection, options, time.monotonic()))


def step(watcher, ready, now):
    if watcher.attach_at is not None and watcher.attach_at <= now:
        watcher.attach()
    if watcher.connection in ready:
        data = watcher.connection.recv(4096)
        if not data:
            raise OSError("closed")
        watcher.typed(data)
    if watcher.terminal is not None and watcher.terminal in ready:
        watcher.shown(now)
    watcher.send()


def watching_flags():
    """How to attach without a say: a watcher's small window must not shrink the installer's screen (tmux 3.2)."""
    try:
        said = subprocess.check_output(["tmux", "-V"]).decode("ascii", "replace")
        version = tuple(
            int(part) for part in "".join(c if c.isdigit() else " " for c in said).split()[:2]
        )
    except (OSError, subprocess.CalledProcessError):
        version = ()
    return ["-r", "-f", "ignore-size"] if version >= (3, 2) else ["-r"]


def arguments(argv):
    parser = argparse.ArgumentParser(description="Show the installer's screen on a telnet port.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--bind", default="0.0.0.0")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        help="an address that may connect; all, if none is given",
    )
    parser.add_argument("--session", default="anaconda", help="the tmux session to show")
    parser.add_argument(
        "--socket", default="", help="the name of tmux's socket, where it is not the default one"
    )
    parser.add_argument("--key-file", help="one line; who types it may drive")
    parser.add_argument(
        "--new-session", action="store_true", help="outlive the script that starts this program"
    )
    options = parser.parse_args(argv)
    options.key = b""
    if options.key_file:
        with open(options.key_file, "rb") as file:
            options.key = file.read().strip()
    options.watching = watching_flags()
    return options


def main():
    options = arguments(sys.argv[1:])
    # The setsid command is not in the installer's image.
    if options.new_session and os.getsid(0) != os.getpid():
        os.setsid()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.bind, options.port))
    listener.listen(MOST_CLIENTS)
    listener.setblocking(False)
    serve(listener, options)


if __name__ == "__main__":
    main()
