# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Groups for ClusterShell: ``clush -w @compute``, ``nodeset -f @rack:1``; the same groups as the inventory's.

``default: rocks`` in /etc/clustershell/groups.conf makes ``@compute`` mean ``@rocks:compute``.
"""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

from ..files import read_text, replace
from .model import Files, Report, Site, Snapshot, StagedFiles
from .snapshot import GROUPS
from .validators import fold_names

CHECK_SECONDS = 60.0
OPTIONS: Mapping[str, Any] = {"path": "/etc/clustershell/groups.d/rocks.yaml"}
TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
{% for source, groups in sources.items() %}
{{ source }}:
{% for group, nodes in groups.items() %}
  {{ group | json }}: {{ nodes | json }}
{% else %}
  {}
{% endfor %}
{% endfor %}
"""


def render(snapshot: Snapshot, site: Site) -> Files:
    """Two sources: ``rocks`` has every group, ``rack`` the racks by their numbers."""
    racks: dict[str, list[str]] = {}
    for node in sorted(snapshot.nodes, key=lambda node: node.rack):
        racks.setdefault(str(node.rack), []).append(node.name)
    everybody = {"all": tuple(node.name for node in snapshot.nodes)} if snapshot.nodes else {}
    sources: dict[str, Mapping[str, Sequence[str]]] = {
        "rocks": {**everybody, **snapshot.groups},
        "rack": racks,
    }
    folded = {
        source: {group: fold_names(names) for group, names in groups.items()}
        for source, groups in sources.items()
    }
    return {
        site.options["path"]: site.templates.render("clustershell.yaml", TEMPLATE, sources=folded)
    }


def check(staged: StagedFiles, site: Site) -> None:
    """nodeset expands every group."""
    replace(
        os.path.join(staged.folder, "rocks.yaml"), read_text(staged.files[site.options["path"]])
    )
    config = os.path.join(staged.folder, "groups.conf")
    replace(config, f"[Main]\ndefault: rocks\nautodir: {staged.folder}\n")
    staged.run(["nodeset", f"--groupsconf={config}", "-LL"], timeout=CHECK_SECONDS)


REPORT = Report(
    "clustershell", "ClusterShell groups", OPTIONS, render, check, needs=frozenset((GROUPS,))
)
