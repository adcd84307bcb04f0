# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Publish the frontend's accounts: read them as one state, sign them, and put the bundle in place in one rename."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import Iterator, Optional

from .. import files, process
from ..errors import Conflict, NotFound, Refused
from . import signing_keys
from .bundle import Bundle, parse, sealed, text_of
from .model import Accounts, Outcome, Place
from .passwd_files import accounts_of

SOURCES = ("passwd", "group", "shadow")
MODE = 0o640  # root writes; the web server reads, through the group of the folder
EDITING_SECONDS = 15.0  # as long as lckpwdf(3) waits
PUBLISHING_SECONDS = 60.0


def publish(
    place: Place, *, passwords: bool = True, rehearse: bool = False, run: process.Run = process.run
) -> Outcome:
    """Publish what passwd, group and shadow say now; nothing is written when nodes can have it already.

    passwords  False: people come in by key only
    rehearse   say what would be done, and change nothing

    A new bundle's version is the time of the newest of the three files, and more than the version before. So the
    same files give the same bytes, and a frontend that was restored from an old dump still goes forward.
    Raises DescriptionError that names each row which cannot be published; nodes then keep what they have.
    """
    if rehearse:
        return _publish(place, passwords, True, run)
    with files.lock(f"{place.bundle}.lock", wait=PUBLISHING_SECONDS):
        signing_keys.ensure(place.key, run)
        return _publish(place, passwords, False, run)


def _publish(place: Place, passwords: bool, rehearse: bool, run: process.Run) -> Outcome:
    before = _published(place.bundle)
    with _nobody_edits(place.etc):
        accounts = accounts_of(_texts(place.etc), place.etc, passwords=passwords)
        newest = max(int(os.stat(os.path.join(place.etc, name)).st_mtime) for name in SOURCES)
    old = before or Bundle(0, Accounts())
    public = signing_keys.public(place.key, run) if os.path.exists(place.key) else ""
    if (
        before
        and accounts == old.accounts
        and public
        and _seal(place, before, run) == files.read_bytes(place.bundle)
    ):
        if not rehearse:
            _stamp(place.bundle, before.version)
        return Outcome(False, before.version, public, accounts, accounts)
    _check_loss(place, old.accounts, accounts)
    bundle = Bundle(max(old.version + 1, newest), accounts)
    if not rehearse:
        files.replace(place.bundle, _seal(place, bundle, run), mode=MODE)
        _stamp(place.bundle, bundle.version)
    return Outcome(True, bundle.version, public, old.accounts, accounts)


def _check_loss(place: Place, old: Accounts, new: Accounts) -> None:
    """A machine that was made anew has nobody; its nodes must not lose everybody for that."""
    if len(old.passwd) > 1 and not new.passwd:
        raise Refused(
            f"holds {len(old.passwd)} users, and {place.etc}/passwd has none any more",
            place.bundle,
            "bring them back, or remove the file to publish that there is nobody",
        )


def _published(path: str) -> Optional[Bundle]:
    try:
        return parse(files.read_bytes(path), path)
    except NotFound:
        return None


def _texts(etc: str) -> dict[str, str]:
    return {name: files.read_text(os.path.join(etc, name)) for name in SOURCES}


def _seal(place: Place, bundle: Bundle, run: process.Run) -> bytes:
    text = text_of(bundle)
    return sealed(text, signing_keys.sign(place.key, text, run))


def _stamp(path: str, version: int) -> None:
    """A web server makes its ETag from a file's time and size; with the version as time, no two bundles share one."""
    if int(os.stat(path).st_mtime) != version:
        os.utime(path, (version, version))


@contextlib.contextmanager
def _nobody_edits(etc: str) -> Iterator[None]:
    """Hold off useradd and its like, which change one file after the other under this lock (lckpwdf(3))."""
    try:
        descriptor = os.open(os.path.join(etc, ".pwd.lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield  # nobody ever edited them
        return
    try:
        files.take(
            lambda: fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB),
            EDITING_SECONDS,
            Conflict(
                f"somebody has been editing the accounts for {EDITING_SECONDS:g} s",
                os.path.join(etc, ".pwd.lock"),
                "run again",
            ),
        )
        yield
    finally:
        os.close(descriptor)
