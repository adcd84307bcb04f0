# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Report to the frontend during the installation of a node and at its first boot.

    progress.py report PHASE         report a phase (failed, up, unclean), with retries
    progress.py hardware             report the hardware once
    progress.py secrets --into DIR   fetch the secrets of the order once, each into a file
    progress.py store-key --from FILE --to FILE
                                     store the node's key durably, if it is a new one
    progress.py authority --into FILE BASE64
                                     write the CA certificates of the frontend as PEM

Exit status: 0 accepted; 4 rejected permanently; 5 no answer in the time limit.

The frontend accepts reports from privileged source ports only, which users of the node cannot
bind. installation.py reports the progress of an installation, and why it has stopped.

%pre starts this program with the installer's Python: standard library of Python 3.6 only.
"""

import argparse
import base64
import fcntl
import hashlib
import hmac
import http.client
import json
import os
import random
import re
import ssl
import sys
import time
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit

LOW_PORTS = (600, 1023)
BIND_TRIES = 30
REPORT_SECONDS = 300.0
LOG_CHARACTERS = 4000
# All secrets of a node are in one answer.
LARGEST_ANSWER = 16 << 20
LONGEST_PAUSE = 3600
# A person enters the one-time code of the order in the boot loader.
CODE_ARGUMENT = "rocks.code"
REFUSED_STATUS = 4
NO_ANSWER_STATUS = 5
# Linux's ioctls of fsfreeze(8), include/uapi/linux/fs.h.
FIFREEZE = 0xC0045877
FITHAW = 0xC0045878
# In the installer, and on the installed node.
AUTHORITIES = (
    "/run/rocks/authority.pem",
    "/etc/rocks/authority.pem",
)

ACCELERATOR_VENDORS = ("0x10de", "0x1002")  # NVIDIA, AMD
CONTROL = re.compile(
    r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Za-z0-9]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1f\x7f]"
)

Event = Dict[str, Any]


class Frontend(NamedTuple):
    """The frontend's URL, the install order, and the file of the CA certificate."""

    url: str
    order: str
    ca: str = ""


class Answer(NamedTuple):
    """An HTTP response; ``retry_after`` is in seconds, 0 without this header."""

    status: int
    body: bytes
    retry_after: float


class NoAnswer(Exception):
    """The frontend did not answer."""


def low_ports() -> Iterator[int]:
    """Return some privileged ports in random order; few, so that a full table costs little time."""
    return iter(random.sample(range(LOW_PORTS[0], LOW_PORTS[1] + 1), BIND_TRIES))


class Connection:
    """A persistent HTTP connection to the frontend from a privileged port."""

    def __init__(self, frontend: Frontend, timeout: float) -> None:
        self.frontend = frontend
        self.timeout = timeout
        self.connection: Optional[http.client.HTTPConnection] = None

    def post(self, path: str, message: Mapping[str, Any]) -> Answer:
        """Send one message. Reconnect once if the frontend has closed an idle connection.

        Raises NoAnswer.
        """
        reused = self.connection is not None
        try:
            return self._post(path, message)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            # Only if the connection was idle: the frontend closed it before it read the message.
            if not reused or not isinstance(
                error, (http.client.RemoteDisconnected, BrokenPipeError)
            ):
                raise NoAnswer(str(error) or type(error).__name__) from error
        try:
            return self._post(path, message)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(str(error) or type(error).__name__) from error

    def _post(self, path: str, message: Mapping[str, Any]) -> Answer:
        if self.connection is None:
            self.connection = self._open()
        self.connection.request(
            "POST", path, json.dumps(message), {"Content-Type": "application/json"}
        )
        response = self.connection.getresponse()
        body = response.read(LARGEST_ANSWER + 1)
        if len(body) > LARGEST_ANSWER:
            raise http.client.HTTPException("an answer of more than %d bytes" % LARGEST_ANSWER)
        if response.will_close:
            self.close()
        return Answer(response.status, body, retry_seconds(response.getheader("Retry-After", "")))

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


def retry_seconds(text: str) -> float:
    """Return the seconds of a Retry-After header; 0 for a date or another text."""
    return float(min(int(text), LONGEST_PAUSE)) if re.match(r"[0-9]{1,9}\Z", text) else 0.0


def plain(data: bytes) -> str:
    """Return a terminal's output without colours and carriage returns."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return CONTROL.sub("", text)


def tail(paths: List[str]) -> str:
    """Return the last lines of log files, at most about LOG_CHARACTERS together."""
    share = LOG_CHARACTERS // max(1, len(paths))
    parts = []
    for path in paths:
        try:
            with open(path, "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - share))
                text = plain(file.read())
        except OSError:
            continue
        parts.append("==> %s\n%s" % (path, text[-share:].lstrip("\n")))
    return "\n".join(parts)


def post_with_retries(
    frontend: Frontend, path: str, message: Mapping[str, Any], seconds: float
) -> Answer:
    """Post until the frontend accepts or rejects the message.

    Raises NoAnswer when the time is over.
    """
    deadline = time.monotonic() + seconds
    pause = 1.0
    reason = ""
    while True:
        try:
            answer = Connection(frontend, 15.0).post(path, dict(message, order=frontend.order))
        except NoAnswer as error:
            answer = Answer(503, b"", 0.0)
            reason = str(error)
        if answer.status not in (502, 503, 504):
            return answer
        wait = max(pause * random.uniform(0.5, 1.5), answer.retry_after)
        if time.monotonic() + wait > deadline:
            raise NoAnswer(reason or "the frontend is overloaded")
        time.sleep(wait)  # longer each time, and at random, so that nodes do not retry together
        pause = min(30.0, pause * 2)


def report(frontend: Frontend, event: Event, seconds: float) -> int:
    """Report one event, with retries for ``seconds``; return the exit status."""
    try:
        answer = post_with_retries(frontend, "/rocks/events", event, seconds)
    except NoAnswer as error:
        print("%s: no answer (%s)" % (event["phase"], error), file=sys.stderr)
        return NO_ANSWER_STATUS
    if 200 <= answer.status < 300:
        return 0
    print(
        "%s: %s" % (event["phase"], answer.body.decode("utf-8", "replace").strip()),
        file=sys.stderr,
    )
    return REFUSED_STATUS


def proof(key: str, order: str) -> str:
    """Return the proof that this machine has the node's key, valid for this order only."""
    return hmac.new(key.encode(), b"rocks-secrets:" + order.encode(), hashlib.sha256).hexdigest()


def fetch_secrets(frontend: Frontend, key_file: str, into: str, seconds: float) -> int:
    """Fetch the secrets, each into a file that only root can read; the frontend sends them once."""
    message: Event = {}
    code = kernel_argument(CODE_ARGUMENT)
    if code:
        message["code"] = code
    if key_file and os.path.exists(key_file):
        with open(key_file, "r") as file:
            message["proof"] = proof(file.read().strip(), frontend.order)
    try:
        answer = post_with_retries(frontend, "/rocks/secrets", message, seconds)
    except NoAnswer as error:
        print("secrets: no answer (%s)" % error, file=sys.stderr)
        return NO_ANSWER_STATUS
    if answer.status != 200:
        print("secrets: %s" % answer.body.decode("utf-8", "replace").strip(), file=sys.stderr)
        return REFUSED_STATUS
    for name, value in json.loads(answer.body.decode("utf-8"))["secrets"].items():
        write_private(into, name, value)
    return 0


def kernel_argument(name: str, path: str = "/proc/cmdline") -> str:
    """Return the last value of an argument of the kernel, "" if there is none."""
    values = [
        word[len(name) + 1 :] for word in read_line(path).split() if word.startswith(name + "=")
    ]
    return values[-1] if values else ""


def store_key(source: str, target: str) -> int:
    """Store the node's key so that it survives a power failure; an equal key stays as it is.

    When this returns, the old key was replaced by the new one, and the frontend can require it.
    """
    with open(source, "rb") as file:
        key = file.read()
    try:
        with open(target, "rb") as file:
            if file.read() == key:
                return 0
    except OSError:
        pass  # no key, or one that cannot be read
    folder = os.path.dirname(target)
    os.makedirs(folder, 0o700, exist_ok=True)
    os.chmod(folder, 0o700)
    write_durably(target + ".new", key)
    os.rename(target + ".new", target)
    for path in (folder, os.path.dirname(folder)):
        sync_folder(path)
    write_back(folder)
    return 0


def write_durably(path: str, data: bytes) -> None:
    """Write a file that only root can read to the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: str) -> None:
    """Write the names in a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_back(folder: str) -> None:
    """Empty the file system's log, so that a mount without recovery reads the same.

    fsync only writes the log. Freezing writes everything to its place, on every file system that
    can be frozen.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(descriptor, FIFREEZE, 0)
        fcntl.ioctl(descriptor, FITHAW, 0)
    except OSError as error:
        print("%s: the log is not emptied (%s)" % (folder, error), file=sys.stderr)
    finally:
        os.close(descriptor)


def split_certificates(data: bytes) -> Iterator[bytes]:
    """Yield the certificates in DER, each of which begins with its length (X.690, 8.1.3)."""
    while data:
        size = 2 + int.from_bytes(data[1:2], "big")
        if data[1:2] > b"\x80":
            octets = size - 2 - 0x80
            size = 2 + octets + int.from_bytes(data[2 : 2 + octets], "big")
        yield data[:size]
        data = data[size:]


def write_certificate(certificate: str, into: str) -> int:
    """Write certificates (base64 of DER, in one line) as a PEM file, completely or not at all.

    The installer's image contains neither fold nor openssl.
    """
    try:
        certificates = split_certificates(base64.b64decode(certificate, validate=True))
        text = "".join(map(ssl.DER_cert_to_PEM_cert, certificates))
        ssl.create_default_context(cadata=text)
    except (ValueError, ssl.SSLError) as error:
        print("frontend_authority is not a valid certificate (%s)" % error, file=sys.stderr)
        return REFUSED_STATUS
    with open(into + ".new", "w") as file:
        file.write(text)
    os.rename(into + ".new", into)
    return 0


def leave_session() -> None:
    """Start a new session, which survives the script that started this program and its terminal.

    The installer's image does not contain setsid.
    """
    if os.getsid(0) != os.getpid():
        os.setsid()


def write_private(directory: str, name: str, value: str) -> None:
    """Write a file that only root can read; ``name`` cannot lead out of the directory."""
    os.makedirs(directory, 0o700, exist_ok=True)
    path = os.path.join(directory, os.path.basename(name))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(value)


def read_line(path: str) -> str:
    """Return the first line of a small file, or an empty text if it cannot be read."""
    try:
        with open(path, "r", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return ""


def entries(root: str, path: str) -> List[str]:
    """Return the paths of a folder's entries, or an empty list if the folder does not exist."""
    folder = os.path.join(root, path)
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError:
        return []


def hardware(root: str = "/") -> Event:
    """Count processors, memory and disks (MiB) and accelerators, and read the machine's names.

    The source is the kernel: /proc and /sys below ``root``.
    """
    folders = [os.path.join(path, "topology") for path in entries(root, "sys/devices/system/cpu")]
    processors = [path for path in folders if os.path.exists(path)]
    sockets = {read_line(os.path.join(path, "physical_package_id")) for path in processors}
    cores = {
        (read_line(os.path.join(p, "physical_package_id")), read_line(os.path.join(p, "core_id")))
        for p in processors
    }
    memory = read_line(os.path.join(root, "proc/meminfo")).split()  # MemTotal: 24684084 kB
    dmi = os.path.join(root, "sys/class/dmi/id")
    return {
        "cpus": len(processors),
        "sockets": len(sockets),
        "cores": len(cores) // max(1, len(sockets)),
        "threads": len(processors) // max(1, len(cores)),
        "memory": int(memory[1]) // 1024 if len(memory) > 1 else 0,
        "disk": sum(disk_sectors(path) for path in entries(root, "sys/block")) // 2048,
        "gpus": sum(is_accelerator(path) for path in entries(root, "sys/bus/pci/devices")),
        "vendor": read_line(os.path.join(dmi, "sys_vendor")),
        "product": read_line(os.path.join(dmi, "product_name")),
        "serial": read_line(os.path.join(dmi, "product_serial")),
        "firmware": "uefi" if os.path.exists(os.path.join(root, "sys/firmware/efi")) else "bios",
    }


def disk_sectors(path: str) -> int:
    """Return the size of a fixed disk in sectors of 512 bytes; 0 for other block devices."""
    if (
        not os.path.exists(os.path.join(path, "device"))
        or read_line(os.path.join(path, "removable")) == "1"
    ):
        return 0
    return int(read_line(os.path.join(path, "size")) or 0)


def is_accelerator(path: str) -> bool:
    """Whether a PCI device is a display or processing device of an accelerator vendor.

    The VGA chips of servers come from other vendors.
    """
    device_class = read_line(os.path.join(path, "class"))
    vendor = read_line(os.path.join(path, "vendor"))
    return (
        device_class[:6] in ("0x0300", "0x0302", "0x0380", "0x1200")
        and vendor in ACCELERATOR_VENDORS
    )


def facts(pairs: List[str]) -> Event:
    """Parse NAME=VALUE pairs."""
    return dict(pair.split("=", 1) for pair in pairs)


def frontend_arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser of the options that name the frontend and the order."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--url", required=True, help="the frontend, as http://ADDRESS")
    parser.add_argument("--order", required=True, help="the token of the install order")
    authority_file = next(filter(os.path.exists, AUTHORITIES), "")
    parser.add_argument("--ca", default=authority_file, help="the CA certificates of the frontend")
    return parser


def frontend_of(options: argparse.Namespace) -> Frontend:
    """Return the frontend and the order that the options name."""
    return Frontend(options.url.rstrip("/"), options.order, options.ca)


def arguments() -> argparse.ArgumentParser:
    parser = frontend_arguments("Report to the frontend during an installation.")
    commands = parser.add_subparsers(dest="command")
    report_parser = commands.add_parser("report")
    report_parser.add_argument("phase")
    report_parser.add_argument("--message", default="")
    report_parser.add_argument("--log", action="append", default=[])
    report_parser.add_argument("--fact", action="append", default=[], metavar="NAME=VALUE")
    hardware_parser = commands.add_parser("hardware")
    secrets_parser = commands.add_parser("secrets")
    secrets_parser.add_argument("--into", required=True)
    secrets_parser.add_argument(
        "--key", default="", help="the node's key on the preserved partition"
    )
    key_parser = commands.add_parser("store-key")
    key_parser.add_argument("--from", required=True, dest="source", metavar="FILE")
    key_parser.add_argument("--to", required=True, dest="target", metavar="FILE")
    authority_parser = commands.add_parser("authority")
    authority_parser.add_argument("--into", required=True)
    authority_parser.add_argument("certificate", metavar="BASE64")
    hardware_parser.add_argument(
        "--new-session", action="store_true", help="survive the script that starts this program"
    )
    for subparser in (report_parser, hardware_parser, secrets_parser):
        subparser.add_argument(
            "--seconds", type=float, default=REPORT_SECONDS, help="the time limit of all retries"
        )
    return parser


def main(argv: List[str]) -> int:
    options = arguments().parse_args(argv)
    frontend = frontend_of(options)
    if getattr(options, "new_session", False):
        leave_session()
    if options.command == "authority":
        return write_certificate(options.certificate, options.into)
    if options.command == "store-key":
        return store_key(options.source, options.target)
    if options.command == "secrets":
        return fetch_secrets(frontend, options.key, options.into, options.seconds)
    if options.command == "hardware":
        return report(frontend, dict(hardware(), phase="hardware"), options.seconds)
    if options.command == "report":
        event = facts(options.fact)
        event.update(phase=options.phase, message=options.message)
        if options.log:
            event["log"] = tail(options.log)
        return report(frontend, event, options.seconds)
    arguments().print_usage(sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
