# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frontend: the real role, converged in a container with a real systemd, on the lab's network.

The tests use it as an administrator does: in a clone of this collection, with the documented
commands.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
from dataclasses import dataclass
from typing import Any, Callable, ContextManager, Iterator, Mapping, Optional, Sequence

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support import rpms
from support.browser import browser
from support.daemons import Daemon, daemon
from support.namespaces import BRIDGE, Namespace, Network

from .. import cache
from ..distribution.sources import LOCAL, sources
from ..evidence import CONTAINER
from ..image.tree import tree
from . import image

CLONE = "/usr/src/npaci.rocks"
MIRROR = "/srv/mirror"
STOCK_KEY = f"{MIRROR}/stock/RPM-GPG-KEY-lab"
ENVIRONMENT = (
    f"PATH={image.PLACE}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
    "TERM=vt100",
    "ANSIBLE_NOCOLOR=1",
    # Ansible does not flush its output to a file.
    "PYTHONUNBUFFERED=1",
)
ADDRESS = "10.1.1.1"
SUBNET = "10.1.0.0/16"
LOCAL_FOLDER = "export/rocks/local"
START_SECONDS = 120.0
STOP_SECONDS = 60.0
CONVERGE_SECONDS = 600.0
BUILD_SECONDS = 300.0
COMMAND_SECONDS = 120.0
ROLE = {
    "frontend_private_interface": BRIDGE,
    "frontend_private_address": ADDRESS,
    "frontend_private_subnet": SUBNET,
    "frontend_space": 500,
}
SOURCES = [
    {"name": name, "path": f"{MIRROR}/{name}", "gpg_keys": [STOCK_KEY], "trust_installer": True}
    for name in ("stock", "updates", "third-party")
]


@dataclass(frozen=True)
class Frontend:
    """The running container; ``root`` is its file system for this process."""

    leader: int
    folder: pathlib.Path
    namespace: Namespace

    @property
    def root(self) -> pathlib.Path:
        return pathlib.Path(f"/proc/{self.leader}/root")

    def argv(self, argv: Sequence[str]) -> list[str]:
        """Return a command that runs ``argv`` on the frontend, in the clone."""
        enter = ["nsenter", "--target", str(self.leader), "--all", "--", "env", "-i", *ENVIRONMENT]
        return [*enter, "sh", "-c", f'cd {CLONE} && exec "$@"', "frontend", *argv]

    def run(self, *argv: str, timeout: float = COMMAND_SECONDS, **options: Any) -> str:
        """Run a program on the frontend, and return its output."""
        return process.run(self.argv(argv), timeout=timeout, **options).stdout

    def daemon(self, argv: Sequence[str], log: str) -> ContextManager[Daemon]:
        """Run a program on the frontend during a ``with`` block; its output goes to the file
        ``log``.
        """
        return daemon(self.argv(argv), self.folder / log)

    def playbook(self, name: str, variables: Any = None, timeout: float = COMMAND_SECONDS) -> str:
        """Run a playbook of the collection."""
        return self.run(*playbook(name, variables or {}), timeout=timeout)

    def module(self, name: str, /, **options: Any) -> str:
        """Run a module of the collection on the frontend."""
        return self.run("ansible", "localhost", "-m", name, "-a", json.dumps(options))

    def sql(self, query: str) -> list[tuple[str, ...]]:
        """Return the rows of a query of the database."""
        answer = self.run("mysql", "--batch", "--skip-column-names", "cluster", "--execute", query)
        return [tuple(line.split("\t")) for line in answer.splitlines()]

    def publish(self, **further: Any) -> str:
        """Build the distribution from the mirror and the folder of local RPMs.

        further  more variables of the role
        """
        variables = {"distribution_release": "rhel9", "distribution_sources": SOURCES, **further}
        return self.playbook("rebuild-dist", variables, BUILD_SECONDS)

    def add_profiles(self, folder: pathlib.Path) -> None:
        """Copy graph and node files to the site's folder."""
        shutil.copytree(folder, self.root / "etc/rocks/xml", dirs_exist_ok=True)

    def add_package(self, package: rpms.Rpm) -> None:
        """Build an RPM in the folder of local RPMs."""
        folder = self.root / LOCAL_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        rpms.write(package, folder)

    def picture(self, name: str, page: str = "/") -> None:
        """Write a picture of a web page, seen from the frontend itself."""
        with browser(self.namespace, self.folder) as window:
            window.look(1280, 800)
            window.open(f"http://127.0.0.1{page}")
            window.picture(self.folder / name)


def playbook(name: str, variables: Any) -> list[str]:
    """Return the command that runs a playbook of the collection."""
    return ["ansible-playbook", f"playbooks/{name}.yml", "-e", json.dumps(variables)]


@contextlib.contextmanager
def container(
    net: Network, folder: pathlib.Path, mirrors: Mapping[str, pathlib.Path] = {}
) -> Iterator[Frontend]:
    """Run a machine with an operating system and the role's packages, until the block ends.

    It has the network's own address.

    mirrors  more folders below ``/srv/mirror``
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = {"RUN": str(folder), "NETNS": net.server.name, "IMAGE": str(image.image())}
    binds = {
        CLONE: cache.ROOT,
        image.PLACE: image.ansible(),
        f"{MIRROR}/stock": tree(),
        f"{MIRROR}/updates": sources() / "updates",
        f"{MIRROR}/third-party": sources() / "third-party",
        **{f"{MIRROR}/{name}": path for name, path in mirrors.items()},
    }
    argv = [f"--bind-ro={path}:{place}" for place, path in binds.items()]
    try:
        process.run([str(CONTAINER), "start", *argv], timeout=START_SECONDS, env=environment)
        yield Frontend(int((folder / "leader").read_text()), folder, net.server)
    finally:
        process.run([str(CONTAINER), "stop"], timeout=STOP_SECONDS, env=environment)


@contextlib.contextmanager
def frontend(
    net: Network,
    folder: pathlib.Path,
    further: Optional[Mapping[str, Any]] = None,
    describe: Callable[[Frontend], Any] = lambda _frontend: None,
    mirrors: Mapping[str, pathlib.Path] = {},
) -> Iterator[Frontend]:
    """Run a configured frontend with a published distribution and the settings of a site.

    further   more variables of the role
    describe  describes the site further, before the distribution is built
    mirrors   more folders below ``/srv/mirror``
    """
    with container(net, folder, mirrors) as machine:
        machine.playbook("frontend", {**ROLE, **(further or {})}, CONVERGE_SECONDS)
        machine.run("ansible-playbook", "tests/lab/story/site.yml")
        machine.add_package(LOCAL)
        describe(machine)
        machine.publish()
        yield machine
