# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real MariaDB servers for tests, each on a copy of a data directory that is initialised once."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Any, Iterator

import pymysql

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.engines import pymysql_driver

from .daemons import Daemon, daemon
from .waiting import until

TEMPLATE = pathlib.Path(__file__).parents[2] / ".cache" / "mariadb"
READY_SECONDS = 30.0
REQUIRED_MEMORY = 1 << 30
# The tests do not need durability; everything else is the default of the server.
OPTIONS = (
    "--no-defaults",
    "--user=root",
    "--skip-networking",
    "--skip-log-bin",
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--sync-frm=0",
    "--innodb-log-file-size=16M",
)


@dataclass(frozen=True)
class Server:
    """A running server; ``root`` needs no password on the Unix socket."""

    folder: pathlib.Path
    daemon: Daemon

    @property
    def socket(self) -> pathlib.Path:
        return self.folder / "socket"

    def url(self, name: str, user: str = "root", credentials: str = "") -> str:
        """Return the URL of a database on this server."""
        options = f"?socket={self.socket}" + (f"&credentials={credentials}" if credentials else "")
        return f"mysql://{user}@localhost/{name}{options}"

    def root(self, name: str = "") -> Any:
        """Return a connection of PyMySQL with the server's administrator."""
        connection = pymysql_driver.create_connection(
            tls=None,
            socket=str(self.socket),
            user="root",
            database=name or None,
            autocommit=True,
            charset="utf8mb4",
        )
        connection.connect()
        return connection

    def create(self, name: str) -> str:
        """Create an empty database, and return its URL."""
        with contextlib.closing(self.root()) as connection:
            connection.query(f"create database `{name}`")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database."""
        with contextlib.closing(self.root()) as connection:
            connection.query(f"drop database if exists `{name}`")

    def answers(self) -> bool:
        """Whether a client can connect now."""
        with socket.socket(socket.AF_UNIX) as client:  # PyMySQL leaves a refused socket open
            if client.connect_ex(str(self.socket)):
                return False
        try:
            self.root().close()
        except pymysql.err.MySQLError:
            return False
        return True


@contextlib.contextmanager
def server(folder: pathlib.Path, *options: str) -> Iterator[Server]:
    """Run MariaDB until the block ends, with the data of the last server in ``folder``, if any.

    options  of mariadbd, such as ``--bind-address=10.1.1.1`` with ``--skip-networking=0``
    """
    data = folder / "data"
    if not data.exists():
        shutil.copytree(_template(), data)
    argv = [
        "mariadbd",
        *OPTIONS,
        f"--datadir={data}",
        f"--socket={folder / 'socket'}",
        f"--pid-file={folder / 'pid'}",
        *options,
    ]
    with daemon(argv, folder / "mariadb.log") as process:
        running = Server(folder, process)
        until(
            lambda: running.answers() or not process.alive(), READY_SECONDS, "MariaDB to be ready"
        )
        if not process.alive():
            raise RuntimeError(f"mariadbd ended\n{process.output()[-2000:]}")
        yield running


@contextlib.contextmanager
def fast_folder() -> Iterator[pathlib.Path]:
    """Create a folder for a server's data, in memory if possible.

    Defining 30 tables on a disk takes 0.3 s.
    """
    memory = pathlib.Path("/dev/shm")
    fits = memory.is_dir() and shutil.disk_usage(memory).free > REQUIRED_MEMORY
    with tempfile.TemporaryDirectory(prefix="rocks-mariadb-", dir=memory if fits else None) as path:
        yield pathlib.Path(path)


def _template() -> pathlib.Path:
    """Return an initialised data directory; it is created once and kept for later runs."""
    marker = TEMPLATE / "done"
    TEMPLATE.mkdir(parents=True, exist_ok=True)
    with open(TEMPLATE / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.exists():
            shutil.rmtree(TEMPLATE / "data", ignore_errors=True)
            subprocess.run(
                [
                    "mariadb-install-db",
                    "--no-defaults",
                    f"--datadir={TEMPLATE / 'data'}",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                    "--user=root",
                    "--innodb-log-file-size=16M",
                ],
                check=True,
                capture_output=True,
                env={**os.environ, "HOME": str(TEMPLATE)},
            )
            marker.touch()
    return TEMPLATE / "data"
