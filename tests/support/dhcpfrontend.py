# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frontend whose DHCP server runs on what the reports wrote, in a network of its own: the ground for insert-ethers."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import sys
from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Optional

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings

from . import frontend, reports
from .ansible import BIN, ROOT
from .daemons import Daemon
from .namespaces import Network
from .reporting import serving
from .terminal import Terminal, terminal

NETWORK = ("private", "10.1.0.0", "255.255.0.0", "cluster", "private")
FRONTEND = ("00:30:c1:d8:ac:80", "frontend-0", 1, 0, 0, "10.1.1.1", "Gateway machine")


@dataclass(frozen=True)
class DhcpFrontend:
    """The files are in ``folder``; ``server`` is the running DHCP server's first process."""

    net: Network
    folder: pathlib.Path
    settings: Settings
    server: Daemon

    @property
    def environment(self) -> dict[str, str]:
        """What tells Ansible where this frontend is."""
        return {
            "PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_STDOUT_CALLBACK": "minimal",
            "ROCKS_CONFIG": str(self.folder / "rocks.yml"),
        }

    def database(self) -> Database:
        """The cluster database, to be opened with ``with``."""
        return connect(self.settings.database)

    def ansible(self, *words: str) -> list[str]:
        """A command of Ansible, for a process that runs in the frontend's namespace."""
        return [str(BIN / words[0]), *words[1:]]

    @contextlib.contextmanager
    def insert_ethers(self, label: str = "insert-ethers", **options: Any) -> Iterator[Daemon]:
        """The module, once it listens; its lines and its result are in the output."""
        words = ("ansible", "localhost", "-m", "rocks_insert_ethers", "-a", json.dumps(options))
        log = self.folder / f"{label}.log"
        with self.net.server.daemon(self.ansible(*words), log, env=self.environment) as running:
            running.wait_for("reading DHCP requests from", 30)
            yield running

    def module(self, *flags: str, **options: Any) -> dict[str, Any]:
        """The module, once it has ended; ``flags`` such as ``--check``."""
        words = (
            "ansible",
            "localhost",
            "-m",
            "rocks_insert_ethers",
            "-a",
            json.dumps(options),
            *flags,
        )
        log = self.folder / f"module-{len(list(self.folder.glob('module-*')))}.log"
        with self.net.server.daemon(self.ansible(*words), log, env=self.environment) as running:
            return result_of(running)

    @contextlib.contextmanager
    def silently(self, **options: Any) -> Iterator[Daemon]:
        """The module as Ansible sends it to a frontend that it does not run on."""
        host = (
            "-i",
            "frontend-0,",
            "frontend-0",
            "-c",
            "elsewhere",
            "-e",
            f"ansible_python_interpreter={sys.executable}",
        )
        words = ("ansible", *host, "-m", "rocks_insert_ethers", "-a", json.dumps(options))
        env = {
            **self.environment,
            "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "tests" / "support" / "connections"),
        }
        with self.net.server.daemon(
            self.ansible(*words), self.folder / "silently.log", env=env
        ) as running:
            yield running

    @contextlib.contextmanager
    def as_program(self, **options: Any) -> Iterator[Daemon]:
        """The module as the program that it is at the end."""
        arguments = self.folder / "arguments.json"
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
        argv = [
            sys.executable,
            str(ROOT / "plugins" / "modules" / "rocks_insert_ethers.py"),
            str(arguments),
        ]
        env = {**self.environment, "PYTHONPATH": str(ROOT / ".collections")}
        with self.net.server.daemon(argv, self.folder / "program.log", env=env) as running:
            yield running

    @contextlib.contextmanager
    def at_terminal(self, **options: Any) -> Iterator[Terminal]:
        """The module at a terminal with a person before it."""
        arguments = ("-a", json.dumps(options)) if options else ()
        words = ("ansible", "localhost", "-m", "rocks_insert_ethers", *arguments)
        with terminal(self.net.server.argv(self.ansible(*words)), self.environment) as opened:
            yield opened

    def refuse(self, refuses: bool) -> None:
        """Let the server refuse its files from now on, or take them again."""
        (self.folder / "refuses").touch() if refuses else (self.folder / "refuses").unlink()


def result_of(running: Daemon) -> dict[str, Any]:
    """What the module returned, once it has ended."""
    running.process.wait(60)
    text = running.output()
    begin = text.find("=> {") + 3 if "=> {" in text else text.index("{")
    found: dict[str, Any] = json.loads(text[begin : text.rindex("}") + 1])
    return found


@contextlib.contextmanager
def dhcp_frontend(
    name: str,
    net: Network,
    folder: pathlib.Path,
    url: str = "",
    env: Optional[Mapping[str, str]] = None,
    **said: Any,
) -> Iterator[DhcpFrontend]:
    """A frontend with ``kea``, ``dhcpd`` or ``dnsmasq``, a published generation, and no node but itself.

    url   of an empty database; without it SQLite
    env   of the DHCP server
    said  options of its report
    """
    frontend.publish(folder / "install")
    if name == "dnsmasq":
        refusal = f"[ ! -e {folder}/refuses ] || {{ echo it will not >&2; exit 1; }}"
        (folder / "reload").write_text(f"{refusal}\nkill -HUP $(cat {folder}/pid)\n")
        said = {"reload": ["sh", f"{folder}/reload"], **said}
    with connect(
        url or f"sqlite://{folder}/cluster.sqlite", create=not url, check=False
    ) as database:
        migrate(database)
        _describe(database)
        with serving(name, net, folder, database, env or {}, **said) as served:
            settings = dataclasses.replace(
                served.settings,
                distributions=str(folder / "install"),
                reports={"hosts": reports.into(folder, "hosts"), **served.settings.reports},
            )
            keys = ("database", "distributions", "reports")
            (folder / "rocks.yml").write_text(
                json.dumps({key: getattr(settings, key) for key in keys})
            )
            yield DhcpFrontend(net, folder, settings, served.server)


def _describe(database: Database) -> None:
    with database.transaction():
        database.execute(
            "insert into networks (name, subnet, netmask, zone, kind) values (?, ?, ?, ?, ?)",
            NETWORK,
        )
        database.execute(
            "insert into nodes (mac, name, membership, rack, `rank`, ip, comment) values (?, ?, ?, ?, ?, ?, ?)",
            FRONTEND,
        )
        for attribute, value in frontend.ATTRIBUTES.items():
            database.execute(
                "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)",
                (attribute, value),
            )
