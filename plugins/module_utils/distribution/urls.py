# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""URLs of sources as errors show them."""

from __future__ import annotations

import re

_USER = re.compile(r"^([a-z]+://)[^/?#]*@", re.IGNORECASE)
# A password with an unquoted "/" ends the authority too early: the port is then not a number.
_BROKEN_USER = re.compile(r"^([a-z]+://)[^/?#:@]*:(?![0-9]*(?:[/?#]|$)).*@", re.IGNORECASE)


def without_password(url: str) -> str:
    """Return the URL, or a text that contains one at its start, without user and password."""
    return _USER.sub(r"\1", _BROKEN_USER.sub(r"\1", url))
