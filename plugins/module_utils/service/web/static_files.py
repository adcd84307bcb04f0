# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Style sheet and script, under names with the hash of their content, which browsers keep."""

from __future__ import annotations

import hashlib
import pathlib
from typing import Mapping

from flask import Blueprint, Response, abort, send_file

blueprint = Blueprint("static_files", __name__)
STATIC = pathlib.Path(__file__).parent / "static"
URL = "/rocks/static/"
HASH_CHARACTERS = 12


def _hashed_name(path: pathlib.Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:HASH_CHARACTERS]
    return f"{path.stem}.{digest}{path.suffix}"


FILES: Mapping[str, pathlib.Path] = {_hashed_name(path): path for path in STATIC.iterdir()}
NAMES: Mapping[str, str] = {path.name: name for name, path in FILES.items()}


def static_url(name: str) -> str:
    """Return the URL of a file in the folder ``static``."""
    return URL + NAMES[name]


@blueprint.get(f"{URL}<name>")
def get_static_file(name: str) -> Response:
    """Return a file; its URL changes with its content."""
    if name not in FILES:
        abort(404)
    response = send_file(FILES[name])
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
