# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The progress program: what a node runs to talk to the frontend while it is installed, and when it came up.

    progress.py watch                follow the installer's screen, and report progress until it ends
    progress.py say PHASE            report one phase (installed, failed, up): until it is heard, or the time is over
    progress.py hardware             count the machine, and report it once
    progress.py secrets --into DIR   take the secrets of this order, once, each into a file of its own
    progress.py authority --into FILE BASE64
                                     write the certificate that the frontend's must descend from, as PEM

Exit status: 0 heard; 4 refused, and it will not change; 5 not heard in the given time.

The frontend listens only to a privileged source port, which a user on the node cannot have. Nothing here may delay or
stop an installation: ``watch`` has short time limits and swallows what goes wrong on the network.

Standard library of Python 3.6, since it is started from %pre on whatever Python the installer has.
"""

import argparse
import base64
import hashlib
import hmac
import http.client
import json
import os
import random
import re
import ssl
import subprocess
import sys
import time
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import urlsplit

LOW_PORTS = (600, 1023)
BIND_TRIES = 30
SAY_SECONDS = 300.0
WATCH_TIMEOUT = 3.0
POLL_SECONDS = 0.5
SLOWEST_SECONDS = 60.0
LOG_CHARACTERS = 4000
SCREEN_BYTES = 1 << 18
MESSAGE_CHARACTERS = 200
REFUSED_STATUS = 4
UNHEARD_STATUS = 5
AUTHORITIES = (
    "/run/rocks/authority.pem",
    "/etc/rocks/authority.pem",
)  # in the installer, and on the installed node

# The installer's text screen, as releases 8 to 10 and Fedora word it: the first row that matches wins.
PHASES = tuple(
    (re.compile(pattern), phase)
    for pattern, phase in (
        (
            r"An unknown error has occurr?ed|This is a fatal error|Kickstart error|aborting installation",
            "failed",
        ),
        (r"Setting up the installation environment|Starting automated install", "setup"),
        (r"Configuring storage|Creating \S+ on ", "format"),
        (
            r"Downloading packages|Downloading (?P<total>\d+) RPMs, .*?\((?P<percent>\d+)%\)",
            "download",
        ),
        (r"(?:Installing|Upgrading) (?P<item>\S+) \((?P<done>\d+)/(?P<total>\d+)\)", "install"),
        (r"Starting package installation process|Preparing transaction from", "install"),
        (
            r"(?:Verifying|Configuring) (?P<item>\S+\.\w+)(?: \((?P<done>\d+)/(?P<total>\d+)\))?",
            "posttrans",
        ),
        (r"Performing post-installation setup tasks", "posttrans"),
        (r"Installing boot loader", "bootloader"),
        (r"Configuring installed system|Writing network configuration|Creating users", "configure"),
        (r"Configuring addons|Generating initramfs", "configure"),
        (r"Running post-installation scripts", "post"),
        (r"Installation complete", "end"),
    )
)
ACCELERATOR_MAKERS = ("0x10de", "0x1002")  # NVIDIA, AMD
LAST_PHASES = ("end", "failed")
CONTROL = re.compile(
    r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Za-z0-9]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1f\x7f]"
)

Event = Dict[str, Any]


class Frontend(NamedTuple):
    """Where the frontend is, and the order that this machine is installed by."""

    url: str
    order: str
    ca: str = ""


class Answer(NamedTuple):
    status: int
    body: bytes
    retry_after: float


class Unheard(Exception):
    """The frontend gave no answer."""


def low_ports() -> Iterator[int]:
    """Privileged ports in random order, few enough that a full table does not stop us for long."""
    return iter(random.sample(range(LOW_PORTS[0], LOW_PORTS[1] + 1), BIND_TRIES))


class Line:
    """A connection to the frontend that is kept between messages, from a privileged port when we may have one."""

    def __init__(self, frontend: Frontend, timeout: float) -> None:
        self.frontend, self.timeout = frontend, timeout
        self.connection = None  # type: Optional[http.client.HTTPConnection]

    def post(self, path: str, message: Mapping[str, Any]) -> Answer:
        """Send one message. Raises Unheard; a kept connection that the frontend has closed is tried once anew."""
        kept = self.connection is not None
        try:
            return self._post(path, message)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            # Only a connection that was idle: the frontend closed it before it could read the message.
            if not kept or not isinstance(error, (http.client.RemoteDisconnected, BrokenPipeError)):
                raise Unheard(str(error) or type(error).__name__) from error
        try:
            return self._post(path, message)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unheard(str(error) or type(error).__name__) from error

    def _post(self, path: str, message: Mapping[str, Any]) -> Answer:
        if self.connection is None:
            self.connection = self._open()
        self.connection.request(
            "POST", path, json.dumps(message), {"Content-Type": "application/json"}
        )
        response = self.connection.getresponse()
        body = response.read()
        seconds = response.getheader("Retry-After", "")
        if response.will_close:
            self.close()
        return Answer(response.status, body, float(seconds) if seconds.isdigit() else 0.0)

    def _open(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.frontend.url)
        for port in low_ports():
            connection = self._connection(parts.scheme, parts.hostname or "", parts.port, port)
            try:
                connection.connect()
                return connection
            except OSError as error:
                connection.close()
                if error.errno != 98:  # EADDRINUSE: another program has this port
                    raise
        raise OSError("no privileged port is free")

    def _connection(
        self, scheme: str, host: str, port: Optional[int], source: int
    ) -> http.client.HTTPConnection:
        if scheme == "https":
            context = ssl.create_default_context(cafile=self.frontend.ca or None)
            return http.client.HTTPSConnection(
                host, port, timeout=self.timeout, source_address=("", source), context=context
            )
        return http.client.HTTPConnection(
            host, port, timeout=self.timeout, source_address=("", source)
        )

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def recognise(line: str) -> Optional[Event]:
    """The progress that one line of the installer's screen tells, or None."""
    for pattern, phase in PHASES:
        match = pattern.search(line)
        if match:
            return event(phase, line, match.groupdict())
    return None


def event(phase: str, line: str, found: Mapping[str, Optional[str]]) -> Event:
    result = {"phase": phase, "message": line.strip()[:MESSAGE_CHARACTERS]}  # type: Event
    if found.get("percent"):
        result.update(done=int(found["percent"] or 0), total=100)
    elif found.get("total") and found.get("done"):
        result.update(done=int(found["done"] or 0), total=int(found["total"] or 0))
    return result


def new_lines(path: str, position: int, rest: str) -> Tuple[List[str], int, str]:
    """What was added to the screen's file since ``position``: whole lines, the new position, the unfinished line.

    A screen that grew by more than SCREEN_BYTES is entered at its end: only the newest progress matters.
    """
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size - position > SCREEN_BYTES:
                position, rest = size - SCREEN_BYTES, ""
            file.seek(position)
            data = file.read(SCREEN_BYTES)
    except OSError:
        return [], position, rest
    text = rest + CONTROL.sub("", data.decode("utf-8", "replace").replace("\r", "\n"))
    lines = text.split("\n")
    return lines[:-1], position + len(data), lines[-1][-SCREEN_BYTES:]


def tail(paths: List[str]) -> str:
    """The last lines of some log files, newest file last, no longer than LOG_CHARACTERS together."""
    share = LOG_CHARACTERS // max(1, len(paths))
    parts = []
    for path in paths:
        try:
            with open(path, "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - share))
                text = CONTROL.sub("", file.read().decode("utf-8", "replace").replace("\r", "\n"))
        except OSError:
            continue
        parts.append("==> %s\n%s" % (path, text[-share:].lstrip("\n")))
    return "\n".join(parts)


def pipe_screen(screen: str) -> None:
    """Ask the installer's tmux to copy what it shows into a file. It is no failure when there is none."""
    command = ["tmux", "pipe-pane", "-o", "-t", "anaconda:main", "cat >> '%s'" % screen]
    try:
        subprocess.call(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError as error:
        print("tmux: %s" % error, file=sys.stderr)


class Pace:
    """When the next progress may be sent: a new phase at once, counts once an interval, less when nobody answers."""

    def __init__(self, interval: float) -> None:
        self.interval, self.wait, self.due, self.phase = interval, interval, 0.0, ""

    def may_send(self, event: Event, now: float) -> bool:
        if now >= self.due:
            return True
        return event["phase"] != self.phase and self.wait == self.interval

    def heard(self, event: Event, now: float) -> None:
        self.wait, self.phase, self.due = self.interval, event["phase"], now + self.interval

    def unheard(self, now: float, retry_after: float = 0.0) -> None:
        self.wait = min(SLOWEST_SECONDS, self.wait * 2)
        self.due = now + max(self.wait, retry_after)


def watch(frontend: Frontend, screen: str, interval: float, logs: List[str]) -> int:
    """Follow the screen until the installation ends, or until the frontend says that the order has ended."""
    pipe_screen(screen)
    line, pace = Line(frontend, WATCH_TIMEOUT), Pace(interval)
    position, rest, current, sent = 0, "", None, None  # type: int, str, Optional[Event], Optional[Event]
    while True:
        lines, position, rest = new_lines(screen, position, rest)
        for text in lines:
            current = recognise(text) or current
        ended = current is not None and current["phase"] in LAST_PHASES
        if current and current != sent and (ended or pace.may_send(current, time.monotonic())):
            if current["phase"] == "failed":
                return say(frontend, dict(current, log=tail([screen] + logs)), SAY_SECONDS)
            status = send(line, frontend, current, pace)
            if status in (409, 410):
                return REFUSED_STATUS
            sent = current if 200 <= status < 300 else sent
        if ended:
            return 0
        time.sleep(POLL_SECONDS)  # tmux writes to a file, which tells nobody


def send(line: Line, frontend: Frontend, current: Event, pace: Pace) -> int:
    """One try to report progress: the status of the answer, 0 without one."""
    try:
        answer = line.post("/rocks/events", dict(current, order=frontend.order))
    except Unheard as error:
        print("not heard: %s" % error, file=sys.stderr)
        pace.unheard(time.monotonic())
        return 0
    if 200 <= answer.status < 300:
        pace.heard(current, time.monotonic())
    else:
        pace.unheard(time.monotonic(), answer.retry_after)
    return answer.status


def insist(frontend: Frontend, path: str, message: Mapping[str, Any], seconds: float) -> Answer:
    """Post until the frontend gives an answer other than "later". Raises Unheard when the time is over."""
    deadline, pause, said = time.monotonic() + seconds, 1.0, ""
    while True:
        try:
            answer = Line(frontend, 15.0).post(path, dict(message, order=frontend.order))
        except Unheard as error:
            answer, said = Answer(503, b"", 0.0), str(error)
        if answer.status not in (502, 503, 504):
            return answer
        wait = max(pause * random.uniform(0.5, 1.5), answer.retry_after)
        if time.monotonic() + wait > deadline:
            raise Unheard(said or "the frontend asks to come again later")
        time.sleep(wait)  # longer each time, and not all nodes together
        pause = min(30.0, pause * 2)


def say(frontend: Frontend, message: Event, seconds: float) -> int:
    try:
        answer = insist(frontend, "/rocks/events", message, seconds)
    except Unheard as error:
        print("%s: not heard (%s)" % (message["phase"], error), file=sys.stderr)
        return UNHEARD_STATUS
    if 200 <= answer.status < 300:
        return 0
    print(
        "%s: %s" % (message["phase"], answer.body.decode("utf-8", "replace").strip()),
        file=sys.stderr,
    )
    return REFUSED_STATUS


def proof(key: str, order: str) -> str:
    """What shows that this machine holds the node's key, for this order only."""
    return hmac.new(key.encode(), b"rocks-secrets:" + order.encode(), hashlib.sha256).hexdigest()


def secrets(frontend: Frontend, key_file: str, into: str, seconds: float) -> int:
    """Take the secrets; each becomes a file that only root reads. They are handed over once."""
    message = {}  # type: Event
    if key_file and os.path.exists(key_file):
        with open(key_file, "r") as file:
            message["proof"] = proof(file.read().strip(), frontend.order)
    try:
        answer = insist(frontend, "/rocks/secrets", message, seconds)
    except Unheard as error:
        print("secrets: not heard (%s)" % error, file=sys.stderr)
        return UNHEARD_STATUS
    if answer.status != 200:
        print("secrets: %s" % answer.body.decode("utf-8", "replace").strip(), file=sys.stderr)
        return REFUSED_STATUS
    for name, value in json.loads(answer.body.decode("utf-8"))["secrets"].items():
        write_private(into, name, value)
    return 0


def authority(certificate: str, into: str) -> int:
    """Write a certificate (base64 of DER, in one line) as PEM. The file is complete, or it does not exist.

    The fold and openssl commands, which could do the same, are not in the installer's image.
    """
    try:
        text = ssl.DER_cert_to_PEM_cert(base64.b64decode(certificate, validate=True))
        ssl.create_default_context(cadata=text)
    except (ValueError, ssl.SSLError) as error:
        print("frontend_authority is not a certificate (%s)" % error, file=sys.stderr)
        return REFUSED_STATUS
    with open(into + ".new", "w") as file:
        file.write(text)
    os.rename(into + ".new", into)
    return 0


def leave_session() -> None:
    """Run in a session of its own, which outlives the script that started this program and its terminal.

    The setsid command is not in the installer's image.
    """
    if os.getsid(0) != os.getpid():
        os.setsid()


def write_private(directory: str, name: str, value: str) -> None:
    os.makedirs(directory, 0o700, exist_ok=True)
    path = os.path.join(directory, os.path.basename(name))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(value)


def read(path: str) -> str:
    """The first line of a small file of the kernel; empty when there is none."""
    try:
        with open(path, "r", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return ""


def below(root: str, path: str) -> List[str]:
    """The entries of a folder of the kernel, as paths; none when there is no such folder."""
    folder = os.path.join(root, path)
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError:
        return []


def count(root: str = "/") -> Event:
    """What the machine has, as the kernel counts it: processors, memory and disks in MiB, accelerators, its names."""
    places = [os.path.join(path, "topology") for path in below(root, "sys/devices/system/cpu")]
    processors = [path for path in places if os.path.exists(path)]
    sockets = {read(os.path.join(path, "physical_package_id")) for path in processors}
    cores = {
        (read(os.path.join(p, "physical_package_id")), read(os.path.join(p, "core_id")))
        for p in processors
    }
    memory = read(os.path.join(root, "proc/meminfo")).split()  # MemTotal: 24684084 kB
    dmi = os.path.join(root, "sys/class/dmi/id")
    return {
        "cpus": len(processors),
        "sockets": len(sockets),
        "cores": len(cores) // max(1, len(sockets)),
        "threads": len(processors) // max(1, len(cores)),
        "memory": int(memory[1]) // 1024 if len(memory) > 1 else 0,
        "disk": sum(disk_sectors(path) for path in below(root, "sys/block")) // 2048,
        "gpus": sum(is_accelerator(path) for path in below(root, "sys/bus/pci/devices")),
        "vendor": read(os.path.join(dmi, "sys_vendor")),
        "product": read(os.path.join(dmi, "product_name")),
        "serial": read(os.path.join(dmi, "product_serial")),
        "firmware": "uefi" if os.path.exists(os.path.join(root, "sys/firmware/efi")) else "bios",
    }


def disk_sectors(path: str) -> int:
    """Sectors of 512 bytes of a real disk that stays; 0 for everything else that is a block device."""
    if (
        not os.path.exists(os.path.join(path, "device"))
        or read(os.path.join(path, "removable")) == "1"
    ):
        return 0
    return int(read(os.path.join(path, "size")) or 0)


def is_accelerator(path: str) -> bool:
    """A display or processing device of a maker of accelerators; a server's own VGA chip is of another one."""
    kind, maker = read(os.path.join(path, "class")), read(os.path.join(path, "vendor"))
    return kind[:6] in ("0x0300", "0x0302", "0x0380", "0x1200") and maker in ACCELERATOR_MAKERS


def facts(pairs: List[str]) -> Event:
    return dict(pair.split("=", 1) for pair in pairs)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Talk to the frontend during an installation.")
    parser.add_argument("--url", required=True, help="the frontend, as http://ADDRESS")
    parser.add_argument("--order", required=True, help="the token of the install order")
    known = next(filter(os.path.exists, AUTHORITIES), "")
    parser.add_argument(
        "--ca", default=known, help="certificates that the frontend's must descend from"
    )
    commands = parser.add_subparsers(dest="command")
    follow = commands.add_parser("watch")
    follow.add_argument("--screen", default="/run/rocks/screen")
    follow.add_argument("--interval", type=float, default=1.0)
    follow.add_argument("--log", action="append", default=[])
    follow.add_argument(
        "--new-session", action="store_true", help="outlive the script that starts this program"
    )
    tell = commands.add_parser("say")
    tell.add_argument("phase")
    tell.add_argument("--message", default="")
    tell.add_argument("--log", action="append", default=[])
    tell.add_argument("--fact", action="append", default=[], metavar="NAME=VALUE")
    tell.add_argument("--seconds", type=float, default=SAY_SECONDS)
    counting = commands.add_parser("hardware")
    counting.add_argument("--seconds", type=float, default=SAY_SECONDS)
    counting.add_argument(
        "--new-session", action="store_true", help="outlive the script that starts this program"
    )
    take = commands.add_parser("secrets")
    take.add_argument("--into", required=True)
    take.add_argument("--key", default="", help="the node's key, on the preserved partition")
    take.add_argument("--seconds", type=float, default=SAY_SECONDS)
    trust = commands.add_parser("authority")
    trust.add_argument("--into", required=True)
    trust.add_argument("certificate", metavar="BASE64")
    return parser


def main(argv: List[str]) -> int:
    given = arguments().parse_args(argv)
    frontend = Frontend(given.url.rstrip("/"), given.order, given.ca)
    if getattr(given, "new_session", False):
        leave_session()
    if given.command == "authority":
        return authority(given.certificate, given.into)
    if given.command == "watch":
        return watch(frontend, given.screen, given.interval, given.log)
    if given.command == "secrets":
        return secrets(frontend, given.key, given.into, given.seconds)
    if given.command == "hardware":
        return say(frontend, dict(count(), phase="hardware"), given.seconds)
    if given.command == "say":
        message = dict(facts(given.fact), phase=given.phase, message=given.message)  # type: Event
        if given.log:
            message["log"] = tail(given.log)
        return say(frontend, message, given.seconds)
    arguments().print_usage(sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
