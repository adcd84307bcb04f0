# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""/etc/hosts: every address with its names (paper, 6.4)."""

from __future__ import annotations

from typing import Any, Mapping

from .addresses import NODE, Address
from .line_checks import line_check
from .model import Files, Report, Site, Snapshot
from .validators import one_line

OPTIONS: Mapping[str, Any] = {"path": "/etc/hosts"}
TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
# The site's own lines stand in /etc/rocks/reports/hosts.j2, which may include rocks/hosts.j2.
127.0.0.1 localhost localhost.localdomain localhost4 localhost4.localdomain4
::1 localhost localhost.localdomain localhost6 localhost6.localdomain6

{% for line in lines %}
{{ line }}
{% endfor %}
"""


def render(snapshot: Snapshot, site: Site) -> Files:
    """One line for each address."""
    return {
        site.options["path"]: site.templates.render(
            "hosts", TEMPLATE, lines=[_line(one) for one in snapshot.addresses]
        )
    }


def _line(one: Address) -> str:
    names = one.domain_name if one.domain_name == one.host else f"{one.domain_name} {one.host}"
    remark = one_line(one.node.comment) if one.kind == NODE else ""
    return f"{one.ip} {names}" + (f"  # {remark}" if remark else "")


check = line_check(
    r"[0-9A-Fa-f.:]+(\s+[A-Za-z0-9][A-Za-z0-9.-]*)+",
    "such as 10.1.1.1 frontend-0.cluster frontend-0",
)
REPORT = Report("hosts", "/etc/hosts", OPTIONS, render, check)
