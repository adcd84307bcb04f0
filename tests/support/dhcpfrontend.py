# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frontend for tests of insert-ethers: its DHCP server uses the reports, in its own network."""

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
    """A running frontend.  Its files are in ``folder``; ``server`` is the DHCP server."""

    net: Network
    folder: pathlib.Path
    settings: Settings
    server: Daemon

    @property
    def environment(self) -> dict[str, str]:
        """The environment of Ansible on this frontend."""
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
        """Connect to the cluster database; use it in a with statement."""
        return connect(self.settings.database)

    def ansible(self, *words: str) -> list[str]:
        """Return a command of Ansible, for a process in the frontend's namespace."""
        return [str(BIN / words[0]), *words[1:]]

    @contextlib.contextmanager
    def insert_ethers(self, label: str = "insert-ethers", **options: Any) -> Iterator[Daemon]:
        """Run the module, and yield when it reads requests; events and result are in its output."""
        words = ("ansible", "localhost", "-m", "rocks_insert_ethers", "-a", json.dumps(options))
        log = self.folder / f"{label}.log"
        with self.net.server.daemon(self.ansible(*words), log, env=self.environment) as running:
            running.wait_for("reading DHCP requests from", 30)
            yield running

    def module(self, *flags: str, **options: Any) -> dict[str, Any]:
        """Run the module with ``flags`` such as ``--check``, and return its result."""
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
        """Run the module as Ansible does for another host, where it prints no events."""
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
        """Run the module as a program, without Ansible."""
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
        """Run the module at a terminal."""
        arguments = ("-a", json.dumps(options)) if options else ()
        words = ("ansible", "localhost", "-m", "rocks_insert_ethers", *arguments)
        with terminal(self.net.server.argv(self.ansible(*words)), self.environment) as window:
            yield window

    def refuse(self, refuses: bool) -> None:
        """Make the DHCP server reject its files from now on, or accept them again."""
        (self.folder / "refuses").touch() if refuses else (self.folder / "refuses").unlink()


def result_of(running: Daemon) -> dict[str, Any]:
    """Wait for the end of the module, and return its result."""
    running.process.wait(60)
    text = running.output()
    start = text.find("=> {") + 3 if "=> {" in text else text.index("{")
    result: dict[str, Any] = json.loads(text[start : text.rindex("}") + 1])
    return result


@contextlib.contextmanager
def dhcp_frontend(
    name: str,
    net: Network,
    folder: pathlib.Path,
    url: str = "",
    env: Optional[Mapping[str, str]] = None,
    **options: Any,
) -> Iterator[DhcpFrontend]:
    """Run a frontend with a published generation, and no other node.

    name     of the DHCP server: ``kea``, ``dhcpd`` or ``dnsmasq``
    url      of an empty database; default: SQLite
    env      of the DHCP server
    options  of its report
    """
    frontend.publish(folder / "install")
    if name == "dnsmasq":
        refusal = f"[ ! -e {folder}/refuses ] || {{ echo it will not >&2; exit 1; }}"
        (folder / "reload").write_text(f"{refusal}\nkill -HUP $(cat {folder}/pid)\n")
        options = {"reload": ["sh", f"{folder}/reload"], **options}
    with connect(
        url or f"sqlite://{folder}/cluster.sqlite", create=not url, check=False
    ) as database:
        migrate(database)
        _describe(database)
        with serving(name, net, folder, database, env or {}, **options) as served:
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
            "insert into nodes (mac, name, membership, rack, `rank`, ip, comment)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            FRONTEND,
        )
        for attribute, value in frontend.ATTRIBUTES.items():
            database.execute(
                "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)",
                (attribute, value),
            )
