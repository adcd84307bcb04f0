# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The JSON that nodes post, read with suspicion: one object, known fields, bounded sizes."""

from __future__ import annotations

import json
import re
from typing import Any, Mapping

from ..install.model import Progress
from .model import Denied, Request

MESSAGE_CHARACTERS = 500
LOG_CHARACTERS = 8000
MOST = 2**53  # what JSON numbers hold exactly
PHASE = re.compile(r"[a-z][a-z0-9-]{0,31}")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def message_of(request: Request, where: str) -> Mapping[str, Any]:
    """The object that was posted.  Raises Denied (400)."""
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Denied(400, f"the message is not JSON ({type(error).__name__})", where) from None
    if not isinstance(found, dict):
        raise Denied(400, "the message is not a JSON object", where)
    return found


def text_of(message: Mapping[str, Any], name: str, most: int = MESSAGE_CHARACTERS) -> str:
    """A text without control characters, cut at ``most``; empty when it is not there.  Raises Denied (400)."""
    found = message.get(name, "")
    if not isinstance(found, str):
        raise Denied(400, f"{name!r} is not a text")
    if found.isascii() and found.isprintable():
        return found[:most]
    # A lone surrogate can be said in JSON, and in no encoding.
    return CONTROL.sub("", found).encode("utf-8", "replace").decode()[:most]


def number_of(message: Mapping[str, Any], name: str) -> int:
    """A count; 0 when it is not there.  Raises Denied (400)."""
    found = message.get(name, 0)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < MOST:
        raise Denied(400, f"{name!r} is not a count")
    return found


def progress_of(message: Mapping[str, Any], where: str) -> Progress:
    """How far an installation is.  Raises Denied (400)."""
    phase = text_of(message, "phase")
    if not PHASE.fullmatch(phase):
        raise Denied(400, f"{phase!r} is no phase", where)
    log = text_of(message, "log", 10 * LOG_CHARACTERS)[-LOG_CHARACTERS:]
    return Progress(
        phase,
        number_of(message, "done"),
        number_of(message, "total"),
        text_of(message, "message"),
        log,
    )
