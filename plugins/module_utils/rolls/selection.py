# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decide which rolls are on, and refuse those that contradict each other."""

from __future__ import annotations

import itertools
import os
from typing import Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence

from ..errors import DescriptionError, combine
from ..xml_folders import EXTEND, GRAPHS, INCLUDE, NODES, graph_names, node_of, xml_paths
from .catalog import Catalog
from .model import ActiveRoll, Roll, RollSource, Selection
from .reader import expand

OPTION = "option rolls"
DEFAULT = "default"
"""The word that stands for the default rolls."""


class Target(NamedTuple):
    """The distribution that rolls are selected for."""

    release: str
    arch: str
    xml: Sequence[str] = ()
    """The folders that the rolls add to."""


def default_names(catalog: Catalog, scheduler: str, target: Target, *, online: bool) -> list[str]:
    """Return the rolls that are on by default: that of the scheduler, and what it wants.

    online  whether repositories on the Internet can be reached; otherwise, a site has its
            scheduler's RPMs itself
    """
    names = [roll.name for roll in catalog.rolls.values() if scheduler == roll.scheduler]
    if online:
        names += [wanted for name in names for wanted in catalog.rolls[name].wants]
    return [
        name
        for name in dict.fromkeys(names)
        if name not in catalog.rolls or catalog.rolls[name].supports(target.release, target.arch)
    ]


def select(catalog: Catalog, reasons: Mapping[str, str], target: Target) -> Selection:
    """Return the rolls with these names, those that they need, and what all of them add.

    reasons  name -> why the roll is on

    Raises NotFound for an unknown roll.  Raises DescriptionError for a roll that does not have the
    release or architecture, and for rolls that contradict each other; it names them.
    """
    active = _with_needs(catalog, reasons)
    errors = [
        *(error for item in active if (error := _unsupported(item.roll, target))),
        *_contradictions([item.roll for item in active], target.xml),
    ]
    if errors:
        raise combine(errors)
    rolls = [item.roll for item in active]
    sources = [source for roll in rolls for source in _sources(roll, target)]
    used = {name for source in sources for name in _key_names(source, target)}
    keys = {key.name: key for roll in rolls for key in roll.keys if key.name in used}
    return Selection(
        active=active,
        sources=[_as_option(source, target) for source in sources],
        keys=[keys[name] for name in sorted(keys)],
        repositories=list(dict.fromkeys(name for roll in rolls for name in roll.repositories)),
        xml=[roll.folder for roll in rolls],
    )


def _with_needs(catalog: Catalog, reasons: Mapping[str, str]) -> list[ActiveRoll]:
    """Return rolls in an order in which each follows those that it needs."""
    active: dict[str, ActiveRoll] = {}

    def add(name: str, why: str, where: str, chain: tuple[str, ...]) -> None:
        if name in chain:
            raise DescriptionError(
                f"the rolls {', '.join(chain)} need each other", where, "remove one of needs"
            )
        if name in active:
            return
        roll = catalog.find(name, where)
        for needed in roll.needs:
            add(needed, f"needed by {name}", roll.where("needs"), (*chain, name))
        active[name] = ActiveRoll(roll, why)

    for name, reason in reasons.items():
        add(name, reason, OPTION, ())
    return [item._replace(reason=reasons.get(name, item.reason)) for name, item in active.items()]


def _unsupported(roll: Roll, target: Target) -> Optional[DescriptionError]:
    for what, value, supported in (
        ("releases", target.release, roll.releases),
        ("arches", target.arch, roll.arches),
    ):
        if value not in supported:
            return DescriptionError(
                f'the roll "{roll.name}" does not support {value}',
                roll.where(what),
                f"it supports {', '.join(supported)}; turn it off for this distribution",
            )
    return None


def _contradictions(rolls: Sequence[Roll], base: Sequence[str]) -> Iterator[DescriptionError]:
    names = {roll.name for roll in rolls}
    for roll in rolls:
        for other in roll.conflicts:
            if other in names:
                yield DescriptionError(
                    f'the rolls "{roll.name}" and "{other}" cannot be on together',
                    roll.where("conflicts"),
                    "turn one of them off",
                )
    yield from _key_contradictions(rolls)
    yield from _file_contradictions(rolls, base)


def _key_contradictions(rolls: Sequence[Roll]) -> Iterator[DescriptionError]:
    pairs = [(roll, key) for roll in rolls for key in roll.keys]
    for (roll, key), (other, other_key) in itertools.combinations(pairs, 2):
        if key.name == other_key.name and key.fingerprints != other_key.fingerprints:
            yield DescriptionError(
                f'the rolls "{roll.name}" and "{other.name}" have different fingerprints for the'
                f" key {key.name}",
                other.where("keys"),
                "compare them with the vendor's page, and correct the wrong one",
            )


def _file_contradictions(rolls: Sequence[Roll], base: Sequence[str]) -> Iterator[DescriptionError]:
    """Find files that would replace those of another roll, or of the folders below the rolls."""
    owners = {path: "the collection" for folder in base for path in _files(folder)}
    for roll in rolls:
        for path in _files(roll.folder):
            node = node_of(os.path.splitext(os.path.basename(path))[0])
            may_replace = path.startswith(f"{NODES}/") and node in roll.overrides.nodes
            if path in owners and not may_replace:
                yield DescriptionError(
                    f'the roll "{roll.name}" and {owners[path]} both have a file {path}',
                    os.path.join(roll.folder, path),
                    "rename it, or list the node under overrides in roll.yml",
                )
            owners[path] = f'the roll "{roll.name}"'


def _files(folder: str) -> Iterator[str]:
    """Yield the files of a layer that only one roll can have; extensions add to each other."""
    names = [NODES, *(f"{GRAPHS}/{graph}" for graph in graph_names(folder))]
    for name in names:
        for stem in xml_paths(os.path.join(folder, name)):
            if not (name == NODES and stem.startswith(EXTEND)):
                yield f"{name}/{stem}.xml"
    top = os.path.join(folder, INCLUDE)
    for parent, _folders, files in os.walk(top):
        if "__pycache__" not in parent:
            for file in sorted(files):
                yield os.path.relpath(os.path.join(parent, file), folder)


def _sources(roll: Roll, target: Target) -> list[RollSource]:
    return [
        source
        for source in roll.sources
        if target.release in (source.releases or roll.releases)
        and target.arch in (source.arches or roll.arches)
    ]


def _key_names(source: RollSource, target: Target) -> list[str]:
    return [expand(name, target.release, target.arch) for name in source.keys]


def _as_option(source: RollSource, target: Target) -> Mapping[str, object]:
    arch = source.arch_names.get(target.arch, target.arch)
    option: dict[str, object] = {
        "name": source.name,
        "url": expand(source.url, target.release, arch),
        "gpg_keys": _key_names(source, target),
    }
    lists: Iterable[tuple[str, tuple[str, ...]]] = (
        ("include", source.include),
        ("exclude", source.exclude),
        ("wins", source.wins),
        ("skip_metadata", source.skip_metadata),
    )
    option.update({name: list(value) for name, value in lists if value})
    return option
