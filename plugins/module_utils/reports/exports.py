# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the frontend lends by NFS, to the cluster's own networks and to nobody else (exports(5))."""

from __future__ import annotations

import re
from typing import Any, Mapping

from ..cluster.addressing import subnet
from ..errors import DescriptionError
from .line_checks import line_check
from .model import Files, Report, Site, Snapshot
from .services import Daemon

OPTIONS: Mapping[str, Any] = {
    "path": "/etc/exports.d/rocks.exports",
    "folders": ["/export/home"],
    "rights": "rw,sync,no_subtree_check,root_squash",
}
TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
{% for folder in folders %}
{{ folder }}{% for network in networks %} {{ network }}({{ rights }}){% endfor %}

{% endfor %}
"""
FOLDER = re.compile(r"/[A-Za-z0-9._/-]*")
RIGHTS = re.compile(r"[a-z0-9_]+(=[A-Za-z0-9:_-]+)?(,[a-z0-9_]+(=[A-Za-z0-9:_-]+)?)*")


def render(snapshot: Snapshot, site: Site) -> Files:
    """One line for each folder; without a private network nothing is lent."""
    options = site.options
    for folder in options["folders"]:
        if not FOLDER.fullmatch(folder):
            raise DescriptionError(
                f"the folder {folder!r} cannot stand in exports",
                "",
                "an absolute path of plain letters",
            )
    if not RIGHTS.fullmatch(options["rights"]):
        raise DescriptionError(
            f"rights are {options['rights']!r}", "", "such as rw,sync,root_squash"
        )
    networks = [str(subnet(network)) for network in snapshot.networks if network.kind == "private"]
    folders = options["folders"] if networks else []
    text = site.templates.render(
        "exports", TEMPLATE, folders=folders, networks=networks, rights=options["rights"]
    )
    return {options["path"]: text}


EXPORTS = Daemon("exports", ("nfs-server", "nfs-kernel-server"), reload_command=("exportfs", "-ra"))
check = line_check(
    r"/\S*(\s+[0-9A-Za-z.:/*-]+\([a-z0-9_,=:-]+\))+", "such as /export/home 10.0.0.0/8(rw,sync)"
)
REPORT = Report("exports", "NFS exports of the frontend", OPTIONS, render, check, EXPORTS)
