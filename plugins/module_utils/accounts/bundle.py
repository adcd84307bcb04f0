# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Accounts and a version give the bytes of a bundle, and the reverse.

The first line carries the signature, the rest is what was signed: JSON that a person can read, one row a line.
"""

from __future__ import annotations

import base64
import json
from typing import NamedTuple

from ..errors import DescriptionError
from .model import Accounts

MARK = "rocks-accounts"
FORMAT = 1


class Bundle(NamedTuple):
    """A version, which only goes forward, and its accounts."""

    version: int
    accounts: Accounts


def text_of(bundle: Bundle) -> str:
    """What is signed; equal accounts and versions give equal text."""
    content = {"format": FORMAT, "version": bundle.version, **bundle.accounts._asdict()}
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def sealed(text: str, signature: bytes) -> bytes:
    """The bundle as nodes take it."""
    return f"{MARK} {base64.b64encode(signature).decode()}\n{text}".encode()


def parse(data: bytes, path: str) -> Bundle:
    """A bundle that we published before.  Raises DescriptionError when the file is no such thing."""
    try:
        first, _newline, text = data.decode("utf-8").partition("\n")
        content = json.loads(text)
        rows = (tuple(content[name]) for name in Accounts._fields)
        bundle = Bundle(int(content["version"]), Accounts(*rows))
        known = first.split(" ")[0] == MARK and content["format"] == FORMAT
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise DescriptionError(
            "is no bundle of accounts", path, "remove the file, and publish again"
        )
    return bundle
