# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frontend's rsyslog in a namespace, with the role's file; its logs are in a test's folder."""

from __future__ import annotations

import contextlib
import pathlib
import sys
from typing import Iterator

from .daemons import Daemon
from .namespaces import Namespace
from .rendering import System, role_files
from .site import ROOT
from .waiting import until

CONFIGURATION = "/etc/rsyslog.d/rocks.conf"
PROGRAM = "/usr/libexec/rocks/store-logs"
MODULE = "ansible_collections.npaci.rocks.plugins.module_utils.commands.store_logs"
DEBIAN = System("Debian", "12", "Debian")
READY_SECONDS = 15.0


@contextlib.contextmanager
def node_syslog(namespace: Namespace, folder: pathlib.Path) -> Iterator[Daemon]:
    """Run rsyslog at 10.1.1.1 until the block ends; nodes' logs are in ``folder/logs``."""
    files = role_files(DEBIAN, frontend_private_interface="br0")
    text = files[CONFIGURATION].replace(PROGRAM, f"{sys.executable} -m {MODULE}")
    (folder / "rsyslog.conf").write_text(text.replace("/var/log/rocks", f"{folder}/logs"))
    argv = ["rsyslogd", "-n", "-f", f"{folder}/rsyslog.conf", "-i", f"{folder}/rsyslog.pid"]
    env = {"PYTHONPATH": str(ROOT / ".collections")}
    with namespace.daemon(argv, folder / "rsyslog.log", env=env) as running:
        until(lambda: _listens(namespace), READY_SECONDS, "rsyslog to listen on port 514")
        yield running


def _listens(namespace: Namespace) -> bool:
    return bool(namespace.run(["ss", "-Hlnt", "sport", "=", ":514"], timeout=10).stdout)
