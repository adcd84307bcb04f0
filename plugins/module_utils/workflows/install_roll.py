# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install a roll of somebody else: fetched, compared with a checksum or a signature, unpacked."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from typing import Any, Mapping

from .. import files
from ..distribution.model import Source
from ..distribution.sources.http import Connection, Limits, read_small_file
from ..distribution.sources.signatures import check_detached_signature
from ..distribution.urls import without_password
from ..errors import DescriptionError
from ..rolls import archive

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
CHECKSUM = re.compile(r"sha256:([0-9a-f]{64})")


def install_roll(params: Mapping[str, Any], *, dry_run: bool) -> dict[str, Any]:
    """Return the result of rocks_roll.

    Raises DescriptionError for an archive with another checksum or signature, or a faulty roll, and
    what a download raises.  Nothing is changed then.
    """
    name, folder = params["name"], params["folder"]
    if not NAME.fullmatch(name):
        raise DescriptionError(f'"{name}" is not a name of a roll', "option name")
    target = os.path.join(folder, name)
    if params["state"] == "absent":
        existed = os.path.isdir(target)
        if existed and not dry_run:
            archive.remove(name, folder)
        return {"changed": existed}
    with tempfile.TemporaryDirectory(prefix="rocks-roll-") as scratch:
        path, where = _obtain(params, scratch)
        place = scratch if dry_run else folder
        with archive.unpacked(path, name, place, where) as roll:
            changed = not archive.is_same(roll.folder, target)
            result = {"changed": changed, "version": roll.version, "folder": target}
            if changed and not dry_run:
                archive.install(roll, folder)
    return result


def _obtain(params: Mapping[str, Any], scratch: str) -> tuple[str, str]:
    """Return the path of the checked archive, and its place for errors."""
    path = os.path.join(scratch, "archive")
    source = params["src"]
    if os.path.isdir(source):
        archive.copy_folder(source, path)
        return path, source
    if "://" not in source:
        data, where = files.read_bytes(source), source
    else:
        if not params["checksum"] and not params["gpg_key"]:
            raise DescriptionError(
                "it is neither compared with a checksum nor with a signature",
                without_password(source),
                "set checksum or gpg_key",
            )
        data, where = _download(source, params), without_password(source)
    _check(data, params, where)
    files.replace(path, data)
    return path, where


def _check(data: bytes, params: Mapping[str, Any], where: str) -> None:
    if params["checksum"]:
        match = CHECKSUM.fullmatch(params["checksum"])
        if not match:
            raise DescriptionError(
                f'"{params["checksum"]}" is not a checksum',
                "option checksum",
                "write sha256:DIGITS",
            )
        digest = hashlib.sha256(data).hexdigest()
        if digest != match[1]:
            raise DescriptionError(f"its SHA-256 is {digest}, not {match[1]}", where)
    if params["gpg_key"]:
        location = f"{params['src']}.asc"
        signature = _download(location, params) if "://" in location else files.read_bytes(location)
        check_detached_signature(data, signature, [params["gpg_key"]], where)


def _download(url: str, params: Mapping[str, Any]) -> bytes:
    limits = Limits()
    source = Source(f"roll {params['name']}", url=url, proxy=params["proxy"], ca=params["ca"])
    connection = Connection(source, limits)
    try:
        return read_small_file(connection, "", archive.MAX_SIZE, limits)
    finally:
        connection.close()
