# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of routes: path, methods, handler, and the name of the action in the audit."""

from __future__ import annotations

import functools
import re
from typing import Callable, NamedTuple, Optional

from .api.boot import get_boot
from .api.events import post_event
from .api.kickstart import get_kickstart
from .api.metrics import get_health, get_metrics
from .api.secrets import post_secrets
from .api.status import get_status
from .model import Request, Response
from .request_context import Context
from .web.generations_page import difference_page, generations_page
from .web.graph_page import graph_page
from .web.node_page import kickstart_page, node_page
from .web.nodes_page import nodes_page

READ = ("GET", "HEAD")


class Route(NamedTuple):
    """One path, or one pattern of paths."""

    path: re.Pattern[str]
    methods: tuple[str, ...]
    handler: Callable[[Context, Request], Response]
    action: str = ""
    """Name of the request in the audit; empty: the request is not audited."""


# Requests that change an order refuse HEAD: a mere check must not use up what is served only once.
ROUTES = (
    Route(re.compile("/rocks/boot"), ("GET",), get_boot, "boot"),
    Route(re.compile("/rocks/kickstart"), ("GET",), get_kickstart, "kickstart"),
    Route(re.compile("/rocks/secrets"), ("POST",), post_secrets, "secrets"),
    Route(re.compile("/rocks/events"), ("POST",), post_event, "events"),
    Route(re.compile("/"), READ, nodes_page),
    Route(re.compile("/rocks/status"), READ, get_status),
    Route(re.compile("/rocks/nodes/[^/]+"), READ, node_page),
    Route(re.compile("/rocks/nodes/[^/]+/kickstart"), READ, kickstart_page),
    Route(re.compile("/rocks/graph"), READ, graph_page),
    Route(re.compile("/rocks/generations"), READ, generations_page),
    Route(re.compile("/rocks/generations/[^/]+/[^/]+/[^/]+"), READ, difference_page),
    Route(re.compile("/rocks/health"), READ, get_health),
    Route(re.compile("/rocks/metrics"), READ, get_metrics),
)


@functools.lru_cache(maxsize=256)
def find_route(path: str) -> Optional[Route]:
    """Return the route of a path, or None."""
    return next((route for route in ROUTES if route.path.fullmatch(path)), None)
