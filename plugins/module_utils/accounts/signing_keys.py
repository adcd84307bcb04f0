# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key pair of the bundle: made once on the frontend, its public half goes to each node with its kickstart.

RSA with SHA-256: every node's own openssl verifies it, also in FIPS mode, and the same text has the same signature.
(Ed25519 is unknown to the commands of OpenSSL 1.1.1, which EL 8 has; a signature of ECDSA differs each time.)
"""

from __future__ import annotations

import os

from .. import files
from ..process import Run

BITS = 3072
SECONDS = 60.0


def ensure(path: str, run: Run) -> bool:
    """Make the private key, for root alone, when there is none, and its public half beside it; whether it was made."""
    made = not os.path.exists(path)
    if made:
        key = run(
            ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{BITS}"],
            timeout=SECONDS,
        )
        files.replace(path, key.stdout, mode=0o600)
    if made or not os.path.exists(f"{path}.pub"):
        files.replace(f"{path}.pub", public(path, run), mode=0o644)
    return made


def public(path: str, run: Run) -> str:
    """The public half, as PEM.  Raises CommandError when the file holds no private key."""
    return run(["openssl", "pkey", "-in", path, "-pubout"], timeout=SECONDS).stdout


def sign(path: str, text: str, run: Run) -> bytes:
    """The signature of a text."""
    said = run(
        ["openssl", "dgst", "-sha256", "-hex", "-sign", path], stdin=text, timeout=SECONDS
    ).stdout
    return bytes.fromhex(said.split()[-1])  # "SHA2-256(stdin)= 1f2e…"
