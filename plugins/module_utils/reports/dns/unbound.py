# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster's names in unbound, which resolves everything else besides: no second name server is needed."""

from __future__ import annotations

from typing import Any, Mapping

from ..model import Files, Report, Site, Snapshot, StagedFiles
from ..services import Daemon
from . import zones

CHECK_SECONDS = 60.0
OPTIONS: Mapping[str, Any] = {"path": "/etc/unbound/conf.d/rocks.conf", "ttl": 3600}
TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
server:
{% for zone in forward %}
  local-zone: "{{ zone.name }}." static
{% for name, ip in zone.records %}
  local-data: "{{ name }}.{{ zone.name }}. {{ ttl }} IN A {{ ip }}"
{% endfor %}
{% endfor %}
{% for zone in reverse %}
  local-zone: "{{ zone.name }}." static
{% for name, host in zone.records %}
  local-data: "{{ name }}.{{ zone.name }}. {{ ttl }} IN PTR {{ host }}."
{% endfor %}
{% endfor %}
"""


def render(snapshot: Snapshot, site: Site) -> Files:
    """Local zones with their data."""
    forward, reverse = zones.forward_zones(snapshot, site), zones.reverse_zones(snapshot, site)
    text = site.templates.render(
        "unbound.conf", TEMPLATE, forward=forward, reverse=reverse, ttl=site.options["ttl"]
    )
    return {site.options["path"]: text}


def check(staged: StagedFiles, site: Site) -> None:
    """unbound reads the file alone: it is a whole configuration."""
    staged.run(["unbound-checkconf", staged.files[site.options["path"]]], timeout=CHECK_SECONDS)


UNBOUND = Daemon(
    "unbound",
    ("unbound",),
    reload_command=("unbound-control", "reload"),
    status_command=("unbound-control", "status"),
)
REPORT = Report("unbound", "names for unbound", OPTIONS, render, check, UNBOUND)
