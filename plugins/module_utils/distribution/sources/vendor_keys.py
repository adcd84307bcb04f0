# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep vendors' public keys: fetched once, and compared with their fingerprints."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from typing import NamedTuple, Sequence

from ... import files
from ...errors import DescriptionError, NotFound, Unavailable
from ...process import Run, run
from ..model import Source
from .http import Connection, Limits, read_small_file
from .signatures import list_keys

MAX_SIZE = 1 << 20
FINGERPRINT = re.compile(r"[0-9A-F]{40}")
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class VendorKey(NamedTuple):
    name: str
    """Name of the file that keeps the key."""
    url: str
    fingerprints: Sequence[str]
    """Of all primary keys that the file can contain."""
    copies: Sequence[str] = ()
    """Files that can have the key already, for example the package of the operating system."""


class Proxy(NamedTuple):
    url: str = ""
    ca: str = ""
    """PEM file of the certificate authorities to trust."""


class KeptKey(NamedTuple):
    path: str
    changed: bool


def keep_key(
    key: VendorKey, folder: str, proxy: Proxy, *, dry_run: bool = False, run: Run = run
) -> KeptKey:
    """Keep a key in ``folder``, unless a file with these keys is there.

    Raises DescriptionError for a file with any other key, and what a download raises.
    """
    _check(key)
    path = os.path.join(folder, key.name)
    for copy in (path, *key.copies):
        if os.path.isfile(copy) and not _fault(copy, key, run):
            return _store(files.read_bytes(copy), path, dry_run=dry_run)
    data = _download(key, path, proxy)
    with tempfile.TemporaryDirectory(prefix="rocks-key-") as aside:
        downloaded = os.path.join(aside, key.name)
        files.replace(downloaded, data)
        fault = _fault(downloaded, key, run)
    if fault:
        raise DescriptionError(
            fault,
            f"key {key.name}, {key.url}",
            "compare the fingerprint with the vendor's page; nothing was kept",
        )
    return _store(data, path, dry_run=dry_run)


def _check(key: VendorKey) -> None:
    if not FILE_NAME.fullmatch(key.name):
        raise DescriptionError(f'"{key.name}" is not a file name', "option keys")
    for text in key.fingerprints:
        if not FINGERPRINT.fullmatch(text.upper()):
            raise DescriptionError(
                f'"{text}" is not a fingerprint', f"key {key.name}", "it has 40 hexadecimal digits"
            )
    if not key.fingerprints:
        raise DescriptionError("it has no fingerprint", f"key {key.name}")


def _fault(path: str, key: VendorKey, run: Run) -> str:
    """Return why a file is not the key: it has another key, or none; empty if it is."""
    expected = {text.upper() for text in key.fingerprints}
    try:
        # A subkey cannot be added without the primary key's signature.
        primary = {row.fingerprint for row in list_keys([path], run) if row.primary}
    except DescriptionError as error:
        return error.what
    unknown = sorted(primary - expected)
    if unknown:
        return f"it has the key {unknown[0]}, and {', '.join(sorted(expected))} is expected"
    return ""


def _store(data: bytes, path: str, *, dry_run: bool) -> KeptKey:
    with contextlib.suppress(NotFound):
        if files.read_bytes(path) == data:
            return KeptKey(path, changed=False)
    if not dry_run:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        files.replace(path, data, 0o644)
    return KeptKey(path, changed=True)


def _download(key: VendorKey, path: str, proxy: Proxy) -> bytes:
    source = Source(f"key {key.name}", url=key.url, proxy=proxy.url, ca=proxy.ca)
    limits = Limits()
    connection = Connection(source, limits)
    try:
        return read_small_file(connection, "", MAX_SIZE, limits)
    except Unavailable as error:
        hint = f"copy the vendor's key to {path}, where it is compared with its fingerprint"
        raise Unavailable(error.what, error.where, hint) from None
    finally:
        connection.close()
