# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read a signed file of checksums, as vendors publish it beside their ISO images.

Fedora and AlmaLinux sign the text itself (clear-signed), others in a file beside it.  The lines are
those of ``sha256sum`` and ``sha256sum --tag``; only SHA-256 is read.
"""

from __future__ import annotations

import os
import re
from typing import Mapping, Sequence

from ... import files
from ...errors import DescriptionError
from ...process import Run, run
from .signatures import check_detached_signature, read_clearsigned

CLEARSIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"
# What vendors append to the name of the file for the name of its signature.
SUFFIXES = (".asc", ".sig", ".sign")
LINE = re.compile(
    r"(?:SHA256 \((?P<tagged>.+)\) = (?P<tagged_digest>[0-9a-fA-F]{64})"
    r"|(?P<digest>[0-9a-fA-F]{64}) [ *](?P<name>.+))"
)


def read_signed_checksums(path: str, keys: Sequence[str], *, run: Run = run) -> Mapping[str, str]:
    """Return name -> SHA-256 of a file of checksums, whose signature is checked.

    keys  paths of key files

    Raises NotFound for a missing file, and DescriptionError for a file without a signature, with a
    wrong one, without any SHA-256, or with two checksums for one name.
    """
    checksums: dict[str, str] = {}
    text = files.decode(_read_signed(path, keys, run), path)
    for number, line in enumerate(text.splitlines(), 1):
        match = LINE.fullmatch(line.rstrip())
        if match:
            name = os.path.normpath(match["tagged"] or match["name"])
            digest = (match["tagged_digest"] or match["digest"]).lower()
            if checksums.setdefault(name, digest) != digest:
                raise DescriptionError(
                    f"it lists two checksums for {name}", f"{path}:{number}", "remove one of them"
                )
    if not checksums:
        raise DescriptionError(
            "it lists no SHA-256", path, "use the vendor's file, or the output of sha256sum"
        )
    return checksums


def _read_signed(path: str, keys: Sequence[str], run: Run) -> bytes:
    data = files.read_bytes(path)
    if CLEARSIGNED in data:
        return read_clearsigned(data, keys, path, run=run)
    for suffix in SUFFIXES:
        signature = f"{path}{suffix}"
        if os.path.exists(signature):
            check_detached_signature(data, files.read_bytes(signature), keys, path, run=run)
            return data
    raise DescriptionError(
        f"it is not signed, and none of {', '.join(SUFFIXES)} is beside it",
        path,
        "copy the vendor's signature too, or sign it with gpg --clearsign",
    )
