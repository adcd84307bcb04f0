# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The name of the node behind an address, for nginx: ``$rocks_node`` in a log format or a rule.

A ``geo`` block, since a ``map`` of thousands of addresses needs hash sizes that only the site's own nginx.conf may set.
"""

from __future__ import annotations

import os
from typing import Any, Mapping

from ..files import replace
from .model import Files, Report, Site, Snapshot, StagedFiles
from .services import UNIT, Daemon

CHECK_SECONDS = 60.0
OPTIONS: Mapping[str, Any] = {"path": "/etc/nginx/conf.d/rocks-nodes.conf"}
TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
geo $rocks_node {
    default "-";
{% for one in addresses %}
    {{ one.ip }} {{ one.node.name }};
{% endfor %}
}
"""
CHECK_CONFIG = """\
error_log stderr;
pid {folder}/pid;
events {{ }}
http {{ include {aside}; }}
"""


def render(snapshot: Snapshot, site: Site) -> Files:
    """Every address of a node leads to the node's name."""
    return {
        site.options["path"]: site.templates.render(
            "nginx-nodes.conf", TEMPLATE, addresses=snapshot.addresses
        )
    }


def check(staged: StagedFiles, site: Site) -> None:
    """nginx reads it inside a configuration that holds nothing else."""
    config = os.path.join(staged.folder, "nginx.conf")
    replace(
        config, CHECK_CONFIG.format(folder=staged.folder, aside=staged.files[site.options["path"]])
    )
    staged.run(["nginx", "-t", "-q", "-c", config], timeout=CHECK_SECONDS)


NGINX = Daemon("nginx", ("nginx",), reload_command=("systemctl", "reload", UNIT))
REPORT = Report("nginx", "node names for nginx", OPTIONS, render, check, NGINX)
