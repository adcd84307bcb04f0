# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Parse the untrusted JSON that nodes post: one object, expected types, limited sizes."""

from __future__ import annotations

import json
import re
from typing import Any, Mapping

from flask import Request

from ..install.model import Progress
from ..visible_text import visible_text
from .model import Denied

MAX_BODY = 128 * 1024  # bytes; nginx has the same limit
MESSAGE_CHARACTERS = 500
LOG_CHARACTERS = 8000
MAX_STEPS = 100
MAX_AGE = 86400  # seconds
MAX_COUNT = 2**53  # the largest integer that JSON numbers hold exactly
PHASE = re.compile(r"[a-z][a-z0-9-]{0,31}")


def parse_message(request: Request, where: str) -> Mapping[str, Any]:
    """Return the object that was posted. Raises Denied: 400, or 413 above MAX_BODY."""
    if (request.content_length or 0) > MAX_BODY:
        size = request.content_length
        raise Denied(413, f"the message has {size} bytes", where, f"the limit is {MAX_BODY} bytes")
    try:
        message = json.loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise Denied(400, f"the message is not JSON ({type(error).__name__})", where) from None
    if not isinstance(message, dict):
        raise Denied(400, "the message is not a JSON object", where)
    return message


def text_field(message: Mapping[str, Any], name: str, limit: int = MESSAGE_CHARACTERS) -> str:
    """Return a text without hidden characters, cut after ``limit`` characters; "" if it is missing.

    Raises Denied (400).
    """
    value = message.get(name, "")
    if not isinstance(value, str):
        raise Denied(400, f"{name!r} is not a text")
    return visible_text(value)[:limit]


def count_field(message: Mapping[str, Any], name: str) -> int:
    """Return a count; 0 if it is missing. Raises Denied (400)."""
    value = message.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MAX_COUNT:
        raise Denied(400, f"{name!r} is not a count")
    return value


def parse_steps(message: Mapping[str, Any], where: str) -> list[Progress]:
    """Return what a node has done since its last message: its ``steps``, then what it does now.

    Raises Denied (400).
    """
    steps = message.get("steps", [])
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise Denied(400, "'steps' is not a list of objects", where)
    return [parse_progress(step, where) for step in (*steps[-MAX_STEPS:], message)]


def parse_progress(message: Mapping[str, Any], where: str) -> Progress:
    """Return the progress that an installation reports. Raises Denied (400)."""
    phase = text_field(message, "phase")
    if not PHASE.fullmatch(phase):
        raise Denied(400, f"{phase!r} is not a valid phase", where)
    return Progress(
        phase=phase,
        done=count_field(message, "done"),
        total=count_field(message, "total"),
        message=text_field(message, "message"),
        log=text_field(message, "log", 10 * LOG_CHARACTERS)[-LOG_CHARACTERS:],
        age=min(MAX_AGE, count_field(message, "age")),
    )
