# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The shipped rolls, and rolls that tests write."""

from __future__ import annotations

import functools
import pathlib
from typing import Any, Iterator, NamedTuple

import yaml

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import Profile
from ansible_collections.npaci.rocks.plugins.module_utils.rolls.catalog import Catalog, read_catalog
from ansible_collections.npaci.rocks.plugins.module_utils.rolls.model import Roll, RollProfile
from ansible_collections.npaci.rocks.plugins.module_utils.rolls.selection import Target, select

from .profiles import ROLLS, XML, node_attributes

COMPLETE = {
    "name": "tools",
    "version": "1.2",
    "description": "Tools of the site.",
    "homepage": "https://tools.example.org/",
    "releases": ["rhel9"],
    "arches": ["x86_64"],
}


class RollCase(NamedTuple):
    """A profile that a roll names, for one of its releases."""

    roll: Roll
    profile: RollProfile
    release: str

    def __str__(self) -> str:
        return f"{self.roll.name}-{self.profile.root}-{self.release}"

    @property
    def attributes(self) -> dict[str, str]:
        return node_attributes(self.profile.root, **self.profile.attributes)


def write_roll(folder: pathlib.Path, name: str = "tools", **fields: Any) -> pathlib.Path:
    """Write a roll below ``folder``; ``files`` is a mapping of paths and texts."""
    files = fields.pop("files", {})
    roll = folder / name
    roll.mkdir(parents=True, exist_ok=True)
    content = {**COMPLETE, "name": name, **fields}
    (roll / "roll.yml").write_text(yaml.safe_dump(content, sort_keys=False))
    for path, text in files.items():
        (roll / path).parent.mkdir(parents=True, exist_ok=True)
        (roll / path).write_text(text)
    return roll


@functools.cache
def shipped() -> Catalog:
    """Return the rolls of the collection."""
    return read_catalog([str(ROLLS)])


def roll_cases() -> Iterator[RollCase]:
    """Yield every profile of every shipped roll, for each of its releases."""
    for roll in shipped().rolls.values():
        for profile in roll.profiles:
            for release in roll.releases:
                yield RollCase(roll, profile, release)


@functools.cache
def layers_with(name: str) -> tuple[str, ...]:
    """Return the collection's XML and the layers of a roll and of those that it needs."""
    roll = shipped().rolls[name]
    selection = select(shipped(), {name: ""}, Target(roll.releases[0], roll.arches[0], [XML]))
    return (XML, *selection.xml)


def compile_case(case: RollCase) -> Profile:
    """Compile a profile of a roll."""
    return compile_profile(
        layers_with(case.roll.name), case.profile.root, case.attributes, case.release
    )


def requested_packages() -> set[tuple[str, str]]:
    """Return the packages that the node files of rolls install, each with the release."""
    return {
        (package.name, case.release)
        for case in roll_cases()
        if case.release != "rhel7"
        for package in compile_case(case).packages
        if any(origin.file.startswith(f"{case.roll.name}/") for origin in package.origins)
    }
