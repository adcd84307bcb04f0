# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The signing key of the lab, which is created for each build and removed after it."""

from __future__ import annotations

import pathlib
from typing import Iterable

from ansible_collections.npaci.rocks.plugins.module_utils import process

OWNER = "lab@example.org"
PARAMETERS = f"""\
%no-protection
Key-Type: RSA
Key-Length: 2048
Name-Real: Lab
Name-Email: {OWNER}
Expire-Date: 0
%commit
"""
SECONDS = 300.0


class Signer:
    """Sign RPM files with a key whose private part is only below ``work``."""

    def __init__(self, work: pathlib.Path) -> None:
        self.home = work / "gnupg"
        self.home.mkdir(mode=0o700, parents=True)
        self._run(["gpg", "--batch", "--quiet", "--gen-key"], PARAMETERS)

    def export(self, path: pathlib.Path) -> None:
        """Write the public key."""
        path.write_text(self._run(["gpg", "--armor", "--export", OWNER]))

    def sign(self, rpms: Iterable[pathlib.Path]) -> None:
        """Add a signature to each file."""
        macros = ["--define", f"_gpg_name {OWNER}", "--define", "__gpg /usr/bin/gpg"]
        self._run(["rpmsign", "--addsign", *macros, *(str(path) for path in rpms)])
        self._run(["gpgconf", "--kill", "all"])

    def _run(self, argv: list[str], stdin: str = "") -> str:
        return process.run(
            argv, timeout=SECONDS, stdin=stdin, env={"GNUPGHOME": str(self.home)}
        ).stdout
