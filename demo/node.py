# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A machine of the demonstration: an address of the loopback network with the requests of a real
one.

node.py on NODE       switch it on, and print what it does until it has booted
node.py cycle NODE    switch its power outlet off and on, in the background

It has a firmware that requests its boot script, an installer that parses the kickstart strictly and
counts its packages, and a first boot that reports what is installed. It has no disk.
DEMO names the folder of the demonstration, and URL the frontend.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time
import warnings
from typing import Any, Optional
from urllib.parse import urlsplit

from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

FOLDER = pathlib.Path(os.environ.get("DEMO", ".cache/demo"))
PACKAGE_SECONDS = 0.15  # so that there is progress to see
# The values that report-up sends: the kickstart writes each into its own file.
FACT = re.compile(r'^echo "([\w-]+)" >/(?:run|etc)/rocks/(generation|profile|order)$', re.MULTILINE)


class UnixConnection(http.client.HTTPConnection):
    """A connection to the socket that only nginx can open on a frontend."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(FOLDER / "service.sock"))


class Machine:
    """One machine, which the frontend identifies by its address."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.address = address_of(name)
        self.url = urlsplit(os.environ["URL"])

    def get(self, path: str) -> str:
        connection = http.client.HTTPConnection(
            self.url.hostname or "", self.url.port, timeout=30, source_address=(self.address, 0)
        )
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"User-Agent": "iPXE/1.21.1"})
            return body_of(connection.getresponse(), self.name)

    def report(self, order: str, phase: str, **values: Any) -> None:
        """Send an event as root of the node, with the headers of nginx for its source."""
        body = json.dumps({"order": order, "phase": phase, **values})
        with contextlib.closing(UnixConnection("10.1.1.1", timeout=30)) as connection:
            source = {"X-Real-IP": self.address, "X-Real-Port": "1023"}
            connection.request("POST", "/rocks/events", body, source)
            body_of(connection.getresponse(), self.name)

    def print(self, text: str) -> None:
        print(f"{self.name}: {text}", flush=True)

    def on(self) -> None:
        if "/rocks/kickstart" not in self.get("/rocks/boot?form=ipxe"):
            self.print("boots from its disk")
            return
        self.print("boots the installer")
        facts, packages = self.install(self.get("/rocks/kickstart"))
        if "/rocks/kickstart" in self.get("/rocks/boot?form=ipxe"):
            raise SystemExit(f"{self.name}: the frontend booted the installer a second time")
        manifest = hashlib.sha256("\n".join(packages).encode()).hexdigest()
        order = facts.pop("order")
        self.report(order, "up", manifest=manifest, **facts)
        self.print(f"boots from its disk; up with generation {facts['generation'][:12]}")

    def install(self, text: str) -> tuple[dict[str, str], list[str]]:
        facts = {name: value for value, name in FACT.findall(text)}
        self.report(facts["order"], "installing")
        parser = KickstartParser(makeVersion("RHEL9"), missingIncludeIsFatal=False)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parser.readKickstartFromString(text)
        (FOLDER / f"{self.name}.cfg").write_text(text)
        packages = sorted(parser.handler.packages.packageList)
        self.print(f"kickstart accepted: {len(text):,} bytes, {len(packages)} packages")
        for done, package in enumerate(packages, 1):
            time.sleep(PACKAGE_SECONDS)  # in place of unpacking
            if done % 6 == 0 or done == len(packages):
                self.report(
                    facts["order"], "install", done=done, total=len(packages), message=package
                )
        self.report(facts["order"], "installed")
        return facts, packages


def address_of(name: str) -> str:
    """Read the address from the hosts report of the database."""
    for line in (FOLDER / "hosts").read_text().splitlines():
        words = line.split()
        if name in words[1:]:
            return words[0]
    raise SystemExit(f"{name} is not in {FOLDER / 'hosts'}")


def body_of(answer: http.client.HTTPResponse, name: str) -> str:
    text = answer.read().decode()
    if answer.status != 200:
        raise SystemExit(f"{name}: {answer.status} {text.strip()}")
    return text


def main(command: str, name: str) -> Optional[int]:
    if command == "on":
        Machine(name).on()
        return None
    with open(FOLDER / f"{name}.log", "a") as log:
        subprocess.Popen(
            [sys.executable, __file__, "on", name], stdout=log, stderr=log, start_new_session=True
        )
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
