# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A published generation with a compiled profile, and the HTTP service without a server.

``HttpService`` calls the application through WSGI as a server does, from any address and port.
"""

from __future__ import annotations

import io
import json
import pathlib
import sys
from dataclasses import dataclass, field
from typing import Any, Mapping, NamedTuple

from flask import Flask
from werkzeug.test import run_wsgi_app

from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Pin
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output import (
    profile_store,
    serialization,
)
from ansible_collections.npaci.rocks.plugins.module_utils.service.app import create_app
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings
from support.kickstarts import write_library

GENERATION = "4c19e0b2aa17"
NOW = "2026-11-22 09:14:05"
EDGES = """<graph>
  <edge from="compute"><to>base</to></edge>
  <order head="base"><tail>compute</tail></order>
</graph>
"""
BASE = """<kickstart>
  <main>
    <text/>
    <url>--url=&install_url;</url>
    <network>--bootproto=dhcp --hostname=&hostname;</network>
    <rootpw>--lock</rootpw>
    <timezone>--utc &timezone;</timezone>
    <reboot/>
  </main>
  <package>chrony</package>
  <pre>
mkdir -p /run/rocks
echo --url &frontend_url; --order &install_order; &gt; /run/rocks/options
  </pre>
</kickstart>
"""
COMPUTE = """<kickstart>
  <package>slurm-slurmd</package>
  <post>
echo &install_generation; &install_profile; &gt; /etc/rocks-release
  </post>
</kickstart>
"""
ATTRIBUTES = {"timezone": "UTC"}


def publish(
    root: pathlib.Path,
    generation: str = GENERATION,
    *,
    release: str = "rhel9",
    files: Mapping[str, str] = {},
    attributes: Mapping[str, str] = ATTRIBUTES,
    current: bool = True,
    name: str = "rocks",
) -> Pin:
    """Publish a generation of ``name`` with the profile of ``compute``, and return the pin for
    orders.

    files       further XML, or replacements: path below build/ -> text
    attributes  used to compile the profile
    current     whether the link of the distribution leads to this generation
    """
    tree = root / ".generations" / name / "x86_64" / generation
    build = tree / "build"
    texts = {
        "graphs/default/base.xml": EDGES,
        "nodes/base.xml": BASE,
        "nodes/compute.xml": COMPUTE,
        **files,
    }
    for path, text in texts.items():
        (build / path).parent.mkdir(parents=True, exist_ok=True)
        (build / path).write_text(text, encoding="utf-8")
    (build / "profiles").mkdir()
    profile = compile_profile(str(build), "compute", attributes, release)
    write_library(profile_store.ProfileLibrary({"compute": (profile,)}), build / "profiles")
    if current:
        link = root / name / "x86_64"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(pathlib.Path("..", ".generations", name, "x86_64", generation))
    return Pin(name, "x86_64", generation, serialization.profile_sha256(profile))


class Reply(NamedTuple):
    """A response of the application."""

    status: int
    text: str
    headers: Mapping[str, str]

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class HttpService:
    """The application, called from any address at any time."""

    settings: Settings
    now: str = NOW
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(self.settings, now=lambda: self.now)

    def request(
        self,
        method: str,
        path: str,
        address: str,
        port: int = 40000,
        body: bytes = b"",
        **environ: Any,
    ) -> Reply:
        """Send one request; ``environ`` are further entries of the WSGI environment, such as
        headers. Texts are encoded as servers do (PEP 3333).
        """
        path, _mark, query = path.partition("?")
        full = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "10.1.1.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": address,
            "REMOTE_PORT": str(port),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
            **environ,
        }
        for name in ("PATH_INFO", "QUERY_STRING"):
            full[name] = full[name].encode("utf-8", "surrogatepass").decode("latin-1")

        parts, status, headers = run_wsgi_app(self.app, full, buffered=True)
        return Reply(int(status.split(maxsplit=1)[0]), b"".join(parts).decode(), dict(headers))

    def get(self, path: str, address: str, **environ: Any) -> Reply:
        return self.request("GET", path, address, **environ)

    def start_installer(self, address: str, order: str) -> None:
        """Request the kickstart, and send the installer's first message."""
        assert self.get("/rocks/kickstart", address).status == 200
        message = {"order": order, "phase": "installing"}
        assert self.post("/rocks/events", address, **message).status == 200

    def post(self, path: str, address: str, **message: Any) -> Reply:
        """Send a message as root on a node does, from a privileged port."""
        return self.request("POST", path, address, port=700, body=json.dumps(message).encode())

    def post_as_user(self, path: str, address: str, **message: Any) -> Reply:
        """Send a message as any user of a node can, from an unprivileged port."""
        return self.request("POST", path, address, port=40000, body=json.dumps(message).encode())
