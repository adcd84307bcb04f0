# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Newer releases of Kea than this machine's start with their report and answer on their socket.

They run in a root of their own, which is made once.  Kea 2.6.3 and newer checks the paths of its
sockets when it starts, and not with ``-t``.
"""

from __future__ import annotations

import contextlib
import pathlib
import re
import subprocess
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Unavailable
from ansible_collections.npaci.rocks.plugins.module_utils.reports.dhcp import kea, kea_control
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import Snapshot
from support.ansible import ROOT
from support.reports import text
from support.waiting import until

SUITES = ("trixie",)  # Debian 13: Kea 2.6.3
BUILD_SECONDS = 900.0
START_SECONDS = 60.0


@pytest.fixture(scope="module", params=SUITES)
def root(request: pytest.FixtureRequest) -> Iterator[pathlib.Path]:
    """Return the root of a Debian release with Kea.

    ``mmdebstrap`` runs in its own mount namespace, so that a killed run leaves nothing mounted.
    """
    folder = ROOT / ".cache" / "kea" / str(request.param)
    if not (folder / "ready").exists():
        process.run(["rm", "-rf", "--one-file-system", str(folder)], timeout=BUILD_SECONDS)
        folder.mkdir(parents=True)
        argv = ["unshare", "--mount", "--", "mmdebstrap", "--variant=minbase"]
        argv += ["--include=kea-dhcp4-server", request.param, str(folder / "root")]
        process.run(argv, timeout=BUILD_SECONDS, env={"TMPDIR": str(folder)})
        (folder / "ready").touch()
    yield folder / "root"


@contextlib.contextmanager
def running_kea(root: pathlib.Path, config: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run Kea in ``root``, in a network of its own, with the folders that its unit creates."""
    for folder, mode in (("run/kea", 0o750), ("var/lib/kea", 0o750)):
        (root / folder).mkdir(mode=mode, parents=True, exist_ok=True)
        (root / folder).chmod(mode)
    (root / "etc/kea/test.conf").write_text(config, encoding="utf-8")
    with open(root / "tmp/kea.log", "wb") as log:
        argv = ["unshare", "--net", "chroot", str(root), "kea-dhcp4", "-c", "/etc/kea/test.conf"]
        server = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        yield server
    finally:
        server.terminate()
        server.wait(START_SECONDS)


def test_kea_starts_with_its_report_and_answers_on_its_socket(
    root: pathlib.Path, snapshot: Snapshot
) -> None:
    release = process.run(["chroot", str(root), "kea-dhcp4", "-v"], timeout=START_SECONDS)
    config = text("kea", snapshot, release=release.stdout.strip(), socket=kea.SOCKET)
    socket = f"{root}{kea.SOCKET}"

    def answers() -> bool:
        try:
            return bool(kea_control.send_command(socket, "version-get")["result"] == 0)
        except Unavailable:
            return False

    with running_kea(root, config) as server:
        until(lambda: answers() or server.poll() is not None, START_SECONDS, "an answer of Kea")
        assert server.poll() is None, (root / "tmp/kea.log").read_text()


def test_kea_rejects_the_socket_in_another_spelling_of_its_folder(
    root: pathlib.Path, snapshot: Snapshot
) -> None:
    """The reason for a name without a folder: if this passes a folder, the rule can go."""
    release = process.run(["chroot", str(root), "kea-dhcp4", "-v"], timeout=START_SECONDS)
    config = text("kea", snapshot, release=release.stdout.strip(), socket=kea.SOCKET)
    config = config.replace('"kea4-ctrl-socket"', '"/var/run/kea/kea4-ctrl-socket"')
    with running_kea(root, config) as server:
        assert server.wait(START_SECONDS) != 0
    assert re.search("socket-name.*invalid path", (root / "tmp/kea.log").read_text())
