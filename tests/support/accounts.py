# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Users, a frontend with Debian's system accounts, and nodes with those of Enterprise Linux."""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import shutil
import tempfile
from dataclasses import dataclass
from typing import ContextManager, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.accounts import signing_keys
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.model import (
    AccountPaths,
    PublishResult,
)
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.notify import (
    broadcast_addresses,
    notify_nodes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.publish import publish

from .daemons import Daemon
from .namespaces import Namespace, Network
from .oldestpython import oldest_python
from .site import ROOT, WEB_USER, configure
from .waiting import until

PROGRAM = ROOT / "xml" / "programs" / "accounts.py"
HASH = "$6$Rounds$" + "h" * 86
FRONTEND = {
    "passwd": """root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
slurm:x:64030:64030::/nonexistent:/usr/sbin/nologin
""",
    "group": """root:x:0:
daemon:x:1:
sudo:x:27:
www-data:x:33:
users:x:100:
nogroup:x:65534:
slurm:x:64030:
""",
    "shadow": "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nslurm:!:19000::::::\n",
    "gshadow": "root:*::\n",
}
NODE = {
    "passwd": """root:x:0:0:root:/root:/bin/bash
bin:x:1:1:bin:/bin:/sbin/nologin
polkitd:x:998:996:User for polkitd:/:/sbin/nologin
slurm:x:450:450:Slurm:/:/sbin/nologin
nobody:x:65534:65534:Kernel Overflow User:/:/sbin/nologin
""",
    "group": "root:x:0:\nbin:x:1:\nwheel:x:10:\nusers:x:100:\npolkitd:x:996:\nslurm:x:450:\n"
    "nobody:x:65534:\n",
    "shadow": f"root:{HASH}:19000:0:99999:7:::\nbin:*:19000:0:99999:7:::\n"
    "polkitd:!!:19000::::::\nslurm:!!:19000::::::\n"
    "nobody:*:19000:0:99999:7:::\n",
    "gshadow": "root:::\nbin:::\nwheel:::\nusers:::\npolkitd:!::\nslurm:!::\nnobody:::\n",
}


class Person(NamedTuple):
    """A user with a group of the same name and number."""

    name: str
    uid: int
    comment: str = ""
    password: str = HASH

    @property
    def passwd(self) -> str:
        return f"{self.name}:x:{self.uid}:{self.uid}:{self.comment}:/home/{self.name}:/bin/bash"

    @property
    def group(self) -> str:
        return f"{self.name}:x:{self.uid}:"

    @property
    def shadow(self) -> str:
        return f"{self.name}:{self.password}:19000:0:99999:7:::"


ALICE = Person("alice", 1000, "Alice Ångström,,,")
BOB = Person("bob", 1001)


def write(
    folder: pathlib.Path, texts: Mapping[str, str], people: Sequence[Person] = (), **more: str
) -> pathlib.Path:
    """Write passwd, group, shadow and gshadow with these users; append ``more`` by file name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        rows = (
            "".join(f"{getattr(person, name)}\n" for person in people) if name != "gshadow" else ""
        )
        aside = folder / f"{name}.new"
        aside.write_text(text + rows + more.get(name, ""), encoding="utf-8")
        aside.chmod(0o640 if "shadow" in name else 0o644)
        aside.rename(folder / name)
    return folder


@functools.cache
def private_key() -> str:
    """Return a private key, created once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "key")
        signing_keys.ensure_key(path, process.run)
        return pathlib.Path(path).read_text(encoding="utf-8")


class Frontend:
    """A frontend's accounts: its etc, its key, and its bundle in a folder for a web server."""

    def __init__(self, folder: pathlib.Path) -> None:
        (folder / "web" / "rocks").mkdir(parents=True)
        self.paths = AccountPaths(
            etc=str(folder / "etc"),
            bundle=str(folder / "web" / "rocks" / "accounts"),
            key=str(folder / "key"),
        )
        pathlib.Path(self.paths.key).write_text(private_key(), encoding="utf-8")
        self.web = folder / "web"
        self.public = folder / "accounts.pub"
        self.have()

    def have(self, *people: Person, **more: str) -> None:
        """Replace its users."""
        write(pathlib.Path(self.paths.etc), FRONTEND, people, **more)

    def publish(self, *people: Person) -> PublishResult:
        """Replace its users, and publish them."""
        self.have(*people)
        result = publish(self.paths)
        self.public.write_text(result.public_key, encoding="utf-8")
        return result

    @property
    def bundle(self) -> bytes:
        return pathlib.Path(self.paths.bundle).read_bytes()


@dataclass(frozen=True)
class Machine:
    """A node: a network namespace, and the folder of its etc and var."""

    namespace: Namespace
    root: pathlib.Path
    argv: Sequence[str]

    def pull(self) -> process.ProgramResult:
        """Fetch the bundle once."""
        return self.namespace.run([*self.argv, "pull"], timeout=60, ok=range(256))

    def follow(self, *options: str) -> ContextManager[Daemon]:
        """Run the node's service."""
        return self.namespace.daemon([*self.argv, "follow", *options], self.root / "log")

    def has(self, name: str) -> bool:
        """Whether its passwd has this user."""
        return f"\n{name}:" in (self.root / "etc" / "passwd").read_text(encoding="utf-8")

    def etc(self) -> dict[str, str]:
        return {name: (self.root / "etc" / name).read_text(encoding="utf-8") for name in NODE}


@dataclass(frozen=True)
class Publisher:
    """A frontend whose nginx serves the bundle."""

    frontend: Frontend
    network: Network
    scratch: pathlib.Path

    def machine(self, number: int = 1) -> Machine:
        """Create a node with the address 10.255.0.NUMBER and no published users yet."""
        root = self.scratch / f"node-{number}"
        write(root / "etc", NODE)
        namespace = self.network.client(f"node{number}")
        namespace.ip("address", "add", f"10.255.{number >> 8}.{number & 255}/8", "dev", "eth0")
        argv = [
            oldest_python(),
            str(PROGRAM),
            "--url",
            "http://10.1.1.1",
            "--key",
            str(self.frontend.public),
        ]
        return Machine(namespace, root, [*argv, "--root", str(root)])

    def hint(self, version: int) -> None:
        """Notify all nodes."""
        self.network.server.call(notify_nodes, broadcast_addresses(["10.0.0.0/8"]), version)


@contextlib.contextmanager
def publisher(folder: pathlib.Path, net: Network, scratch: pathlib.Path) -> Iterator[Publisher]:
    """Run the frontend's nginx, from the role's templates, in the network's server namespace.

    folder   a folder that nginx's user can enter
    scratch  the folder for the nodes' files
    """
    frontend = Frontend(folder / "frontend")
    web = pathlib.Path(frontend.paths.bundle).parent
    shutil.chown(web, "root", WEB_USER)
    web.chmod(0o2750)
    configure(
        folder,
        "",
        {"frontend_accounts_bundle": frontend.paths.bundle, "__frontend_clients": ["10.0.0.0/8"]},
    )
    argv = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    with net.server.daemon(argv, folder / "log" / "nginx.log") as server:
        probe = ["curl", "-s", "-o", "/dev/null", "http://10.1.1.1/rocks/accounts"]
        until(
            lambda: not net.server.run(probe, timeout=10, ok=range(256)).status,
            10,
            f"nginx: {server.output()}",
        )
        yield Publisher(frontend, net, scratch)
