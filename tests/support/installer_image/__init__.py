# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The programs and options in the installer's image of each release, as tables with their sources.

The unit tests check the scripts and programs against them, and the lab's image is trimmed to them.
"""

from __future__ import annotations

import functools
import pathlib
import re
from typing import Mapping, NamedTuple

HERE = pathlib.Path(__file__).parent
RELEASES = ("rhel8", "rhel9", "rhel10", "f44", "f45")


class Option(NamedTuple):
    """A row of options.tsv."""

    program: str
    package: str
    option: str
    known_in: str
    source: str
    guard: str


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one table, by its heading."""
    lines = [
        line
        for line in (HERE / name).read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    heading, *body = (line.split("\t") for line in lines)
    short = [line for line in body if len(line) != len(heading)]
    assert not short, f"{name}: a row has {len(heading)} columns, not as in {short[0]}"
    return [dict(zip(heading, line)) for line in body]


@functools.cache
def programs(release: str) -> frozenset[str]:
    """The programs that are established to be in the image of a release."""
    packages = {row["package"] for row in rows("packages.tsv") if row[release] != "?"}
    return frozenset(
        row["program"]
        for row in rows("programs.tsv")
        if row[release].startswith("+") and row["package"] in packages
    )


@functools.cache
def removed() -> frozenset[str]:
    """The programs that the image of at least one release does not have."""
    return frozenset(
        row["program"]
        for row in rows("programs.tsv")
        if not all(row[release].startswith("+") for release in RELEASES)
    )


@functools.cache
def options() -> Mapping[tuple[str, str], Option]:
    """Return (program, option) -> the version and the source of the option."""
    return {(row["program"], row["option"]): Option(**row) for row in rows("options.tsv")}


@functools.cache
def oldest(package: str) -> tuple[int, ...]:
    """The oldest version of a package that a supported release ships."""
    (text,) = (row["version"] for row in rows("versions.tsv") if row["package"] == package)
    return version(text)


def version(text: str) -> tuple[int, ...]:
    """The numbers of an upstream version, to compare two of the same program."""
    return tuple(map(int, re.findall(r"\d+", text)))
