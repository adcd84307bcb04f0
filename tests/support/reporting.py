# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A DHCP server that runs with its report in the test's own network."""

from __future__ import annotations

import contextlib
import pathlib
import shlex
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import Outcome
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings

from .daemons import Daemon
from .namespaces import BRIDGE, Network
from .reports import into, write

READY: Mapping[str, str] = {
    "kea": "DHCP4_STARTED",
    "dhcpd": "Server starting service",
    "dnsmasq": "started, version",
}
READY_SECONDS = 15.0


@dataclass(frozen=True)
class Serving:
    """A running server, and the site whose report it reads."""

    net: Network
    settings: Settings
    server: Daemon

    def write(self) -> Outcome:
        """Write the report in the frontend's namespace."""
        return self.net.server.call(_write, self.settings)


@contextlib.contextmanager
def serving(
    name: str,
    net: Network,
    folder: pathlib.Path,
    database: Database,
    env: Mapping[str, str] = {},
    **options: Any,
) -> Iterator[Serving]:
    """Run ``kea``, ``dhcpd`` or ``dnsmasq`` with its report of ``database``.

    ``env`` is added to the environment of the server; ``options`` are those of the report.
    """
    options = {**_options(name, folder), **options}
    settings = Settings(
        database=database.location.url, url="http://10.1.1.1", reports={name: options}
    )
    net.server.call(_write, settings)
    argv, own = _server(name, folder)
    with net.server.daemon(argv, folder / f"{name}.log", env={**own, **env}) as server:
        server.wait_for(READY[name], READY_SECONDS)
        yield Serving(net, settings, server)


def _write(settings: Settings) -> Outcome:
    with connect(settings.database) as database:
        (outcome,) = write(database, settings)
        return outcome


def _server(name: str, folder: pathlib.Path) -> tuple[list[str], Mapping[str, str]]:
    if name == "kea":
        folders = {"KEA_PIDFILE_DIR": str(folder), "KEA_LOCKFILE_DIR": str(folder)}
        return ["kea-dhcp4", "-c", f"{folder}/kea-dhcp4.conf"], folders
    if name == "dnsmasq":
        files = [f"--conf-file={folder}/rocks.conf", f"--pid-file={folder}/pid"]
        argv = ["dnsmasq", "--keep-in-foreground", "--log-facility=-", "--user=root", *files]
    else:
        (folder / "leases").touch()
        files = ["-cf", f"{folder}/dhcpd.conf", "-lf", f"{folder}/leases", "-pf", f"{folder}/pid"]
        argv = ["dhcpd", "-4", "-f", "-d", *files, BRIDGE]
    # Restart it when it exits, as an init does.
    return ["sh", "-c", f"while :; do {shlex.join(argv)}; done"], {}


def _options(name: str, folder: pathlib.Path) -> dict[str, Any]:
    """Return the report's options: files in the folder, and commands that work without systemd."""
    if name == "kea":
        paths = {"socket": f"{folder}/kea.sock", "leases": f"{folder}/kea.leases"}
        return into(folder, name, interfaces=[BRIDGE], **paths)
    alive = ["sh", "-c", f"kill -0 $(cat {folder}/pid)"]
    (folder / "restart").write_text(
        f"old=$(cat {folder}/pid); kill $old\n"
        f'until new=$(cat {folder}/pid) && [ "$new" != "$old" ] && kill -0 "$new"; do sleep 0.02;'
        f" done\n"
    )
    restart = ["sh", f"{folder}/restart"]
    if name == "dhcpd":
        return into(folder, name, alive=alive, reload=restart)
    hangup = ["sh", "-c", f"kill -HUP $(cat {folder}/pid)"]
    return into(folder, name, interfaces=[BRIDGE], alive=alive, reload=hangup, start=restart)
