# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""GnuPG keys for tests, and packages signed with them by rpmsign."""

from __future__ import annotations

import pathlib
from typing import NamedTuple

from ansible_collections.npaci.rocks.plugins.module_utils import process

# Time of the signatures of an expired key.
SIGNATURE_TIME = "20200201T000000"


class SecretKey(NamedTuple):
    """A key in its own keyring."""

    home: pathlib.Path
    user: str
    public: pathlib.Path
    """File with the public key, as a vendor publishes it."""
    expired: bool = False

    @property
    def environment(self) -> dict[str, str]:
        return {"GNUPGHOME": str(self.home)}

    @property
    def _time(self) -> list[str]:
        return [f"--faked-system-time={SIGNATURE_TIME}"] if self.expired else []

    def gpg(self, *arguments: str) -> str:
        argv = [
            "gpg",
            "--batch",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
            *self._time,
            *arguments,
        ]
        return process.run(argv, timeout=60, env=self.environment).stdout

    def sign_detached(self, path: pathlib.Path) -> pathlib.Path:
        """Write the detached signature ``path``.asc, and return its path."""
        self.gpg("--yes", "--armor", "--local-user", self.user, "--detach-sign", str(path))
        return path.with_name(f"{path.name}.asc")

    def sign_packages(self, *paths: pathlib.Path) -> None:
        """Sign RPM files in place."""
        macros = {
            "__gpg": "/usr/bin/gpg",
            "_gpg_name": self.user,
            "_gpg_sign_cmd_extra_args": " ".join(self._time),
        }
        defines = [
            word
            for name, value in macros.items()
            for word in ("--define", f"{name} {value or '%{nil}'}")
        ]
        names = [str(path) for path in paths]
        process.run(["rpmsign", *defines, "--addsign", *names], timeout=300, env=self.environment)


def make_key(folder: pathlib.Path, name: str, *, expired: bool = False) -> SecretKey:
    """Create a key pair; an expired one was valid at the time of its signatures."""
    home = folder / f"gnupg-{name}"
    home.mkdir(mode=0o700, parents=True)
    key = SecretKey(home, f"{name}@example.org", folder / f"RPM-GPG-KEY-{name}", expired)
    key.gpg(
        "--quick-generate-key",
        f"{name} <{key.user}>",
        "rsa2048",
        "sign",
        "2021-01-01" if expired else "never",
    )
    key.public.write_text(key.gpg("--armor", "--export", key.user))
    return key
