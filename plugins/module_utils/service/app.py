# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Flask application: its blueprints, its error handlers and its templates.

The URL of a handler is in its decorator. ``api/`` has the handlers for nodes and programs, ``web/``
those for people.
"""

from __future__ import annotations

import pathlib
from typing import Callable, Optional

from flask import Flask
from flask.wrappers import Response

from ..install import timestamps
from ..settings import Settings, load
from . import request_context
from .api import boot, events, health, kickstart, metrics, secrets, status
from .error_responses import register_error_handlers
from .web import (
    generations_page,
    graph_page,
    node_page,
    nodes_page,
    page_layout,
    search_page,
    static_files,
)

HANDLERS = (
    boot,
    kickstart,
    secrets,
    events,
    status,
    health,
    metrics,
    nodes_page,
    node_page,
    graph_page,
    generations_page,
    search_page,
    static_files,
)
TEMPLATES = pathlib.Path(__file__).parent / "web" / "templates"


def create_app(
    settings: Optional[Settings] = None, now: Callable[[], str] = timestamps.now
) -> Flask:
    """Return the application, for a server with any number of processes and threads.

    A client is identified by REMOTE_ADDR and REMOTE_PORT; behind nginx, ``wsgi`` sets both.

    settings  those of the site by default
    now       returns the time, UTC, in the form of the database
    """
    app = Flask(__name__, template_folder=str(TEMPLATES), static_folder=None)
    app.url_map.merge_slashes = False
    app.jinja_options = {**app.jinja_options, "trim_blocks": True, "lstrip_blocks": True}
    app.extensions["rocks"] = request_context.ServiceState(settings or load(), now)
    page_layout.register_template_tools(app)
    register_error_handlers(app)
    app.after_request(_add_security_headers)
    for module in HANDLERS:
        app.register_blueprint(module.blueprint)
    _remove_head(app)
    return app


def _remove_head(app: Flask) -> None:
    """Remove HEAD, which Flask adds to GET, from the URLs whose handlers refuse it (audited)."""
    for rule in app.url_map.iter_rules():
        if rule.methods and getattr(app.view_functions[rule.endpoint], "refuses_head", False):
            rule.methods.discard("HEAD")


def _add_security_headers(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
