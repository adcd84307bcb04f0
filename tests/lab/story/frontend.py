# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frontend: the real role, converged in a container with a real systemd, on the lab's network.

Everything is done there as an administrator does it: in a clone of this collection, with the commands of its pages.
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

CLONE, MIRROR = "/usr/src/npaci.rocks", "/srv/mirror"
STOCK_KEY = f"{MIRROR}/stock/RPM-GPG-KEY-lab"
ENVIRONMENT = (f"PATH={image.PLACE}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=vt100", "ANSIBLE_NOCOLOR=1",
               # Ansible does not flush what it says into a file.
               "PYTHONUNBUFFERED=1")  # fmt: skip
ADDRESS, SUBNET = "10.1.1.1", "10.1.0.0/16"
LOCAL_FOLDER = "export/rocks/local"
START_SECONDS, STOP_SECONDS = 120.0, 60.0
CONVERGE_SECONDS, BUILD_SECONDS, ASK_SECONDS = 600.0, 300.0, 120.0
ROLE = {
    "frontend_private_interface": BRIDGE,
    "frontend_private_address": ADDRESS,
    "frontend_private_subnet": SUBNET,
    "frontend_space": 500,
}
SOURCES = [
    {"name": name, "path": f"{MIRROR}/{name}", "gpg_keys": [STOCK_KEY]}
    for name in ("stock", "updates", "third-party")
]


@dataclass(frozen=True)
class Frontend:
    """The running container; ``root`` is its file system as this process sees it."""

    leader: int
    folder: pathlib.Path
    namespace: Namespace

    @property
    def root(self) -> pathlib.Path:
        return pathlib.Path(f"/proc/{self.leader}/root")

    def argv(self, argv: Sequence[str]) -> list[str]:
        """``argv`` as a command that runs on the frontend, in the clone."""
        enter = ["nsenter", "--target", str(self.leader), "--all", "--", "env", "-i", *ENVIRONMENT]
        return [*enter, "sh", "-c", f'cd {CLONE} && exec "$@"', "frontend", *argv]

    def run(self, *argv: str, timeout: float = ASK_SECONDS, **options: Any) -> str:
        """Run a program on the frontend, and return what it printed."""
        return process.run(self.argv(argv), timeout=timeout, **options).stdout

    def daemon(self, argv: Sequence[str], log: str) -> ContextManager[Daemon]:
        """A program on the frontend for the length of a ``with`` block; its output goes to the file ``log``."""
        return daemon(self.argv(argv), self.folder / log)

    def playbook(self, name: str, variables: Any = None, timeout: float = ASK_SECONDS) -> str:
        """Run a playbook of the collection."""
        return self.run(*playbook(name, variables or {}), timeout=timeout)

    def module(self, name: str, /, **options: Any) -> str:
        """Run a module of the collection on the frontend."""
        return self.run("ansible", "localhost", "-m", name, "-a", json.dumps(options))

    def sql(self, query: str) -> list[tuple[str, ...]]:
        """The rows that the database gives."""
        answer = self.run("mysql", "--batch", "--skip-column-names", "cluster", "--execute", query)
        return [tuple(line.split("\t")) for line in answer.splitlines()]

    def publish(self, **further: Any) -> str:
        """Build the distribution from the mirror and from what lies in the folder of local RPMs.

        further  variables of the role
        """
        variables = {"distribution_release": "rhel9", "distribution_sources": SOURCES, **further}
        return self.playbook("rebuild-dist", variables, BUILD_SECONDS)

    def add_profiles(self, folder: pathlib.Path) -> None:
        """Put graph and node files where an administrator puts the site's own."""
        shutil.copytree(folder, self.root / "etc/rocks/xml", dirs_exist_ok=True)

    def add_package(self, package: rpms.Rpm) -> None:
        """Put an RPM where an administrator puts what was built here."""
        folder = self.root / LOCAL_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        rpms.write(package, folder)

    def picture(self, name: str, page: str = "/") -> None:
        """Keep what somebody who sits at the frontend sees on a page of its HTTP face now."""
        with browser(self.namespace, self.folder) as seen:
            seen.look(1280, 800)
            seen.open(f"http://127.0.0.1{page}")
            seen.picture(self.folder / name)


def playbook(name: str, variables: Any) -> list[str]:
    """The command that runs a playbook of the collection."""
    return ["ansible-playbook", f"playbooks/{name}.yml", "-e", json.dumps(variables)]


@contextlib.contextmanager
def container(
    net: Network, folder: pathlib.Path, mirrors: Mapping[str, pathlib.Path] = {}
) -> Iterator[Frontend]:
    """A machine with an operating system and the role's packages, on the network's own address, until the block ends.

    mirrors  further folders below ``/srv/mirror``
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
    """A configured frontend with a published distribution and the site's own settings.

    further   variables of the role
    describe  what else is said about the site, before the distribution is built
    mirrors   further folders below ``/srv/mirror``
    """
    with container(net, folder, mirrors) as machine:
        machine.playbook("frontend", {**ROLE, **(further or {})}, CONVERGE_SECONDS)
        machine.run("ansible-playbook", "tests/lab/story/site.yml")
        machine.add_package(LOCAL)
        describe(machine)
        machine.publish()
        yield machine
