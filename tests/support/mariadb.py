# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real MariaDB server for tests: a template data directory is made once, each server starts on a copy of it."""

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

from ansible_collections.npaci.rocks.plugins.module_utils.cluster import driver

from .daemons import Daemon, daemon
from .waiting import until

TEMPLATE = pathlib.Path(__file__).parents[2] / ".cache" / "mariadb"
READY_SECONDS = 30.0
MEMORY_WANTED = 1 << 30
# Durability is not what the tests are about; everything else is the server's own default.
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
    """A running server; ``root`` needs no password on its socket."""

    folder: pathlib.Path
    daemon: Daemon

    @property
    def socket(self) -> pathlib.Path:
        return self.folder / "socket"

    def url(self, name: str, user: str = "root", credentials: str = "") -> str:
        """The URL of a database on this server, as ``connect`` takes it."""
        options = f"?socket={self.socket}" + (f"&credentials={credentials}" if credentials else "")
        return f"mysql://{user}@localhost/{name}{options}"

    def root(self, name: str = "") -> Any:
        """A connection of the server's administrator."""
        connection = driver.create_connection(
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
        """Make an empty database; its URL."""
        with contextlib.closing(self.root()) as connection:
            connection.query(f"create database `{name}`")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database."""
        with contextlib.closing(self.root()) as connection:
            connection.query(f"drop database if exists `{name}`")

    def answers(self) -> bool:
        """Whether a client gets in now."""
        with socket.socket(socket.AF_UNIX) as knock:  # PyMySQL leaves a refused socket open
            if knock.connect_ex(str(self.socket)):
                return False
        try:
            self.root().close()
        except pymysql.err.MySQLError:
            return False
        return True


@contextlib.contextmanager
def server(folder: pathlib.Path, *options: str) -> Iterator[Server]:
    """Run MariaDB in ``folder`` until the block ends; a folder that held one goes on with its data.

    options  further ones of mariadbd, such as ``--bind-address=10.1.1.1`` with ``--skip-networking=0``
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
    with daemon(argv, folder / "mariadb.log") as running:
        started = Server(folder, running)
        until(
            lambda: started.answers() or not running.alive(), READY_SECONDS, "MariaDB to be ready"
        )
        if not running.alive():
            raise RuntimeError(f"mariadbd ended\n{running.output()[-2000:]}")
        yield started


@contextlib.contextmanager
def fast_folder() -> Iterator[pathlib.Path]:
    """A folder for a server's data: in memory where there is room, since defining 30 tables on a disk takes 0.3 s."""
    memory = pathlib.Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_WANTED
    with tempfile.TemporaryDirectory(
        prefix="rocks-mariadb-", dir=memory if roomy else None
    ) as folder:
        yield pathlib.Path(folder)


def _template() -> pathlib.Path:
    """An initialised data directory, made by the first who asks and kept for later runs."""
    done = TEMPLATE / "done"
    TEMPLATE.mkdir(parents=True, exist_ok=True)
    with open(TEMPLATE / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
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
            done.touch()
    return TEMPLATE / "data"
