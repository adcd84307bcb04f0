# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List rolls, select those of a distribution, and check their XML."""

from __future__ import annotations

import os
from typing import Any, Iterator, Mapping, NamedTuple, Optional, Sequence

from .. import tree_paths
from ..files import read_text
from ..profile.model import Remark
from ..profile.output.lint import lint
from ..rolls.catalog import Catalog, read_catalog
from ..rolls.model import ActiveRoll, Roll, Selection
from ..rolls.reader import parse_roll
from ..rolls.selection import DEFAULT, Target, default_names, select
from ..settings import Settings
from ..xml_folders import GRAPHS, NODES, ROLLS, graph_names, xml_paths


class RollRequest(NamedTuple):
    params: Mapping[str, Any]
    """The options of rocks_roll_info."""
    settings: Settings

    @property
    def target(self) -> Target:
        return Target(self.params["release"] or "", self.params["arch"], self.params["xml"])


def describe_rolls(request: RollRequest) -> dict[str, Any]:
    """Return the module's result.

    Raises NotFound and DescriptionError, as ``select`` does, for the listed rolls.
    """
    params = request.params
    catalog = read_catalog(params["path"] or request.settings.roll_folders)
    selection = _select(catalog, request)
    active = {item.roll.name: item for item in selection.active}
    published = _published(request)
    result: dict[str, Any] = {
        "rolls": [
            _as_dict(roll, active.get(roll.name), catalog.hidden.get(roll.name), published)
            for roll in catalog.rolls.values()
        ],
        "faulty": [
            {"name": name, "fault": str(error)} for name, error in sorted(catalog.errors.items())
        ],
        "on": [item.roll.name for item in selection.active],
        "sources": [dict(source) for source in selection.sources],
        "keys": [
            {"name": key.name, "url": key.url, "fingerprint": list(key.fingerprints)}
            for key in selection.keys
        ],
        "repositories": list(selection.repositories),
        "xml": list(selection.xml),
    }
    if params["lint"]:
        result["lint"] = [
            *map(str, catalog.errors.values()),
            *(
                str(remark)
                for roll in catalog.rolls.values()
                for remark in lint_roll(catalog, roll, params["xml"])
            ),
        ]
    return result


def _select(catalog: Catalog, request: RollRequest) -> Selection:
    scheduler = request.settings.scheduler or "slurm"
    target = request.target
    defaults = default_names(catalog, scheduler, target, online=request.params["online"])
    reasons: dict[str, str] = {}
    for name in request.params["rolls"]:
        if name == DEFAULT:
            reasons.update(dict.fromkeys(defaults, f"default with scheduler {scheduler}"))
        else:
            reasons[name] = "listed"
    return select(catalog, reasons, target)


def lint_roll(catalog: Catalog, roll: Roll, base: Sequence[str]) -> Iterator[Remark]:
    """Yield the findings about the XML of a roll, each with file and line.

    base  the folders below the rolls, such as the collection's ``xml``

    The rolls that it needs are below it.  Its profiles are compiled for each of its releases.
    """
    target = Target(roll.releases[0], roll.arches[0], base)
    for attributes in _attribute_sets(roll):
        selection = select(catalog, {roll.name: "checked"}, target)
        for remark in lint([*base, *selection.xml], attributes, roll.releases):
            if remark.origin.file.startswith(os.path.join(roll.folder, "")):
                yield remark


def _attribute_sets(roll: Roll) -> list[dict[str, Mapping[str, str]]]:
    """Return the profiles of a roll as mappings of roots, with one profile of a root in each."""
    sets: list[dict[str, Mapping[str, str]]] = [{}]
    for profile in roll.profiles:
        for roots in sets:
            if profile.root not in roots:
                roots[profile.root] = profile.attributes
                break
        else:
            sets.append({profile.root: profile.attributes})
    return sets


def published_rolls(root: str, distribution: str, arch: str) -> dict[str, str]:
    """Return the rolls in the published generation of a distribution: name -> version."""
    link = tree_paths.published_link(root, distribution, arch)
    folder = os.path.join(tree_paths.xml_folder(link), ROLLS)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    paths = {os.path.splitext(name)[0]: os.path.join(folder, name) for name in names}
    return {name: parse_roll(read_text(path), path, name).version for name, path in paths.items()}


def _published(request: RollRequest) -> dict[str, str]:
    params = request.params
    root = request.settings.distributions
    return published_rolls(root, params["distribution"], params["arch"])


def _as_dict(
    roll: Roll, active: Optional[ActiveRoll], hidden: Optional[Roll], published: Mapping[str, str]
) -> dict[str, Any]:
    versions = [roll.version, *([hidden.version] if hidden else [])]
    newest = max(versions, key=version_key)
    built = published.get(roll.name, "")
    return {
        "name": roll.name,
        "version": roll.version,
        "description": roll.description,
        "homepage": roll.homepage,
        "folder": roll.folder,
        "releases": list(roll.releases),
        "arches": list(roll.arches),
        "needs": list(roll.needs),
        "conflicts": list(roll.conflicts),
        "sources": [source.url for source in roll.sources],
        "repositories": list(roll.repositories),
        "nodes": sorted(xml_paths(os.path.join(roll.folder, NODES))),
        "graphs": [
            stem
            for graph in graph_names(roll.folder)
            for stem in xml_paths(os.path.join(roll.folder, GRAPHS, graph))
        ],
        "on": active is not None,
        "reason": active.reason if active else "",
        "built": built,
        "newer": newest if version_key(newest) > version_key(built or roll.version) else "",
    }


def version_key(version: str) -> list[int]:
    """Return a key that orders versions of rolls."""
    return [int(part) for part in version.split(".")]
