# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fields of ``roll.yml``, one row each, and the check of values against them.

The schema for editors, xml/schema/roll.json, is made from these tables.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping, NamedTuple

from ..errors import DescriptionError
from ..suggestions import did_you_mean
from .yaml_lines import Path

RELEASES = ("rhel7", "rhel8", "rhel9", "rhel10", "f44", "f45", "fedora")
ARCHES = ("x86_64", "aarch64", "ppc64le")
NAME = r"[a-z0-9][a-z0-9_-]*"
FILE = r"[A-Za-z0-9][A-Za-z0-9._{}-]*"
URL = r"(https?|file)://\S+"
FINGERPRINT = r"[0-9A-Fa-f]{40}"
TEXT = r"(?s).*\S.*"


class Field(NamedTuple):
    """What a field accepts."""

    meaning: str
    pattern: str = TEXT
    """Of the value, or of each item of a list."""
    kind: str = "text"
    """text, list, bool, mapping (of texts), table, or tables (a list of them)."""
    required: bool = False
    example: str = ""
    """Shown in errors."""
    fields: Mapping[str, Field] = {}
    """Of a table."""


_RELEASE = "|".join(RELEASES)
_ARCH = "|".join(ARCHES)

KEY_FIELDS: Mapping[str, Field] = {
    "name": Field("The file name of the key.", FILE, required=True),
    "url": Field("Where the vendor publishes it.", URL, required=True),
    "fingerprint": Field(
        "The fingerprints of the primary keys in the file.",
        FINGERPRINT,
        "list",
        required=True,
        example="40 hexadecimal digits; gpg --show-keys prints them",
    ),
}
SOURCE_FIELDS: Mapping[str, Field] = {
    "name": Field("The name of the roll, or one that begins with it.", NAME, required=True),
    "url": Field("URL with {release}, {major} and {arch}.", URL, required=True),
    "keys": Field("Names of keys; they can contain {major}.", FILE, "list"),
    "signed": Field("false if the vendor does not sign its packages.", kind="bool"),
    "releases": Field("Only these releases.", _RELEASE, "list"),
    "arches": Field("Only these architectures.", _ARCH, "list"),
    "arch_names": Field("Architecture: its name in the URL.", kind="mapping"),
    "include": Field("Only packages with these names; patterns.", kind="list"),
    "exclude": Field("No packages with these names; patterns.", kind="list"),
    "skip_metadata": Field("Metadata to leave out.", "advisories|groups|modules", "list"),
}
OVERRIDE_FIELDS: Mapping[str, Field] = {
    "nodes": Field("Node files that the roll replaces.", kind="list"),
    "attributes": Field("Attributes that the roll declares again.", kind="list"),
    "packages": Field("Packages that its sources replace; patterns.", kind="list"),
}
PROFILE_FIELDS: Mapping[str, Field] = {
    "root": Field("The root in the graph.", required=True),
    "attributes": Field("Attributes of the node.", kind="mapping"),
    "nodes": Field("Nodes that the profile must include.", kind="list"),
}
FIELDS: Mapping[str, Field] = {
    "name": Field("The name of the roll and of its folder.", NAME, required=True),
    "version": Field("The version.", r"[0-9]+(\.[0-9]+)*", required=True, example="1.0.0"),
    "description": Field("What it adds, in one sentence.", required=True),
    "homepage": Field("The page of the software.", URL, required=True),
    "releases": Field(
        "The releases.", _RELEASE, "list", required=True, example=f"of {', '.join(RELEASES)}"
    ),
    "arches": Field(
        "The architectures.", _ARCH, "list", required=True, example=f"of {', '.join(ARCHES)}"
    ),
    "needs": Field("Rolls that are turned on with it.", NAME, "list"),
    "wants": Field("Rolls that are on by default with it.", NAME, "list"),
    "conflicts": Field("Rolls that cannot be on with it.", NAME, "list"),
    "scheduler": Field("The scheduler whose default roll it is.", "slurm|pbs"),
    "repositories": Field("Repositories of the stock, such as CRB.", FILE, "list"),
    "keys": Field("The vendor's keys.", kind="tables", fields=KEY_FIELDS),
    "sources": Field("The vendor's repositories.", kind="tables", fields=SOURCE_FIELDS),
    "overrides": Field("What it may replace.", kind="table", fields=OVERRIDE_FIELDS),
    "profiles": Field("Profiles that its test compiles.", kind="tables", fields=PROFILE_FIELDS),
}


class Checker:
    """Collects the faults of one file, each with its line."""

    def __init__(self, file: str, lines: Mapping[Path, int]) -> None:
        self.errors: list[DescriptionError] = []
        self._file = file
        self._lines = lines

    def add(self, path: Path, what: str, hint: str = "") -> None:
        line = self._lines.get(path, self._lines.get(path[:-1], 1))
        self.errors.append(DescriptionError(what, f"{self._file}:{line}", hint))

    def check_table(self, content: Any, fields: Mapping[str, Field], path: Path = ()) -> None:
        """Check a mapping against its fields."""
        if not isinstance(content, dict):
            self.add(path, "a mapping is expected", f"fields: {', '.join(fields)}")
            return
        for name in content:
            if name not in fields:
                hint = did_you_mean(name, fields) or f"fields: {', '.join(fields)}"
                self.add((*path, name), f'unknown field "{name}"', hint)
        for name, field in fields.items():
            if name in content:
                self._check(content[name], field, (*path, name))
            elif field.required:
                example = f", such as {field.example}" if field.example else ""
                self.add(path, f'the field "{name}" is missing', f"add it{example}")

    def _check(self, value: Any, field: Field, path: Path) -> None:
        if field.kind == "table":
            self.check_table(value, field.fields, path)
        elif field.kind == "tables":
            if not isinstance(value, list):
                self.add(path, f'"{path[-1]}" is not a list')
                return
            for number, row in enumerate(value):
                self.check_table(row, field.fields, (*path, number))
        else:
            for place, what in _value_faults(value, field, path):
                self.add(place, what, field.example)


def _value_faults(value: Any, field: Field, path: Path) -> Iterator[tuple[Path, str]]:
    name = path[-1]
    if field.kind == "bool":
        if not isinstance(value, bool):
            yield path, f'"{name}" is "{value}"; write true or false'
    elif field.kind == "mapping":
        if not isinstance(value, dict) or not all(
            isinstance(item, (str, bool)) for item in value.values()
        ):
            yield path, f'"{name}" is not a mapping of texts'
    elif field.kind == "list":
        items = as_list(value)
        if not items and field.required:
            yield path, f'"{name}" is empty'
        for number, item in enumerate(items):
            if not isinstance(item, str) or not re.fullmatch(field.pattern, item):
                yield (*path, number), f'"{item}" is not a valid value of "{name}"'
    elif not isinstance(value, str) or not re.fullmatch(field.pattern, value):
        yield path, f'"{value}" is not a valid value of "{name}"'


def as_list(value: Any) -> list[Any]:
    """Return the items of a list field; a single text is a list of one."""
    if value in (None, ""):
        return []
    return value if isinstance(value, list) else [value]
