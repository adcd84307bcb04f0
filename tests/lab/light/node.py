# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node without a virtual machine: the firmware's DHCP by a real client, a boot script, a
kickstart, packages.

It runs the same stage 1 and the same installer as a virtual machine, as process 1 of its own
namespaces. Its root is a directory, nothing is partitioned, and there is no boot loader; an
installation takes seconds.
"""

from __future__ import annotations

import contextlib
import pathlib
import signal
from typing import Iterator

from support.daemons import Daemon
from support.namespaces import Namespace, Network
from support.waiting import until

from .. import cache
from ..image import initrd, stage2
from ..image.initrd import BUILDSTAMP
from ..image.tree import DEFAULT_RELEASE

BOOT = pathlib.Path(__file__).parent / "boot"
# reboot(2) ends process 1 of a process namespace by a signal; the shell around it returns its
# number.
OUTCOMES = {128 + signal.SIGHUP: "reboot", 128 + signal.SIGINT: "poweroff", 10: "local disk"}


class LightNode:
    """A node that is switched off; it installs into ``folder/root``."""

    def __init__(self, namespace: Namespace, folder: pathlib.Path, stage1: pathlib.Path) -> None:
        self.namespace = namespace
        self.folder = folder
        self.stage1 = stage1
        self.root = folder / "root"

    @contextlib.contextmanager
    def power_on(self) -> Iterator[Daemon]:
        """Start it; cut its power when the block ends."""
        (self.folder / "mnt").mkdir(exist_ok=True)
        boot = [str(BOOT), str(self.folder), str(self.stage1), str(stage2.root())]
        inside = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", *boot]
        # The output goes through a pipe, which the node's scripts can open several times.
        with self.namespace.daemon(
            ["bash", "-c", '"$@" | cat; exit "${PIPESTATUS[0]}"', "console", *inside], self.console
        ) as node:
            yield node

    def run(self, seconds: float) -> str:
        """Run one boot from power-on to its end: "reboot", "poweroff" or "local disk"."""
        with self.power_on() as node:
            return self.outcome(node, seconds)

    def outcome(self, node: Daemon, seconds: float) -> str:
        """Return how the boot of a running node ends.

        Raises RuntimeError if its installation stops with an error on its screen.
        """

        def has_ended() -> bool:
            if (
                "THE INSTALLER HAS STOPPED" in self.console_text()
                or "STAGE 1 IS STUCK" in self.console_text()
            ):
                raise RuntimeError(f"{self.folder.name} is stuck:\n{self.console_text()[-2000:]}")
            return not node.alive()

        until(has_ended, seconds, f"{self.folder.name} to end its boot")
        status = node.process.returncode
        if status not in OUTCOMES:
            raise RuntimeError(
                f"{self.folder.name} ended with status {status}:\n{self.console_text()[-2000:]}"
            )
        return OUTCOMES[status]

    @property
    def console(self) -> pathlib.Path:
        return self.folder / "console"

    def console_text(self) -> str:
        """Return the console's text of all its boots."""
        return (
            self.console.read_text(encoding="utf-8", errors="replace")
            if self.console.exists()
            else ""
        )


def light_node(net: Network, folder: pathlib.Path, mac: str, rate: str = "") -> LightNode:
    """Return a node on the network that is switched off; its namespace ends with the network.

    rate  the limit of its network card, as tc writes it (``8mbit``)
    """
    (folder / "root").mkdir(parents=True)
    return LightNode(net.client(folder.name, mac, rate), folder, stage1())


def stage1() -> pathlib.Path:
    """Return stage 1 as a directory."""
    key = cache.key_of(
        pathlib.Path(initrd.__file__), initrd.HERE / "stage1", more=[stage2.root().parent.name]
    )
    return cache.part("light", key, lambda out: _lay_out(out / "root")) / "root"


def _lay_out(root: pathlib.Path) -> None:
    initrd.lay_out(root)
    (root / ".buildstamp").write_text(BUILDSTAMP.format(release=DEFAULT_RELEASE))
