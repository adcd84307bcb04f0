# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Encode accounts as a bundle, and parse it.

The first line contains the signature of the rest, which is readable JSON with one account row per
line.
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
    """Accounts and their version, which only increases."""

    version: int
    accounts: Accounts


def bundle_text(bundle: Bundle) -> str:
    """Return the text to sign; it depends on the version and the accounts only."""
    content = {"format": FORMAT, "version": bundle.version, **bundle.accounts._asdict()}
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def encode_bundle(text: str, signature: bytes) -> bytes:
    """Return the content of the bundle file."""
    return f"{MARK} {base64.b64encode(signature).decode()}\n{text}".encode()


def parse_bundle(data: bytes, path: str) -> Bundle:
    """Parse the content of a bundle file, without verifying its signature.

    path  for errors

    Raises DescriptionError when the file is not a bundle.
    """
    try:
        first_line, _newline, text = data.decode("utf-8").partition("\n")
        content = json.loads(text)
        rows = (tuple(content[name]) for name in Accounts._fields)
        bundle = Bundle(int(content["version"]), Accounts(*rows))
        valid = first_line.split(" ")[0] == MARK and content["format"] == FORMAT
    except (ValueError, KeyError, TypeError):
        valid = False
    if not valid:
        raise DescriptionError(
            "not a bundle of accounts", path, "remove the file, then publish again"
        )
    return bundle
