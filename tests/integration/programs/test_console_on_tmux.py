"""The installer's screen over Ethernet (paper, 6.3): a real tmux session, a real telnet client,
several watchers.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import uuid
from typing import Callable, Iterator

import pytest

from support.ansible import ROOT
from support.daemons import Daemon, daemon
from support.oldestpython import oldest_python
from support.waiting import until

PROGRAM = ROOT / "xml" / "programs" / "console.py"
KEY = "a-key-for-one-order"
SECONDS = 20


class Session:
    """A tmux server that shows a shell, like the installer's second window."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.socket = f"rocks-{uuid.uuid4().hex[:8]}"
        self.folder = folder

    def tmux(self, *words: str) -> str:
        argv = ["tmux", "-L", self.socket, "-f", "/dev/null", *words]
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, env=self.env()
        ).stdout

    def env(self) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
        }

    def start(self, command: str = "echo READY; exec sh") -> None:
        """Start the session, even while the previous server is still ending."""

        def is_started() -> bool:
            self.tmux("new-session", "-d", "-s", "anaconda", "-x", "100", "-y", "30", command)
            return "anaconda" in self.tmux("list-sessions")

        until(is_started, SECONDS, "the session to start")

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "anaconda")


@pytest.fixture
def session(tmp_path: pathlib.Path) -> Iterator[Session]:
    """Yield a tmux session with anaconda's name."""
    session = Session(tmp_path)
    session.start()
    yield session
    session.tmux("kill-server")


@pytest.fixture
def console(session: Session, tmp_path: pathlib.Path) -> Iterator[tuple[int, Daemon]]:
    """Yield the port and the process of a console of the session."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    (tmp_path / "key").write_text(KEY + "\n")
    argv = [
        oldest_python(),
        str(PROGRAM),
        "--bind",
        "127.0.0.1",
        "--port",
        str(number),
        "--socket",
        session.socket,
    ]
    argv += ["--key-file", str(tmp_path / "key"), "--allow", "127.0.0.1"]
    with daemon(argv, tmp_path / "console.log", env=session.env()) as running:
        until(lambda: listens(number), SECONDS, "the console to listen")
        yield number, running
        assert running.alive(), running.output()


@pytest.fixture
def port(console: tuple[int, Daemon]) -> int:
    """Return the console's port."""
    return console[0]


def listens(number: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", number)) == 0


class Watcher:
    """A raw connection, and everything that it received."""

    def __init__(self, number: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", number))
        self.socket.setblocking(False)
        self.shown = b""
        self.open = True

    def read(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            while self.open:
                data = self.socket.recv(65536)
                self.open = bool(data)
                self.shown += data
        return self.shown

    def sees(self, text: str) -> None:
        until(lambda: text.encode() in self.read(), SECONDS, f"{text!r} on the screen")


@pytest.fixture
def watch(port: int) -> Iterator[Callable[[], Watcher]]:
    """Return a function that connects a client; all are closed at the end."""
    made: list[Watcher] = []

    def connect() -> Watcher:
        made.append(Watcher(port))
        return made[-1]

    yield connect
    for watcher in made:
        watcher.socket.close()


def test_a_client_sees_the_screen_without_typing(
    session: Session, watch: Callable[[], Watcher]
) -> None:
    watcher = watch()
    watcher.sees("watching")
    session.tmux("send-keys", "-t", "anaconda", "echo Installing glibc.x86_64 '(12/345)'", "Enter")
    watcher.sees("Installing glibc.x86_64 (12/345)")


def test_a_client_without_the_key_cannot_type(
    session: Session, watch: Callable[[], Watcher], tmp_path: pathlib.Path
) -> None:
    watcher = watch()
    watcher.sees("READY")
    watcher.socket.sendall(f"touch {tmp_path}/written\r\n".encode())
    watcher.sees("wrong key")
    session.tmux("send-keys", "-t", "anaconda", "echo later", "Enter")
    watcher.sees("later")
    assert not (tmp_path / "written").exists()


def test_a_client_with_the_key_can_type(
    session: Session, watch: Callable[[], Watcher], tmp_path: pathlib.Path
) -> None:
    driver = watch()
    driver.sees("READY")
    driver.socket.sendall(KEY.encode() + b"\r\n")
    driver.sees("controlling")
    until(
        lambda: "[" in session.tmux("list-clients", "-F", "[#{client_readonly}]"),
        SECONDS,
        "the driver to attach",
    )
    until(
        lambda: session.tmux("list-clients", "-F", "[#{client_readonly}]") == "[0]\n",
        SECONDS,
        "to drive",
    )
    driver.socket.sendall(f"touch {tmp_path}/written\r\n".encode())
    until((tmp_path / "written").exists, SECONDS, "the command to run")


def test_three_wrong_keys_end_the_connection(watch: Callable[[], Watcher]) -> None:
    guesser = watch()
    for _ in range(3):
        guesser.socket.sendall(b"guess\r\n")
    until(lambda: not (guesser.read() and guesser.open), SECONDS, "the connection to end")


def test_no_process_keeps_all_places(port: int, watch: Callable[[], Watcher]) -> None:
    typist, *others = [watch() for _place in range(8)]
    for watcher in (typist, *others):
        watcher.sees("READY")
    typist.socket.sendall(KEY.encode() + b"\r\n")
    typist.sees("controlling the session")
    refused = watch()
    until(lambda: not (refused.read() and refused.open), SECONDS, "the ninth client to be refused")

    with socket.socket() as root:
        root.bind(("127.0.0.1", 0x2FF))
        root.settimeout(SECONDS)
        root.connect(("127.0.0.1", port))
        assert root.recv(1), "root has places of its own"

    def newcomer() -> bool:
        client = watch()
        until(lambda: client.read() or not client.open, SECONDS, "an answer")
        return client.open

    until(newcomer, 2 * SECONDS, "a place of a client that only watches")
    until(lambda: not (others[0].read() and others[0].open), SECONDS, "the oldest one to end")
    typist.read()
    assert typist.open


def test_a_client_that_disconnects_does_not_disturb_the_others(
    session: Session, watch: Callable[[], Watcher]
) -> None:
    watchers = [watch() for _ in range(4)]
    for watcher in watchers:
        watcher.sees("READY")
    watchers[0].socket.close()
    session.tmux("send-keys", "-t", "anaconda", "echo still-here", "Enter")
    for watcher in watchers[1:]:
        watcher.sees("still-here")


def test_a_client_with_a_small_window_does_not_shrink_the_screen(
    session: Session, watch: Callable[[], Watcher], tmp_path: pathlib.Path
) -> None:
    screen = Session(tmp_path)  # the machine's own, on which the installer shows the session
    screen.start(f"TMUX= tmux -L {session.socket} attach-session -t anaconda")
    until(lambda: session.tmux("list-clients"), SECONDS, "the machine's own screen")
    watcher = watch()
    watcher.socket.sendall(bytes((255, 250, 31, 0, 20, 0, 5, 255, 240)))
    watcher.sees("READY")
    assert session.tmux("display-message", "-p", "-t", "anaconda", "#{window_width}") == "100\n"
    screen.tmux("kill-server")


def test_a_client_survives_the_start_and_the_end_of_sessions(
    session: Session, watch: Callable[[], Watcher]
) -> None:
    session.tmux("kill-server")
    watcher = watch()
    watcher.sees("watching")
    for word in ("first", "second"):
        session.start()
        session.tmux("send-keys", "-t", "anaconda", f"echo the-{word}-session", "Enter")
        watcher.sees(f"the-{word}-session")
        session.tmux("kill-server")


def test_hostile_bytes_do_not_disconnect_other_clients(
    session: Session, watch: Callable[[], Watcher]
) -> None:
    watcher = watch()
    watcher.sees("READY")
    hostile = watch()
    with contextlib.suppress(OSError):
        hostile.socket.setblocking(True)
        hostile.socket.settimeout(5)
        hostile.socket.sendall(bytes((255, 250, 24)) + b"A" * 100_000 + os.urandom(20_000))
    session.tmux("send-keys", "-t", "anaconda", "echo still-here", "Enter")
    watcher.sees("still-here")


def test_a_real_telnet_client_negotiates_its_window(
    port: int, session: Session, tmp_path: pathlib.Path
) -> None:
    outer = Session(tmp_path)
    command = f"telnet 127.0.0.1 {port}"
    try:
        outer.start(command)
        until(lambda: "READY" in outer.screen(), SECONDS, "the installer's screen in the client")
        sizes = session.tmux(
            "list-clients", "-F", "#{client_width}x#{client_height} #{client_termname}"
        )
        assert re.fullmatch(r"100x(29|30) tmux-256color\n|100x(29|30) screen\S*\n", sizes), sizes
        session.tmux("send-keys", "-t", "anaconda", "echo over-telnet", "Enter")
        until(lambda: "over-telnet" in outer.screen(), SECONDS, "the screen to follow")
    finally:
        outer.tmux("kill-server")


def test_a_console_uses_little_processor_time(
    console: tuple[int, Daemon], session: Session, watch: Callable[[], Watcher]
) -> None:
    watch().sees("READY")

    def used() -> int:
        return sum(
            map(int, pathlib.Path(f"/proc/{console[1].pid}/stat").read_text().split()[13:15])
        )

    before = used()
    session.tmux("send-keys", "-t", "anaconda", "seq 2000", "Enter")
    until(lambda: "2000" in session.screen(), SECONDS, "the screen to scroll")
    assert (
        used() - before <= 20
    )  # hundredths of a second of CPU, for a screen that scrolls 2,000 lines
