# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who made this?  Signatures of repomd.xml and of RPMs, against the keys that the administrator gives as files.

gpgv checks repomd.xml; rpmkeys checks packages, many in one call, with a keyring of nothing but these keys.  A
package is checked once: what passed is remembered by its inode, size and time of change.
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
from typing import Iterable, Mapping, NamedTuple, Optional, Sequence

from ... import files
from ...errors import DescriptionError, NotFound
from ...process import Run, run
from ..model import Source

TIMEOUT = 60.0
# Seconds that rpmkeys may take for a batch beyond TIMEOUT: it reads every byte, at 200 MB/s on an old core.
SLOWEST = 5_000_000
BATCH = 250
SHOWN_FAULTS = 10
SIGNATURE = re.compile(
    r"(?P<header>Header )?.*signature, key (?:ID|fingerprint:?) (?P<key>[0-9a-f]+): (?P<result>\w+)",
    re.IGNORECASE,
)
PAYLOAD = re.compile(r"Payload .*digest: OK")
DAMAGED = re.compile(r".*digest: BAD")
# After the armour's headers comes an empty line; the checksum's line begins with "=".
BLOCK = re.compile(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----.*?\n\s*\n(.*?)-----END", re.DOTALL)
CHECKSUM = re.compile(rb"^=.*$", re.MULTILINE)
AGAINST = {
    "BADSIG": "its signature is wrong: it is not what {0} signed",
    "NO_PUBKEY": "it is signed by {0}, a key that was not given",
    "EXPKEYSIG": "it is signed by {0}, a key that has expired",
    "REVKEYSIG": "it is signed by {0}, a key that was revoked",
    "EXPSIG": "its signature by {0} has expired",
}


class SignedFile(NamedTuple):
    """An RPM file: where it lies, and how an error names it."""

    path: str
    shown: str


class Key(NamedTuple):
    """A public key or subkey of a key file; ``expires`` is in seconds since 1970, 0 for never."""

    fingerprint: str
    expires: int
    revoked: bool


def check_detached_signature(
    data: bytes, signature: bytes, keys: Sequence[str], where: str, *, run: Run = run
) -> None:
    """Check the detached signature of ``data`` (repomd.xml); ``where`` names it in errors.

    keys  paths of key files, one of whose keys must have made the signature and still be valid

    Raises DescriptionError for a wrong signature, an unknown or expired key; NotFound for a missing key file.
    """
    with tempfile.TemporaryDirectory(prefix="rocks-gpgv-") as folder:
        paths = {name: os.path.join(folder, name) for name in ("data", "signature", "keyring")}
        for name, content in (
            ("data", data),
            ("signature", signature),
            ("keyring", _keyring(keys)),
        ):
            files.replace(paths[name], content)
        argv = [
            "gpgv",
            "--status-fd",
            "1",
            "--keyring",
            paths["keyring"],
            paths["signature"],
            paths["data"],
        ]
        said = run(argv, timeout=TIMEOUT, ok=range(256)).stdout
    wrong = _verdict(said)
    if wrong:
        raise DescriptionError(
            wrong, where, f"the keys asked were those of {', '.join(keys) or 'no file'}"
        )


def check_package_signatures(
    source: Source,
    packages: Iterable[SignedFile],
    memory: str,
    *,
    run: Run = run,
    now: Optional[float] = None,
) -> int:
    """Check that each package carries a good signature of one of the source's keys; return how many were looked at.

    memory  an existing folder that remembers what was checked
    now     the time at which keys must be valid; None: now

    Raises one DescriptionError that names the source and the files: unsigned, damaged, signed by another key or by
    one that has expired.  What passed is remembered all the same.
    """
    book = _Book(os.path.join(memory, f"signed-{_digest_of(source.gpg_keys)}"))
    unseen = [package for package in packages if not book.knows(package.path)]
    if not unseen:
        return 0
    keys = list_keys(source.gpg_keys, run)
    with tempfile.TemporaryDirectory(prefix="rocks-rpmkeys-") as database:
        if source.gpg_keys:
            run(["rpmkeys", "--dbpath", database, "--import", *source.gpg_keys], timeout=TIMEOUT)
        faults = _check_all(unseen, database, keys, time.time() if now is None else now, run)
    book.add(package.path for package in unseen if package.shown not in faults)
    if faults:
        raise _refusal(source, faults)
    return len(unseen)


def list_keys(paths: Sequence[str], run: Run = run) -> list[Key]:
    """The keys and subkeys in these files.  Raises NotFound, or DescriptionError for a file that holds none."""
    keys = []
    for path in paths:
        if not os.path.isfile(path):
            raise NotFound("no such key file", path)
        with tempfile.TemporaryDirectory(prefix="rocks-gpg-") as home:
            argv = ["gpg", "--homedir", home, "--batch", "--with-colons", "--show-keys", path]
            said = run(argv, timeout=TIMEOUT, ok=range(256)).stdout
        found = _parse_keys(said)
        if not found:
            raise DescriptionError(
                "no OpenPGP public key", path, "give the file that the vendor publishes its key in"
            )
        keys += found
    return keys


def sign_file(path: str, key: str, *, run: Run = run) -> str:
    """Write the armoured detached signature ``path``.asc with a secret key of the caller's GnuPG keyring.

    key  its fingerprint, or the mail address in it.  Returns the signature's path.
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
        run(argv, timeout=TIMEOUT, env=_own_keyring())
        files.replace(target, files.read_bytes(aside))
    return target


def export_public_key(key: str, *, run: Run = run) -> str:
    """The armoured public half of the site's key, to be given to the nodes."""
    exported = run(
        ["gpg", "--batch", "--armor", "--export", key], timeout=TIMEOUT, env=_own_keyring()
    ).stdout
    if not exported:
        raise NotFound(
            "no such key in the keyring", key, "gpg --list-secret-keys shows those that are there"
        )
    return exported


class _Book:
    """What has passed: one line per file with its inode, size and time of change."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lines: set[str] = set()
        with contextlib.suppress(NotFound):
            self._lines = set(files.read_text(path).splitlines())

    def knows(self, path: str) -> bool:
        return _line(path) in self._lines

    def add(self, paths: Iterable[str]) -> None:
        new = {_line(path) for path in paths} - self._lines
        if new:
            kept = {line for line in self._lines if os.path.exists(line.partition("\t")[2])}
            files.replace(self._path, "".join(f"{line}\n" for line in sorted(kept | new)))


def _line(path: str) -> str:
    status = os.stat(path)
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}\t{path}"


def _check_all(
    packages: Sequence[SignedFile], database: str, keys: Sequence[Key], now: float, run: Run
) -> Mapping[str, str]:
    """What is wrong, by the shown name of each file; several calls of rpmkeys at a time."""
    batches = [packages[start : start + BATCH] for start in range(0, len(packages), BATCH)]

    def check(batch: Sequence[SignedFile]) -> dict[str, str]:
        argv = ["rpmkeys", "--dbpath", database, "-Kv", *(package.path for package in batch)]
        allowed = TIMEOUT + sum(os.stat(package.path).st_size for package in batch) / SLOWEST
        said = _by_file(run(argv, timeout=allowed, ok=range(256)).stdout, batch)
        faults = (
            (package.shown, _fault(said.get(package.path, []), keys, now)) for package in batch
        )
        return {shown: fault for shown, fault in faults if fault}

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return {
            shown: fault for faults in pool.map(check, batches) for shown, fault in faults.items()
        }


def _by_file(said: str, batch: Sequence[SignedFile]) -> Mapping[str, list[str]]:
    """rpmkeys' lines about each file: the path and a colon, then its findings, indented."""
    paths = {f"{package.path}:": package.path for package in batch}
    blocks: dict[str, list[str]] = {}
    current: list[str] = []
    for line in said.splitlines():
        if line in paths:
            current = blocks.setdefault(paths[line], [])
        else:
            current.append(line.strip())
    return blocks


def _fault(lines: Sequence[str], keys: Sequence[Key], now: float) -> str:
    """What is wrong with one package, or nothing.

    A signature of the header alone vouches for the payload through the payload's digest in that header; a package
    from before rpm 4.14 has no such digest, and needs its second signature, which covers both.
    """
    if not lines or any(DAMAGED.match(line) for line in lines):
        return "is damaged"
    found = [match for match in map(SIGNATURE.match, lines) if match]
    good = [match for match in found if match["result"] == "OK"]
    unknown = [match for match in found if match["result"] == "NOKEY"]
    if not found:
        return "is not signed"
    if len(good) + len(unknown) < len(found):
        return "has a wrong signature"
    if not good:
        return f"is signed by {unknown[0]['key']}, a key that was not given"
    if all(match["header"] for match in good) and not any(map(PAYLOAD.match, lines)):
        return "has a signature that does not cover its payload"
    late = [_late(match["key"], keys, now) for match in good]
    return late[0] if all(late) else ""


def _late(key: str, keys: Sequence[Key], now: float) -> str:
    """Why a key, of which rpmkeys tells the end of the fingerprint, does not count any more; or nothing."""
    for known in keys:
        if known.fingerprint.lower().endswith(key.lower()):
            if known.revoked:
                return f"is signed by {key}, a key that was revoked"
            if 0 < known.expires < now:
                return f"is signed by {key}, a key that expired on {_day(known.expires)}"
    return ""


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _refusal(source: Source, faults: Mapping[str, str]) -> DescriptionError:
    listed = ", ".join(f"{shown} {fault}" for shown, fault in sorted(faults.items())[:SHOWN_FAULTS])
    more = f", and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
    hint = f"the keys asked were those of {', '.join(source.gpg_keys) or 'no file'}; exclude the packages, or add a key"
    return DescriptionError(f"{listed}{more}", source.where, hint)


def _verdict(status: str) -> str:
    """What gpgv's status lines (GnuPG's doc/DETAILS) say against the signature, or nothing."""
    said = {
        words[1]: words[2:]
        for words in (line.split() for line in status.splitlines())
        if len(words) > 1
    }
    for code, what in AGAINST.items():
        if code in said:
            return what.format(*said[code])
    return "" if "GOODSIG" in said and "VALIDSIG" in said else "its signature cannot be read"


def _parse_keys(listing: str) -> list[Key]:
    """Keys from ``gpg --with-colons``: a pub or sub line, and the fpr line that follows it."""
    keys: list[Key] = []
    fields: list[str] = []
    for line in listing.splitlines():
        words = line.split(":")
        if words[0] in ("pub", "sub"):
            fields = words
        elif words[0] == "fpr" and fields:
            keys.append(Key(words[9], int(fields[6] or 0), fields[1] == "r"))
            fields = []
    return keys


def _keyring(paths: Sequence[str]) -> bytes:
    """The keys of all files in the binary form that gpgv reads (RFC 9580, 6.2)."""
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


def _digest_of(paths: Sequence[str]) -> str:
    return hashlib.sha256(_keyring(paths)).hexdigest()[:16]


def _own_keyring() -> dict[str, str]:
    """Where the caller's secret keys are, if not in the usual place."""
    return {name: os.environ[name] for name in ("GNUPGHOME",) if name in os.environ}
