# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which request is whose: path, methods, handler, who may ask, and what the audit calls it."""

from __future__ import annotations

import functools
import re
from typing import Callable, NamedTuple, Optional

from .api.boot import boot
from .api.events import post_event
from .api.kickstart import kickstart
from .api.metrics import health, metrics
from .api.secrets import secrets
from .api.status import status
from .model import Answer, Request
from .request_context import Service
from .web.generations_page import difference_page, generations_page
from .web.graph_page import graph_page
from .web.node_page import kickstart_page, node_page
from .web.nodes_page import page

READ = ("GET", "HEAD")


class Route(NamedTuple):
    """One place.  ``action``: what the audit calls it; empty: it is not audited."""

    path: re.Pattern[str]
    methods: tuple[str, ...]
    handler: Callable[[Service, Request], Answer]
    action: str = ""

    @property
    def audited(self) -> bool:
        return bool(self.action)


# HEAD on what changes an order is refused: who only looks must not use up what is given once.
ROUTES = (
    Route(re.compile("/rocks/boot"), ("GET",), boot, "boot"),
    Route(re.compile("/rocks/kickstart"), ("GET",), kickstart, "kickstart"),
    Route(re.compile("/rocks/secrets"), ("POST",), secrets, "secrets"),
    Route(re.compile("/rocks/events"), ("POST",), post_event, "events"),
    Route(re.compile("/"), READ, page),
    Route(re.compile("/rocks/status"), READ, status),
    Route(re.compile("/rocks/nodes/[^/]+"), READ, node_page),
    Route(re.compile("/rocks/nodes/[^/]+/kickstart"), READ, kickstart_page),
    Route(re.compile("/rocks/graph"), READ, graph_page),
    Route(re.compile("/rocks/generations"), READ, generations_page),
    Route(re.compile("/rocks/generations/[^/]+/[^/]+/[^/]+"), READ, difference_page),
    Route(re.compile("/rocks/health"), READ, health),
    Route(re.compile("/rocks/metrics"), READ, metrics),
)


@functools.lru_cache(maxsize=256)
def find(path: str) -> Optional[Route]:
    """The place that a path names, or None."""
    return next((route for route in ROUTES if route.path.fullmatch(path)), None)
