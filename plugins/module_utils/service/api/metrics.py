# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/metrics``: the cluster's numbers for Prometheus."""

from __future__ import annotations

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from ..access_control import require_viewer
from ..metrics_collector import format_metrics
from ..request_context import current_context

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/rocks/metrics")
def get_metrics() -> Response:
    """Return the metrics. Raises Denied (403) for an address that the site does not allow."""
    context = current_context()
    require_viewer(context)
    return Response(format_metrics(context.db, context.now), content_type=CONTENT_TYPE_LATEST)
