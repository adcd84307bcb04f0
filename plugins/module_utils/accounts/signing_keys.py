# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key pair that signs the bundle; nodes get the public key with their kickstart.

RSA with SHA-256: the openssl of every node can verify it, also in FIPS mode, and equal texts have
equal signatures.  The commands of OpenSSL 1.1.1 (EL 8) do not support Ed25519, and ECDSA signatures
differ each time.
"""

from __future__ import annotations

import os

from .. import files
from ..process import Run

BITS = 3072
TIMEOUT_SECONDS = 60.0


def ensure_key(path: str, run: Run) -> None:
    """Create the private key ``path`` and the public key ``path``.pub unless they exist."""
    create = not os.path.exists(path)
    if create:
        key = run(
            ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{BITS}"],
            timeout=TIMEOUT_SECONDS,
        )
        files.replace(path, key.stdout, mode=0o600)
    if create or not os.path.exists(f"{path}.pub"):
        files.replace(f"{path}.pub", public_key(path, run), mode=0o644)


def public_key(path: str, run: Run) -> str:
    """Return the public key, as PEM.  Raises CommandError when the file is not a private key."""
    return run(["openssl", "pkey", "-in", path, "-pubout"], timeout=TIMEOUT_SECONDS).stdout


def sign(path: str, text: str, run: Run) -> bytes:
    """Return the signature of a text."""
    finished = run(
        ["openssl", "dgst", "-sha256", "-hex", "-sign", path],
        stdin=text,
        timeout=TIMEOUT_SECONDS,
    )
    return bytes.fromhex(finished.stdout.split()[-1])  # "SHA2-256(stdin)= 1f2e…"
