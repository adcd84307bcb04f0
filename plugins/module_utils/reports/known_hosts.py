# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ssh's list of known hosts: the public host keys of the nodes, as their attributes hold them.

A node keeps its host keys over a reinstallation, so that nobody has to believe a new one.
"""

from __future__ import annotations

import re
from typing import Any, Mapping

from ..errors import DescriptionError, combine
from ..files import read_text
from .addresses import BMC
from .model import Files, Report, Site, Snapshot, StagedFiles
from .snapshot import GROUPS

CHECK_SECONDS = 60.0
OPTIONS: Mapping[str, Any] = {"path": "/etc/ssh/ssh_known_hosts"}
# sshd's own names of the files, without .pub.
ATTRIBUTES = ("ssh_host_ed25519_key", "ssh_host_ecdsa_key", "ssh_host_rsa_key")
KEY = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) ([A-Za-z0-9+/]+={0,2})(?: .*)?"
)
TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
{% for names, key in keys %}
{{ names }} {{ key }}
{% endfor %}
"""


def render(snapshot: Snapshot, site: Site) -> Files:
    """One line for each key.  Raises DescriptionError with every attribute that holds no public key."""
    names: dict[str, list[str]] = {}
    for one in snapshot.addresses:
        if one.kind == BMC:
            continue  # another computer, with keys of its own
        names.setdefault(one.node.name, []).extend(
            dict.fromkeys((one.host, one.domain_name, one.ip))
        )
    keys, faults = [], []
    for node in snapshot.nodes:
        for attribute in ATTRIBUTES:
            value = snapshot.attribute(node.name, attribute).strip()
            key = KEY.fullmatch(value)
            if key:
                keys.append((",".join(names.get(node.name, [node.name])), f"{key[1]} {key[2]}"))
            elif value:
                faults.append(
                    DescriptionError(
                        f"{attribute} is no public key", node.name, "ssh-ed25519 AAAA…"
                    )
                )
    if faults:
        raise combine(faults)
    return {site.options["path"]: site.templates.render("ssh_known_hosts", TEMPLATE, keys=keys)}


def check(staged: StagedFiles, site: Site) -> None:
    """ssh-keygen reads every key; it passes over a line that it does not understand, and refuses a file without keys."""
    aside = staged.files[site.options["path"]]
    lines = [line for line in read_text(aside).split("\n") if line and not line.startswith("#")]
    if lines:
        found = staged.run(["ssh-keygen", "-l", "-f", aside], timeout=CHECK_SECONDS)
        understood = len(found.stdout.splitlines())
        if understood != len(lines):
            raise DescriptionError(
                f"ssh-keygen understands {understood} of its {len(lines)} keys", aside
            )


REPORT = Report(
    "known_hosts", "ssh's known hosts", OPTIONS, render, check, needs=frozenset((GROUPS,))
)
