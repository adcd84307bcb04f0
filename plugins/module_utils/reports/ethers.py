# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""/etc/ethers: every MAC with its name (ethers(5)); for rarpd, arp -f and ether-wake."""

from __future__ import annotations

from typing import Any, Mapping

from .line_checks import line_check
from .model import Files, Report, Site, Snapshot
from .validators import is_mac

OPTIONS: Mapping[str, Any] = {"path": "/etc/ethers"}
TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
{% for one in addresses %}
{{ one.mac }} {{ one.host }}
{% endfor %}
"""


def render(snapshot: Snapshot, site: Site) -> Files:
    """One line for each MAC that has an address."""
    known = [one for one in snapshot.addresses if is_mac(one.mac)]
    return {site.options["path"]: site.templates.render("ethers", TEMPLATE, addresses=known)}


check = line_check(
    r"([0-9a-f]{2}:){5}[0-9a-f]{2}\s+[A-Za-z0-9.-]+", "such as 00:50:8b:e0:3a:a7 compute-0-0"
)
REPORT = Report("ethers", "/etc/ethers", OPTIONS, render, check)
