# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check signatures of repomd.xml and of RPMs against the keys of a source, and sign our own.

gpgv checks repomd.xml.  rpmkeys checks packages, many in one call, with a keyring of these keys
only.  A package is checked once: its inode, size and time of change are recorded when it passes.
"""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import hashlib
import os
import re
import tempfile
import time
from typing import Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence

from ... import files
from ...errors import DescriptionError, NotFound
from ...process import Run, run
from ..model import Source

TIMEOUT = 60.0
# Bytes per second that rpmkeys reads at least; an old core reads 200 MB/s.
MIN_SPEED = 5_000_000
BATCH_SIZE = 250
SHOWN_PACKAGES = 10
SIGNATURE = re.compile(
    r"(?P<header>Header )?.*signature, key (?:ID|fingerprint:?) (?P<key>[0-9a-f]+):"
    r" (?P<result>\w+)",
    re.IGNORECASE,
)
GOOD_PAYLOAD = re.compile(r"Payload .*digest: OK")
DAMAGED = re.compile(r".*digest: BAD")
# An empty line ends the headers of the armour; the line of the checksum begins with "=".
BLOCK = re.compile(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----.*?\n\s*\n(.*?)-----END", re.DOTALL)
CHECKSUM = re.compile(rb"^=.*$", re.MULTILINE)
# Status of gpgv -> the fault.
FAULTS = {
    "BADSIG": "its signature is wrong: it was changed after {0} signed it",
    "NO_PUBKEY": "it is signed by {0}, which is not one of the keys",
    "EXPKEYSIG": "it is signed by {0}, a key that has expired",
    "REVKEYSIG": "it is signed by {0}, a key that was revoked",
    "EXPSIG": "its signature by {0} has expired",
}


class SignedFile(NamedTuple):
    """An RPM file to check."""

    path: str
    label: str
    """Name of the file in errors."""


class Key(NamedTuple):
    """A public key or subkey of a key file."""

    fingerprint: str
    expires: int
    """Seconds since 1970; 0 for never."""
    revoked: bool
    primary: bool


def check_detached_signature(
    data: bytes, signature: bytes, keys: Sequence[str], where: str, *, run: Run = run
) -> None:
    """Check the detached signature of ``data`` (repomd.xml); ``where`` names it in errors.

    keys  paths of key files; the signature must be by one of their keys, and the key valid

    Raises DescriptionError for a wrong signature and an unknown or expired key, and NotFound for a
    missing key file.
    """
    with _gpgv_folder(data, keys) as folder:
        signature_path = os.path.join(folder, "signature")
        files.replace(signature_path, signature)
        _check_with_gpgv([signature_path, os.path.join(folder, "data")], folder, keys, where, run)


def read_clearsigned(data: bytes, keys: Sequence[str], where: str, *, run: Run = run) -> bytes:
    """Return the text that a clear-signed file signs, without what surrounds it.

    The arguments and errors are those of ``check_detached_signature``.
    """
    with _gpgv_folder(data, keys) as folder:
        text = os.path.join(folder, "text")
        _check_with_gpgv(["--output", text, os.path.join(folder, "data")], folder, keys, where, run)
        return files.read_bytes(text)


@contextlib.contextmanager
def _gpgv_folder(data: bytes, keys: Sequence[str]) -> Iterator[str]:
    """Provide a folder with the data and the keyring, for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="rocks-gpgv-") as folder:
        files.replace(os.path.join(folder, "data"), data)
        files.replace(os.path.join(folder, "keyring"), _keyring(keys))
        yield folder


def _check_with_gpgv(
    arguments: Sequence[str], folder: str, keys: Sequence[str], where: str, run: Run
) -> None:
    """Raise DescriptionError unless gpgv reports a good signature."""
    argv = ["gpgv", "--status-fd", "1", "--keyring", os.path.join(folder, "keyring"), *arguments]
    fault = _signature_fault(run(argv, timeout=TIMEOUT, ok=range(256)).stdout)
    if fault:
        raise DescriptionError(fault, where, f"the keys are from {', '.join(keys) or 'no file'}")


def check_package_signatures(
    source: Source,
    packages: Iterable[SignedFile],
    cache: str,
    *,
    run: Run = run,
    now: Optional[float] = None,
) -> int:
    """Check that each package has a good signature of one of the source's keys.

    cache  an existing folder that records the checked packages
    now    seconds since 1970 at which keys must be valid; None: the current time

    Returns the number of packages that were not recorded before.  Raises one DescriptionError that
    lists the files that are unsigned, damaged, or signed by another or expired key; the other files
    are recorded.
    """
    record = _CheckedFiles(os.path.join(cache, f"signed-{_keys_digest(source.gpg_keys)}"))
    unchecked = [package for package in packages if package.path not in record]
    if not unchecked:
        return 0
    keys = list_keys(source.gpg_keys, run)
    with tempfile.TemporaryDirectory(prefix="rocks-rpmkeys-") as database:
        if source.gpg_keys:
            run(["rpmkeys", "--dbpath", database, "--import", *source.gpg_keys], timeout=TIMEOUT)
        time_now = time.time() if now is None else now
        faults = _check_all(unchecked, database, keys, now=time_now, run=run)
    record.add(package.path for package in unchecked if package.label not in faults)
    if faults:
        raise _combined_error(source, faults)
    return len(unchecked)


def list_keys(paths: Sequence[str], run: Run = run) -> list[Key]:
    """Return the keys and subkeys in these files.

    Raises NotFound for a missing file, DescriptionError for a file without a key.
    """
    keys = []
    for path in paths:
        if not os.path.isfile(path):
            raise NotFound("key file not found", path)
        with tempfile.TemporaryDirectory(prefix="rocks-gpg-") as home:
            argv = ["gpg", "--homedir", home, "--batch", "--with-colons", "--show-keys", path]
            listing = run(argv, timeout=TIMEOUT, ok=range(256)).stdout
        keys_in_file = _parse_keys(listing)
        if not keys_in_file:
            raise DescriptionError(
                "no OpenPGP public key", path, "give the file in which the vendor publishes its key"
            )
        keys += keys_in_file
    return keys


def sign_file(path: str, key: str, *, run: Run = run) -> str:
    """Write the armoured detached signature ``path``.asc, and return its path.

    key  fingerprint or mail address of a secret key in the caller's GnuPG keyring
    """
    target = f"{path}.asc"
    with tempfile.TemporaryDirectory(prefix="rocks-sign-") as folder:
        aside = os.path.join(folder, "signature")
        argv = [
            "gpg",
            "--batch",
            "--yes",
            "--armor",
            "--local-user",
            key,
            "--output",
            aside,
            "--detach-sign",
            path,
        ]
        run(argv, timeout=TIMEOUT, env=_keyring_environment())
        files.replace(target, files.read_bytes(aside))
    return target


def export_public_key(key: str, *, run: Run = run) -> str:
    """Return the armoured public key of the site, for the nodes."""
    exported = run(
        ["gpg", "--batch", "--armor", "--export", key], timeout=TIMEOUT, env=_keyring_environment()
    ).stdout
    if not exported:
        raise NotFound(
            "the key is not in the keyring", key, "gpg --list-secret-keys lists the keys"
        )
    return exported


class _CheckedFiles:
    """Record of the packages that passed, a path in the pool each.

    The path contains the checksum of the content, and nothing writes to a file of the pool again.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lines: set[str] = set()
        with contextlib.suppress(NotFound):
            self._lines = set(files.read_text(path).splitlines())

    def __contains__(self, path: str) -> bool:
        return path in self._lines

    def add(self, paths: Iterable[str]) -> None:
        new = set(paths) - self._lines
        if new:
            old = {line for line in self._lines if os.path.exists(line)}
            files.replace(self._path, "".join(f"{line}\n" for line in sorted(old | new)))


def _check_all(
    packages: Sequence[SignedFile], database: str, keys: Sequence[Key], *, now: float, run: Run
) -> Mapping[str, str]:
    """Return label -> fault of each bad file, from several calls of rpmkeys at a time."""
    batches = [
        packages[start : start + BATCH_SIZE] for start in range(0, len(packages), BATCH_SIZE)
    ]

    def check(batch: Sequence[SignedFile]) -> dict[str, str]:
        argv = ["rpmkeys", "--dbpath", database, "-Kv", *(package.path for package in batch)]
        size = sum(os.stat(package.path).st_size for package in batch)
        output = run(argv, timeout=TIMEOUT + size / MIN_SPEED, ok=range(256)).stdout
        lines = _lines_by_file(output, batch)
        faults = (
            (package.label, _fault(lines.get(package.path, []), keys, now)) for package in batch
        )
        return {label: fault for label, fault in faults if fault}

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return {
            label: fault for faults in pool.map(check, batches) for label, fault in faults.items()
        }


def _lines_by_file(output: str, batch: Sequence[SignedFile]) -> Mapping[str, list[str]]:
    """Split the output of rpmkeys: for each file, its path and a colon, then indented lines."""
    paths = {f"{package.path}:": package.path for package in batch}
    blocks: dict[str, list[str]] = {}
    current: list[str] = []
    for line in output.splitlines():
        if line in paths:
            current = blocks.setdefault(paths[line], [])
        else:
            current.append(line.strip())
    return blocks


def _fault(lines: Sequence[str], keys: Sequence[Key], now: float) -> str:
    """Return the fault of one package; empty when its signature is good.

    A signature of the header covers the payload through the payload's digest in that header.
    Packages from before rpm 4.14 have no such digest, and need the second signature, which covers
    both.
    """
    if not lines or any(DAMAGED.match(line) for line in lines):
        return "is damaged"
    matches = [match for match in map(SIGNATURE.match, lines) if match]
    good = [match for match in matches if match["result"] == "OK"]
    unknown = [match for match in matches if match["result"] == "NOKEY"]
    if not matches:
        return "is not signed"
    if len(good) + len(unknown) < len(matches):
        return "has a wrong signature"
    if not good:
        return f"is signed by {unknown[0]['key']}, which is not one of the keys"
    if all(match["header"] for match in good) and not any(map(GOOD_PAYLOAD.match, lines)):
        return "has a signature that does not cover its payload"
    invalid = [_key_fault(match["key"], keys, now) for match in good]
    return invalid[0] if all(invalid) else ""


def _key_fault(key_id: str, keys: Sequence[Key], now: float) -> str:
    """Return why a key is not valid; empty when it is.

    key_id  end of the fingerprint, as rpmkeys prints it
    """
    for key in keys:
        if key.fingerprint.lower().endswith(key_id.lower()):
            if key.revoked:
                return f"is signed by {key_id}, a key that was revoked"
            if 0 < key.expires < now:
                return f"is signed by {key_id}, a key that expired on {_date(key.expires)}"
    return ""


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _combined_error(source: Source, faults: Mapping[str, str]) -> DescriptionError:
    first_faults = sorted(faults.items())[:SHOWN_PACKAGES]
    shown = ", ".join(f"{label} {fault}" for label, fault in first_faults)
    more = f", and {len(faults) - SHOWN_PACKAGES} more" if len(faults) > SHOWN_PACKAGES else ""
    key_files = ", ".join(source.gpg_keys) or "no file"
    return DescriptionError(
        f"{shown}{more}",
        source.where,
        f"the keys are from {key_files}; exclude the packages, or add a key",
    )


def _signature_fault(status: str) -> str:
    """Return the fault in gpgv's status lines (GnuPG's doc/DETAILS); empty for a good signature."""
    arguments = {
        words[1]: words[2:]
        for words in (line.split() for line in status.splitlines())
        if len(words) > 1
    }
    for code, what in FAULTS.items():
        if code in arguments:
            return what.format(*arguments[code])
    is_good = "GOODSIG" in arguments and "VALIDSIG" in arguments
    return "" if is_good else "its signature cannot be read"


def _parse_keys(listing: str) -> list[Key]:
    """Parse the keys in ``gpg --with-colons``: a pub or sub line, then its fpr line."""
    keys: list[Key] = []
    fields: list[str] = []
    for line in listing.splitlines():
        words = line.split(":")
        if words[0] in ("pub", "sub"):
            fields = words
        elif words[0] == "fpr" and fields:
            expires = int(fields[6] or 0)
            keys.append(
                Key(words[9], expires, revoked=fields[1] == "r", primary=fields[0] == "pub")
            )
            fields = []
    return keys


def _keyring(paths: Sequence[str]) -> bytes:
    """Return the keys of all files in the binary form of gpgv (RFC 9580, 6.2)."""
    ring = b""
    for path in paths:
        data = files.read_bytes(path)
        blocks = BLOCK.findall(data)
        ring += (
            b"".join(base64.b64decode(CHECKSUM.sub(b"", block)) for block in blocks)
            if blocks
            else data
        )
    return ring


def _keys_digest(paths: Sequence[str]) -> str:
    return hashlib.sha256(_keyring(paths)).hexdigest()[:16]


def _keyring_environment() -> dict[str, str]:
    """Return the environment that locates the caller's secret keys."""
    return {name: os.environ[name] for name in ("GNUPGHOME",) if name in os.environ}
