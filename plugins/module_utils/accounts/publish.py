# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Publish the frontend's accounts: read them consistently, sign them, replace the bundle."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import Iterator, Optional, Sequence

from .. import files, process
from ..errors import Conflict, DescriptionError, NotFound, Refused
from . import signing_keys
from .bundle import Bundle, bundle_text, encode_bundle, parse_bundle
from .model import AccountPaths, Accounts, PublishResult
from .passwd_files import parse_accounts

SOURCES = ("passwd", "group", "shadow")
MODE = 0o640  # root writes; the web server reads, through the group of the folder
EDITING_SECONDS = 15.0  # the time that lckpwdf(3) waits
PUBLISHING_SECONDS = 60.0


def publish(
    paths: AccountPaths,
    *,
    passwords: bool = True,
    dry_run: bool = False,
    run: process.Run = process.run,
) -> PublishResult:
    """Publish the accounts in passwd, group and shadow, unless the bundle has them already.

    passwords  False: lock every password; people log in with a key
    dry_run    return the same result, and change nothing

    The version of a new bundle is the modification time of the newest of the three files, or the
    previous version plus one if that is larger.  So equal files give equal bytes, and a frontend
    that was restored from an old backup still increases the version.

    A row with a fault is left out, and is in the result's ``faults``.  Raises Refused if no user is
    left of several, and DescriptionError if the bundle file is not a bundle; nodes then keep their
    accounts.
    """
    if dry_run:
        return _publish(paths, passwords, True, run)
    with files.lock(f"{paths.bundle}.lock", wait=PUBLISHING_SECONDS):
        signing_keys.ensure_key(paths.key, run)
        return _publish(paths, passwords, False, run)


def _publish(
    paths: AccountPaths, passwords: bool, dry_run: bool, run: process.Run
) -> PublishResult:
    previous = _previous_bundle(paths.bundle)
    with _lock_against_editors(paths.etc):
        accounts, faults = parse_accounts(_read_sources(paths.etc), paths.etc, passwords=passwords)
        newest = max(int(os.stat(os.path.join(paths.etc, name)).st_mtime) for name in SOURCES)
    key = signing_keys.public_key(paths.key, run) if os.path.exists(paths.key) else ""
    if previous and key and accounts == previous.accounts and _is_signed(paths, previous, run):
        if not dry_run:
            _set_time(paths.bundle, previous.version)
        return PublishResult(
            changed=False,
            version=previous.version,
            public_key=key,
            before=accounts,
            after=accounts,
            faults=faults,
        )
    old = previous or Bundle(0, Accounts())
    _check_loss(paths, old.accounts, accounts, faults)
    bundle = Bundle(max(old.version + 1, newest), accounts)
    if not dry_run:
        signed = _sign(paths, bundle, run)
        files.replace(paths.bundle, signed, mode=MODE, mtime=bundle.version)
    return PublishResult(
        changed=True,
        version=bundle.version,
        public_key=key,
        before=old.accounts,
        after=accounts,
        faults=faults,
    )


def _check_loss(
    paths: AccountPaths, old: Accounts, new: Accounts, faults: Sequence[DescriptionError]
) -> None:
    """Refuse to remove all users: a frontend that was reinstalled has none."""
    if len(old.passwd) > 1 and not new.passwd:
        reason = f" without a fault ({faults[0]})" if faults else ""
        raise Refused(
            f"the bundle has {len(old.passwd)} users, but {paths.etc}/passwd has none{reason}",
            paths.bundle,
            "restore the users, or remove the bundle to publish an empty one",
        )


def _previous_bundle(path: str) -> Optional[Bundle]:
    try:
        return parse_bundle(files.read_bytes(path), path)
    except NotFound:
        return None


def _read_sources(etc: str) -> dict[str, bytes]:
    return {name: files.read_bytes(os.path.join(etc, name)) for name in SOURCES}


def _is_signed(paths: AccountPaths, bundle: Bundle, run: process.Run) -> bool:
    """Whether the bundle file is this bundle, signed with the present key."""
    return _sign(paths, bundle, run) == files.read_bytes(paths.bundle)


def _sign(paths: AccountPaths, bundle: Bundle, run: process.Run) -> bytes:
    text = bundle_text(bundle)
    return encode_bundle(text, signing_keys.sign(paths.key, text, run))


def _set_time(path: str, version: int) -> None:
    """Use the version as modification time.

    nginx derives the ETag from the time and the size, and the service reads the least version of
    nodes that are installed from it, because it cannot read the bundle.
    """
    if int(os.stat(path).st_mtime) != version:
        os.utime(path, (version, version))


@contextlib.contextmanager
def _lock_against_editors(etc: str) -> Iterator[None]:
    """Block useradd and similar programs, which hold this lock while they change several files."""
    path = os.path.join(etc, ".pwd.lock")  # lckpwdf(3)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield  # no program has used the lock yet
        return
    try:
        files.take(
            lambda: fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB),
            EDITING_SECONDS,
            Conflict(
                f"another program has been editing the accounts for {EDITING_SECONDS:g} s",
                path,
                "run again",
            ),
        )
        yield
    finally:
        os.close(descriptor)
