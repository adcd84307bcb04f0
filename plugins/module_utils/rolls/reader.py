# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the folder of one roll."""

from __future__ import annotations

import os
from typing import Any, Iterable, Mapping

from ..errors import NotFound, combine
from ..files import read_text
from ..xml_folders import ROLL
from .fields import FIELDS, Checker, as_list
from .model import (
    Overrides,
    Roll,
    RollKey,
    RollProfile,
    RollSource,
)
from .yaml_lines import Document, parse

PLACEHOLDERS = ("release", "major", "arch")


def read_roll(folder: str) -> Roll:
    """Return the roll in a folder.

    Raises NotFound for a folder without roll.yml, and DescriptionError that lists every fault with
    file and line.
    """
    path = os.path.join(folder, ROLL)
    if not os.path.isfile(path):
        raise NotFound(f"it has no {ROLL}", folder, "a roll is a folder with that file")
    return parse_roll(read_text(path), path, folder)


def parse_roll(text: str, path: str, folder: str) -> Roll:
    """Return the roll that a text describes; ``path`` names it in errors.

    Raises DescriptionError that lists every fault with file and line.
    """
    document = parse(text, path)
    checker = Checker(path, document.lines)
    checker.check_table(document.content, FIELDS)
    if not checker.errors:
        _check_relations(document.content, folder, checker)
    if checker.errors:
        raise combine(checker.errors)
    return _make_roll(document, folder)


def expand(text: str, release: str, arch: str) -> str:
    """Replace {release}, {major} and {arch} in a URL or in the name of a key."""
    digits = "".join(character for character in release if character.isdigit())
    for name, value in zip(PLACEHOLDERS, (release, digits or release, arch)):
        text = text.replace(f"{{{name}}}", value)
    return text


def _check_relations(content: Mapping[str, Any], folder: str, checker: Checker) -> None:
    """Check the fields against each other."""
    name = content["name"]
    if name != os.path.basename(os.path.abspath(folder)):
        checker.add(("name",), f'the roll is called "{name}", but its folder is not', "rename one")
    if name == "default":
        checker.add(("name",), 'a roll cannot be called "default"', "rename it and its folder")
    sources = as_list(content.get("sources"))
    names = [row["name"] for row in sources]
    for number, row in enumerate(sources):
        path = ("sources", number)
        if row["name"] != name and not row["name"].startswith(f"{name}-"):
            what = f'the source "{row["name"]}" does not begin with "{name}"'
            checker.add((*path, "name"), what, f"call it {name}-{row['name']}")
        if row["name"] in names[:number]:
            checker.add((*path, "name"), f'two sources are called "{row["name"]}"')
        _check_place(row, content, number, checker)
        _check_keys(row, content, number, checker)


def _check_place(
    row: Mapping[str, Any], content: Mapping[str, Any], number: int, checker: Checker
) -> None:
    """Check the URL of a source, and its releases and architectures."""
    path = ("sources", number)
    if "{" in expand(row["url"], "", ""):
        what = f'unknown placeholder in "{row["url"]}"'
        checker.add((*path, "url"), what, "use {release}, {major} and {arch}")
    for field in ("releases", "arches"):
        for item in as_list(row.get(field)):
            if item not in as_list(content[field]):
                checker.add((*path, field), f'the roll has no "{item}"', f"add it to {field}")


def _check_keys(
    row: Mapping[str, Any], content: Mapping[str, Any], number: int, checker: Checker
) -> None:
    """Check that a source has keys that the roll describes, or states that it is not signed."""
    path = ("sources", number)
    keys = as_list(row.get("keys"))
    known = {key["name"] for key in as_list(content.get("keys"))}
    if row.get("signed", True) != bool(keys):
        what = f'the source "{row["name"]}" needs keys or signed: false, and not both'
        checker.add(path, what)
    for release in as_list(row.get("releases")) or as_list(content["releases"]):
        for key in keys:
            name = expand(key, release, "")
            if name not in known:
                checker.add((*path, "keys"), f'no key is called "{name}"', "add it to keys")


def _make_roll(document: Document, folder: str) -> Roll:
    content = document.content
    overrides = content.get("overrides") or {}
    packages = _texts(overrides.get("packages"))
    return Roll(
        name=content["name"],
        folder=folder,
        version=content["version"],
        description=" ".join(content["description"].split()),
        homepage=content["homepage"],
        releases=_texts(content["releases"]),
        arches=_texts(content["arches"]),
        lines={str(path[0]): line for path, line in document.lines.items() if len(path) == 1},
        needs=_texts(content.get("needs")),
        wants=_texts(content.get("wants")),
        conflicts=_texts(content.get("conflicts")),
        scheduler=content.get("scheduler", ""),
        repositories=_texts(content.get("repositories")),
        keys=tuple(
            RollKey(
                name=row["name"],
                url=row["url"],
                fingerprints=tuple(text.upper() for text in as_list(row["fingerprint"])),
            )
            for row in as_list(content.get("keys"))
        ),
        sources=tuple(_source(row, packages) for row in as_list(content.get("sources"))),
        overrides=Overrides(
            nodes=_texts(overrides.get("nodes")),
            attributes=_texts(overrides.get("attributes")),
            packages=packages,
        ),
        profiles=tuple(
            RollProfile(
                root=row["root"],
                attributes={
                    key: str(value) for key, value in (row.get("attributes") or {}).items()
                },
                nodes=_texts(row.get("nodes")),
            )
            for row in as_list(content.get("profiles"))
        ),
    )


def _source(row: Mapping[str, Any], overridden: tuple[str, ...]) -> RollSource:
    return RollSource(
        name=row["name"],
        url=row["url"],
        keys=_texts(row.get("keys")),
        releases=_texts(row.get("releases")),
        arches=_texts(row.get("arches")),
        arch_names=dict(row.get("arch_names") or {}),
        include=_texts(row.get("include")),
        exclude=_texts(row.get("exclude")),
        wins=overridden,
        skip_metadata=_texts(row.get("skip_metadata")),
        signed=row.get("signed", True),
    )


def _texts(value: Any) -> tuple[str, ...]:
    items: Iterable[Any] = as_list(value)
    return tuple(map(str, items))
