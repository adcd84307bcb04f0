# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Send as much as one machine can, of one kind, until the process is killed.

    floods.py KIND [ARGUMENT]

It runs in the namespace of a machine; all kinds but ``events`` and ``discovers`` run as a user
without privileges.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - a user without privileges cannot read it later
import http.client
import itertools
import json
import os
import socket
import sys
from typing import Callable

FRONTEND = "10.1.1.1"
NOBODY = 65534
LINE_BYTES = 7900
LINES = 50
PATHS = ("/rocks/boot?form=ipxe", "/rocks/kickstart", "/boot/x86_64/grub.cfg", "/rocks/boot", "/")
REFUSED = ("/rocks/kickstart", "/rocks/secrets", "/rocks/boot?form=x", "/rocks/status", "/rocks/x")
LOG = "€" * 8000


def syslog_tcp(_argument: str) -> None:
    """Send long lines over TCP."""
    lines = (b"<13>Nov 30 21:00:00 x t: " + b"A" * LINE_BYTES + b"\n") * LINES
    while True:
        with socket.create_connection((FRONTEND, 514)) as connection:
            while True:
                connection.sendall(lines)


def syslog_udp(_argument: str) -> None:
    """Send short datagrams, as many as fit."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        while True:
            link.sendto(b"<13>Nov 30 21:00:00 x t: " + b"A" * 80, (FRONTEND, 514))


def requests(_argument: str) -> None:
    """Request boot answers, kickstarts and the page."""
    _get_forever(PATHS)


def refused(_argument: str) -> None:
    """Send requests that are refused."""
    _get_forever(REFUSED)


def _get_forever(paths: tuple[str, ...]) -> None:
    for path in itertools.cycle(paths):
        connection = http.client.HTTPConnection(FRONTEND, timeout=30)
        try:
            connection.request("GET", path)
            connection.getresponse().read()
        except OSError:
            continue
        finally:
            connection.close()


def events(order: str) -> None:
    """Report progress for ever, each time another phase with a long log, as only root can."""
    for number in itertools.count():
        body = {"order": order, "phase": f"p{number % 9}", "message": "x" * 500, "log": LOG}
        port = 600 + number % 400
        connection = http.client.HTTPConnection(FRONTEND, timeout=30, source_address=("", port))
        try:
            connection.request("POST", "/rocks/events", json.dumps(body).encode())
            connection.getresponse().read()
        except OSError:
            continue
        finally:
            connection.close()


def discovers(known: str) -> None:
    """Send DHCP requests of many machines that do not boot, and boot requests of a known one."""
    from support import dhcp

    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as link:
        link.bind(("eth0", 0))
        boot = dhcp.discover(known, [(60, b"PXEClient"), (93, b"\0\x07")])
        for number in itertools.count():
            link.send(dhcp.discover(dhcp.mac(number % 2**24)))
            link.send(boot)


AS_ROOT = ("events", "discovers")
KINDS: dict[str, Callable[[str], None]] = {
    "syslog-tcp": syslog_tcp,
    "syslog-udp": syslog_udp,
    "requests": requests,
    "refused": refused,
    "events": events,
    "discovers": discovers,
}


def main(kind: str, argument: str = "") -> None:
    if kind not in AS_ROOT:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    KINDS[kind](argument)


if __name__ == "__main__":
    main(*sys.argv[1:])
