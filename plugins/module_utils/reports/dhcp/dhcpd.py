# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration of ISC dhcpd (dhcpd.conf), for frontends on EL 8 and 9 that have no Kea.

It cannot read its file anew: a batch of nodes costs one restart.  Its lease file says nothing of fixed addresses, so
that nobody loses an address by it.
"""

from __future__ import annotations

from typing import Any, Mapping

from ...errors import CommandError
from ..model import Files, Report, Site, Snapshot, StagedFiles
from ..services import UNIT, Daemon
from . import dhcp_intent
from .boot_files import IPXE_USER_CLASS
from .dhcp_intent import Boot

CHECK_SECONDS = 60.0
TOLD = 5  # of its complaints
OPTIONS: Mapping[str, Any] = {**dhcp_intent.OPTIONS, "path": "/etc/dhcp/dhcpd.conf"}

TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
authoritative;
ddns-update-style none;
ignore-client-uids true;
default-lease-time {{ intent.lease }};
max-lease-time {{ intent.lease }};
option architecture code 93 = unsigned integer 16;
{% for subnet in intent.subnets %}

subnet {{ subnet.network.partition("/")[0] }} netmask {{ subnet.netmask }} {
{% if subnet.gateway %}
  option routers {{ subnet.gateway }};
{% endif %}
{% if subnet.nameservers %}
  option domain-name-servers {{ subnet.nameservers | join(", ") }};
{% endif %}
{% if subnet.zone %}
  option domain-name "{{ subnet.zone }}";
{% endif %}
{% if subnet.mtu %}
  option interface-mtu {{ subnet.mtu }};
{% endif %}
{% if subnet.server %}
  next-server {{ subnet.server }};
{% endif %}
{% if subnet.boots %}
  if exists user-class and substring(option user-class, 0, 4) = "{{ ipxe }}" {
    filename "{{ intent.script }}";
{% for test, boot in boots %}
  } elsif {{ test }} {
{% if boot.http %}
    option vendor-class-identifier "HTTPClient";
{% endif %}
    filename "{{ boot.file }}";
{% endfor %}
  }
{% endif %}
{% if subnet.pool %}
  pool {
    range {{ subnet.pool | join(" ") }};
    deny known-clients;
  }
{% endif %}
}
{% for host in subnet.reservations %}
host {{ host.name }} { hardware ethernet {{ host.mac }}; fixed-address {{ host.ip }}; option host-name "{{ host.name }}";{{ ' filename "";' if host.no_boot }} }
{% endfor %}
{% endfor %}
"""


def render(snapshot: Snapshot, site: Site) -> Files:
    """dhcpd.conf."""
    intent = dhcp_intent.build_intent(snapshot, site)
    boots = [(_test(boot), boot) for boot in intent.boots]
    text = site.templates.render(
        "dhcpd.conf", TEMPLATE, intent=intent, boots=boots, ipxe=IPXE_USER_CLASS
    )
    return {site.options["path"]: text}


def check(staged: StagedFiles, site: Site) -> None:
    """dhcpd reads the file as it would at its start; its words are among lines that say nothing."""
    aside = staged.files[site.options["path"]]
    found = staged.run(["dhcpd", "-t", "-cf", aside], timeout=CHECK_SECONDS, ok=(0, 1))
    if found.status:
        lines = [line for line in found.stderr.splitlines() if line.startswith(aside)]
        raise CommandError(
            " | ".join(lines[:TOLD]) or found.stderr.strip(), f"dhcpd -t -cf {aside}"
        )


def _test(boot: Boot) -> str:
    codes = (f"{code >> 8:02x}:{code & 255:02x}" for code in boot.architectures)
    return " or ".join(f"option architecture = {code}" for code in codes)


DHCPD = Daemon("dhcpd", ("dhcpd", "isc-dhcp-server"), reload_command=("systemctl", "restart", UNIT))
REPORT = Report("dhcpd", "DHCP by ISC dhcpd", OPTIONS, render, check, DHCPD)
