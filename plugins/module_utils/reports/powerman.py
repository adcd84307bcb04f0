# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""powerman's devices: each node by its BMC, or by the outlet of a power unit that its attributes name.

``power_unit`` (a node) and ``power_outlet`` say where a node is plugged in; ``power_device`` of the unit names what
powerman calls it (/etc/powerman/NAME.dev).
"""

from __future__ import annotations

import os
import re
from typing import Any, Mapping, NamedTuple

from ..errors import DescriptionError, combine
from ..files import read_text, replace
from .addresses import BMC
from .model import Files, Report, Site, Snapshot, StagedFiles
from .services import UNIT, Daemon
from .snapshot import GROUPS
from .validators import check_word, fold_names

CHECK_SECONDS = 60.0
OPTIONS: Mapping[str, Any] = {
    "path": "/etc/powerman/powerman.conf",
    "ipmipower": "/usr/sbin/ipmipower --wait-until-off --wait-until-on",
    "devices": "/etc/powerman",
    "port": 23,
}
TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
{% for name in kinds %}
include "{{ folder }}/{{ name }}.dev"
{% endfor %}
{% for one in devices %}
device "{{ one.name }}" "{{ one.kind }}" "{{ one.address }}"
{% endfor %}
{% for one in plugs %}
node "{{ one.node }}" "{{ one.device }}" "{{ one.plug }}"
{% endfor %}
"""
PROCESS = "|&"  # powerman's mark of a program that it speaks with
SILENT = f'"/bin/cat {PROCESS}"'


class Device(NamedTuple):
    """A power unit, or the program that speaks with the BMCs."""

    name: str
    kind: str
    address: str


class Plug(NamedTuple):
    """What feeds a node."""

    node: str
    device: str
    plug: str


def render(snapshot: Snapshot, site: Site) -> Files:
    """Devices, then nodes.  Raises DescriptionError with every node whose power unit cannot be used."""
    options = site.options
    plugs = _plugs(snapshot)
    devices = _devices(snapshot, plugs, options)
    kinds = sorted({one.kind for one in devices})
    text = site.templates.render(
        "powerman.conf",
        TEMPLATE,
        kinds=kinds,
        devices=devices,
        plugs=plugs,
        folder=options["devices"],
    )
    return {options["path"]: text}


def _plugs(snapshot: Snapshot) -> list[Plug]:
    bmcs = {one.node: one.ip for one in snapshot.interfaces if one.kind == BMC and one.ip}
    plugs = []
    for node in snapshot.nodes:
        unit = snapshot.attribute(node.name, "power_unit")
        outlet = snapshot.attribute(node.name, "power_outlet")
        if node.name in bmcs:
            plugs.append(Plug(node.name, BMC, bmcs[node.name]))
        elif unit and outlet:
            plugs.append(Plug(node.name, unit, check_word(outlet, "outlet", node.name)))
    return plugs


def _devices(snapshot: Snapshot, plugs: list[Plug], options: Mapping[str, Any]) -> list[Device]:
    known = {node.name: node for node in snapshot.nodes}
    devices, faults = [], []
    for name in sorted({one.device for one in plugs}):
        if name == BMC:
            hosts = fold_names(one.plug for one in plugs if one.device == BMC)
            devices.append(Device(BMC, "ipmipower", f"{options['ipmipower']} -h {hosts} {PROCESS}"))
            continue
        kind = snapshot.attribute(name, "power_device")
        if name not in known or not known[name].ip:
            faults.append(
                DescriptionError(f"power_unit is {name!r}", "", "it is no node with an address")
            )
        elif not kind:
            faults.append(
                DescriptionError(
                    "power_device is not set", name, "a file of /etc/powerman, without .dev"
                )
            )
        else:
            devices.append(
                Device(
                    name,
                    check_word(kind, "device of powerman", name),
                    f"{known[name].ip}:{options['port']}",
                )
            )
    if faults:
        raise combine(faults)
    return devices


def check(staged: StagedFiles, site: Site) -> None:
    """powermand reads it and ends, since its only client has ended; no device is spoken with."""
    text = read_text(staged.files[site.options["path"]])
    if not re.search(r"^node ", text, re.MULTILINE):
        return  # powermand does not start without nodes, and need not
    config = os.path.join(staged.folder, "powerman.conf")
    replace(
        config, re.sub(r'^(device ".*?" ".*?") ".*"$', rf"\1 {SILENT}", text, flags=re.MULTILINE)
    )
    staged.run(["powermand", "-s", "-f", "-c", config], timeout=CHECK_SECONDS)


POWERMAN = Daemon("powerman", ("powerman",), reload_command=("systemctl", "restart", UNIT))
REPORT = Report(
    "powerman", "powerman's devices", OPTIONS, render, check, POWERMAN, frozenset((GROUPS,))
)
