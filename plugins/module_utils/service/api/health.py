# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/health``: whether the service has its database, for a load balancer."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from ..request_context import current_context

blueprint = Blueprint("health", __name__)


@blueprint.get("/rocks/health")
def get_health() -> Response:
    """Return 200 while the database answers. Raises Unavailable (503) otherwise."""
    current_context().db.row("select 1")
    return jsonify(database="up")
