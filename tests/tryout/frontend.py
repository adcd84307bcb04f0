# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands on the frontend: over ssh, through a port of this machine."""

from __future__ import annotations

import pathlib
import shlex
from dataclasses import dataclass
from typing import Any, Protocol, Sequence

from ansible_collections.npaci.rocks.plugins.module_utils import process

COLLECTION = "/usr/share/ansible/collections/ansible_collections/npaci/rocks"
OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "ConnectTimeout=20",
    "ServerAliveInterval=15",
)
COMMAND_SECONDS = 120.0


class Frontend(Protocol):
    """A machine that is, or becomes, the frontend."""

    def argv(self, argv: Sequence[str]) -> list[str]:
        """Return the command that runs ``argv`` there, in the folder of the collection."""
        ...

    def run(self, *argv: str, timeout: float = COMMAND_SECONDS, **options: Any) -> str:
        """Run a program there, with the options of ``process.run``, and return its output."""
        ...


@dataclass(frozen=True)
class SshFrontend:
    """A virtual machine, reached as root."""

    port: int
    key: pathlib.Path

    def argv(self, argv: Sequence[str]) -> list[str]:
        options = [word for option in OPTIONS for word in ("-o", option)]
        login = ["ssh", "-i", str(self.key), "-p", str(self.port), *options, "root@127.0.0.1"]
        # Before the first boot has ended, the folder is missing.
        path = "export PATH=/usr/local/bin:$PATH ANSIBLE_NOCOLOR=1 PYTHONUNBUFFERED=1"
        return [*login, f"{path}; cd {COLLECTION} 2>/dev/null; {shlex.join(argv)}"]

    def run(self, *argv: str, timeout: float = COMMAND_SECONDS, **options: Any) -> str:
        return process.run(self.argv(argv), timeout=timeout, **options).stdout


def new_key(folder: pathlib.Path) -> pathlib.Path:
    """Create a key pair in ``folder``, and return the file of the private key."""
    path = folder / "key"
    process.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "try", "-f", str(path)],
        timeout=COMMAND_SECONDS,
    )
    return path
