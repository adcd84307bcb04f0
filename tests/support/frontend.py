# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frontend without its packages: a published generation with a compiled profile, and the HTTP face called directly.

``Face`` speaks WSGI to the application as a server would, with the source address and port that a test names.
"""

from __future__ import annotations

import io
import json
import pathlib
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Mapping, NamedTuple

from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Pin
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output import (
    profile_store,
    serialization,
)
from ansible_collections.npaci.rocks.plugins.module_utils.service.wsgi import application
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
    """Publish a generation of ``name`` with the profile of ``compute``; what an order of it pins.

    files       further XML, or replacements: path below build/ -> text
    attributes  those that the profile is compiled with
    current     the link of the distribution leads to it
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
    """What the application answered."""

    status: int
    text: str
    headers: Mapping[str, str]

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Face:
    """The application, asked from any address at any time."""

    settings: Settings
    now: str = NOW
    _application: Callable[..., Iterable[bytes]] = field(init=False)

    def __post_init__(self) -> None:
        self._application = application(self.settings, now=lambda: self.now)

    def ask(
        self,
        method: str,
        path: str,
        address: str,
        port: int = 40000,
        body: bytes = b"",
        **environ: Any,
    ) -> Reply:
        """One request; ``environ`` are further entries of the WSGI environment (HTTP_USER_AGENT …)."""
        place, _mark, query = path.partition("?")
        answered: dict[str, Any] = {}
        full = {
            "REQUEST_METHOD": method,
            "PATH_INFO": place,
            "QUERY_STRING": query,
            "REMOTE_ADDR": address,
            "REMOTE_PORT": str(port),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **environ,
        }

        def start_response(status: str, headers: list[tuple[str, str]]) -> None:
            answered.update(status=int(status.split(maxsplit=1)[0]), headers=dict(headers))

        text = b"".join(self._application(full, start_response)).decode()
        return Reply(answered["status"], text, answered["headers"])

    def get(self, path: str, address: str, **environ: Any) -> Reply:
        return self.ask("GET", path, address, **environ)

    def post(self, path: str, address: str, port: int = 700, **message: Any) -> Reply:
        """A message of root on a node."""
        return self.ask("POST", path, address, port, json.dumps(message).encode())
