# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Log in to an installed machine with a key."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support.namespaces import Namespace

OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "ConnectTimeout=20",
)
SECONDS = 120.0


@dataclass(frozen=True)
class Key:
    """A key pair of a test."""

    private: pathlib.Path

    @property
    def public(self) -> str:
        return self.private.with_suffix(".pub").read_text().strip()

    def run(self, source: Namespace, address: str, *argv: str, timeout: float = SECONDS) -> str:
        """Run a command as root at ``address``, from ``source``, and return its output."""
        options = [word for option in OPTIONS for word in ("-o", option)]
        return source.run(
            ["ssh", "-i", str(self.private), *options, f"root@{address}", *argv], timeout=timeout
        ).stdout


def new_key(folder: pathlib.Path) -> Key:
    """Create a key in ``folder``."""
    path = folder / "key"
    process.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], timeout=SECONDS)
    return Key(path)
