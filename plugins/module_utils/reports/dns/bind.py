# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Zones for BIND's named: one file for each, and one that names them, for an ``include`` in named.conf.

The serial only has to grow when a zone changes, which a hash does not and a clock does without a change. The database's
revision grows with every change of it, and only a zone that reads differently takes it; should the database have been
restored from an old dump, the zone counts on from the serial it has.
"""

from __future__ import annotations

import re
from typing import Any, Mapping

from ..model import Files, Report, Site, Snapshot, StagedFiles
from ..services import Daemon
from . import zones

CHECK_SECONDS = 60.0
OPTIONS: Mapping[str, Any] = {"path": "/etc/named.rocks.conf", "folder": "/var/named", "ttl": 3600}
SERIALS = 1 << 32  # RFC 1982: numbers of 32 bits, and 0 is best not used
SERIAL = re.compile(r"^( +)(\d+)( ; serial)$", re.MULTILINE)
TEMPLATE = """\
// Written by rocks_report from the cluster database; changes here are lost.
{% for zone, path in files %}
zone "{{ zone.name }}" { type master; file "{{ path }}"; };
{% endfor %}
"""
ZONE = """\
; Written by rocks_report from the cluster database; changes here are lost.
$ORIGIN {{ zone.name }}.
$TTL {{ ttl }}
@ IN SOA {{ zone.server }}. hostmaster.{{ zone.server }}. (
  {{ serial }} ; serial
  3600 ; refresh
  600 ; retry
  1209600 ; expire
  300 ; negative answers
)
@ IN NS {{ zone.server }}.
{% for name, value in zone.records %}
{{ name }} IN {{ kind }} {{ value }}{{ dot }}
{% endfor %}
"""


def render(snapshot: Snapshot, site: Site) -> Files:
    """named's list of zones, and the zones."""
    options = site.options
    files, paths = {}, []
    kinds = [("A", "", zone) for zone in zones.forward_zones(snapshot, site)]
    kinds += [("PTR", ".", zone) for zone in zones.reverse_zones(snapshot, site)]
    for kind, dot, zone in kinds:
        path = f"{options['folder']}/rocks.{zone.name}.zone"
        serial = max(1, snapshot.revision % SERIALS)
        files[path] = site.templates.render(
            "bind.zone", ZONE, zone=zone, kind=kind, dot=dot, serial=serial, ttl=options["ttl"]
        )
        paths.append((zone, path))
    return {options["path"]: site.templates.render("named.conf", TEMPLATE, files=paths), **files}


def reconcile(before: str, after: str) -> str:
    """Keep a zone whose records are the same; let the serial of another one never fall behind."""
    old, new = SERIAL.search(before), SERIAL.search(after)
    if not old or not new:
        return after
    if SERIAL.sub("", before) == SERIAL.sub("", after):
        return before
    return SERIAL.sub(rf"\g<1>{_later(int(new[2]), int(old[2]))}\g<3>", after)


def _later(serial: int, than: int) -> int:
    """``serial``, or the one after ``than`` when it would not be later (RFC 1982, 3.2)."""
    if 0 < (serial - than) % SERIALS < SERIALS // 2:
        return serial
    return (than + 1) % SERIALS or 1


def check(staged: StagedFiles, site: Site) -> None:
    """BIND's own checkers, zone by zone."""
    for path, aside in sorted(staged.files.items()):
        if path == site.options["path"]:
            staged.run(["named-checkconf", aside], timeout=CHECK_SECONDS)
        else:
            name = path.rpartition("/rocks.")[2][: -len(".zone")]
            staged.run(["named-checkzone", name, aside], timeout=CHECK_SECONDS)


NAMED = Daemon(
    "named",
    ("named", "bind9"),
    reload_command=("rndc", "reload"),
    status_command=("rndc", "status"),
)
REPORT = Report("bind", "zones for BIND", OPTIONS, render, check, NAMED, reconcile=reconcile)
