# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The records of the conversion: a Debian package, a file of a payload, an RPM to build."""

from __future__ import annotations

from typing import Mapping, NamedTuple


class ConversionError(Exception):
    """The tables do not cover a part of the archive; the message names the table to extend."""


class Deb(NamedTuple):
    """One stanza of the archive: its text, and its fields by the names of deb822."""

    name: str
    version: str
    text: str
    fields: Mapping[str, str]

    def clauses(self, *names: str) -> list[str]:
        """Return the comma-separated clauses of the named relation fields, in their order."""
        texts = (self.fields.get(name, "").replace("\n", " ") for name in names)
        return [clause.strip() for text in texts for clause in text.split(",") if clause.strip()]


class Evr(NamedTuple):
    """A version of rpm: epoch, version and release as texts; the epoch can be empty."""

    epoch: str
    version: str
    release: str

    def __str__(self) -> str:
        return (f"{self.epoch}:" if self.epoch else "") + f"{self.version}-{self.release}"


class File(NamedTuple):
    """One path of a payload and its properties for rpm; its content is in the build root."""

    path: str
    directory: bool = False
    config: bool = False
    owner: str = "root"
    group: str = "root"


class Rpm(NamedTuple):
    """A binary package to build; ``scriptlets`` are pairs of a spec section's head and its text."""

    name: str
    evr: Evr
    summary: str
    noarch: bool
    requires: tuple[str, ...]
    recommends: tuple[str, ...]
    provides: tuple[str, ...]
    scriptlets: tuple[tuple[str, str], ...]
    files: tuple[File, ...]
