# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""dnsmasq for small sites: a configuration that seldom changes, and files of hosts that it reads anew on SIGHUP.

``leasefile-ro`` is what makes it fit for a cluster: it otherwise writes its whole lease file for each lease, and a
thousand nodes that are switched on together wait for that.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Mapping, Optional

from ...files import read_text, replace
from ..model import Changes, Files, Options, Report, Run, Site, Snapshot, StagedFiles
from ..services import UNIT, Daemon
from . import dhcp_intent
from .boot_files import IPXE_USER_CLASS

CHECK_SECONDS = 60.0
BOOTS, NO_BOOT = (
    "boots",
    "no-boot",
)  # tags: of who is offered a boot file, and of a host that is not
OPTIONS: Mapping[str, Any] = {
    **dhcp_intent.OPTIONS,
    "interfaces": [],  # where dnsmasq listens: the private side's
    "path": "/etc/dnsmasq.d/rocks.conf",
    "hosts": "/etc/dnsmasq.rocks-hosts",
    "names": "/etc/dnsmasq.rocks-names",
    "dns": False,  # it answers for the cluster's names, too
    "tftp": "",  # the folder that it serves by TFTP; empty: another server does
}

TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
{% for interface in interfaces %}
interface={{ interface }}
{% endfor %}
bind-dynamic
{% if dns %}
no-hosts
addn-hosts={{ names }}
expand-hosts
{% for zone in zones %}
local=/{{ zone }}/
{% endfor %}
{% else %}
port=0
{% endif %}
{% if tftp %}
enable-tftp
tftp-root={{ tftp }}
{% endif %}
dhcp-hostsfile={{ hosts }}
leasefile-ro
dhcp-lease-max=100000
dhcp-authoritative
dhcp-ignore-clid
log-dhcp
dhcp-match=set:ipxe,175
dhcp-userclass=set:ipxe,{{ ipxe }}
{% for subnet in intent.subnets if subnet.boots %}
tag-if=set:{{ boots }},tag:net{{ subnet.id }},tag:!{{ no_boot }}
{% endfor %}
dhcp-boot=tag:{{ boots }},tag:ipxe,{{ intent.script }}
{% for boot in intent.boots %}
{% for code in boot.architectures %}
dhcp-match=set:{{ boot.name }},option:client-arch,{{ code }}
{% endfor %}
dhcp-boot=tag:{{ boots }},tag:!ipxe,tag:{{ boot.name }},{{ boot.file }}
{% if boot.http %}
dhcp-option-force=tag:{{ boots }},tag:!ipxe,tag:{{ boot.name }},option:vendor-class,HTTPClient
{% endif %}
{% endfor %}
{% for subnet in intent.subnets %}

dhcp-range=set:net{{ subnet.id }},{{ subnet.network.partition("/")[0] }},static,{{ subnet.netmask }},{{ intent.lease }}
{% if subnet.pool %}
dhcp-range=set:net{{ subnet.id }},tag:!known,{{ subnet.pool | join(",") }},{{ subnet.netmask }},{{ intent.lease }}
{% endif %}
dhcp-option=tag:net{{ subnet.id }},option:router{{ "," ~ subnet.gateway if subnet.gateway }}
{% if subnet.nameservers %}
dhcp-option=tag:net{{ subnet.id }},option:dns-server,{{ subnet.nameservers | join(",") }}
{% endif %}
{% if subnet.zone %}
dhcp-option=tag:net{{ subnet.id }},option:domain-name,{{ subnet.zone }}
{% endif %}
{% if subnet.mtu %}
dhcp-option=tag:net{{ subnet.id }},option:mtu,{{ subnet.mtu }}
{% endif %}
{% endfor %}
"""
HOSTS = """\
# Written by rocks_report from the cluster database; changes here are lost.
{% for host in reservations %}
{{ host.mac }},{{ "set:" ~ no_boot ~ "," if host.no_boot }}{{ host.ip }},{{ host.name }}
{% endfor %}
"""
NAMES = """\
# Written by rocks_report from the cluster database; changes here are lost.
{% for one in addresses %}
{{ one.ip }} {{ one.domain_name }}{{ " " ~ one.host if one.domain_name != one.host }}
{% endfor %}
"""


def render(snapshot: Snapshot, site: Site) -> Files:
    """The configuration, the file of hosts, and that of names where dnsmasq answers for them."""
    options, intent = site.options, dhcp_intent.build_intent(snapshot, site)
    reservations = [host for subnet in intent.subnets for host in subnet.reservations]
    zones = sorted({subnet.zone for subnet in intent.subnets if subnet.zone})
    common = {name: options[name] for name in ("dns", "tftp", "hosts", "names")}
    common |= {
        "interfaces": dhcp_intent.listen_interfaces(site),
        "zones": zones,
        "ipxe": IPXE_USER_CLASS,
    }
    common |= {"boots": BOOTS, "no_boot": NO_BOOT}
    text = site.templates.render("dnsmasq.conf", TEMPLATE, intent=intent, **common)
    hosts = site.templates.render(
        "dnsmasq-hosts", HOSTS, reservations=reservations, no_boot=NO_BOOT
    )
    files = {options["path"]: text, options["hosts"]: hosts}
    if options["dns"]:
        files[options["names"]] = site.templates.render(
            "dnsmasq-names", NAMES, addresses=snapshot.addresses
        )
    return files


def check(staged: StagedFiles, site: Site) -> None:
    """dnsmasq checks its configuration but not the file of hosts, so that its lines are given as options."""
    whole = os.path.join(staged.folder, "dnsmasq.conf")
    lines = read_text(staged.files[site.options["hosts"]]).split("\n")
    hosts = "".join(f"dhcp-host={line}\n" for line in lines if line and not line.startswith("#"))
    replace(whole, read_text(staged.files[site.options["path"]]) + hosts)
    staged.run(["dnsmasq", "--test", f"--conf-file={whole}"], timeout=CHECK_SECONDS)


@dataclass(frozen=True)
class Dnsmasq(Daemon):
    """It reads its files of hosts anew on a signal, and its configuration only at its start.

    It gives nobody an address that it lent to a machine which is gone, until it forgets at its start: nobody loses
    an address by that, since it writes no leases and the addresses are fixed.
    """

    def reload(self, options: Options, run: Run, changed: Changes) -> None:
        if options["path"] in changed or _lost(*changed.get(options["hosts"], ("", ""))):
            self.restart(options, run)
        else:
            super().reload(options, run, changed)


def _lost(before: Optional[str], after: str) -> bool:
    """Whether a host is gone, or another than it was."""
    return before is None or bool(set(before.split("\n")) - set(after.split("\n")))


DNSMASQ = Dnsmasq(
    "dnsmasq", ("dnsmasq",), reload_command=("systemctl", "kill", "--signal=HUP", UNIT)
)
REPORT = Report("dnsmasq", "DHCP by dnsmasq", OPTIONS, render, check, DNSMASQ)
