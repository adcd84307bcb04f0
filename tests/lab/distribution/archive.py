# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Debian's archive: the packages that a list of names needs, and their files."""

from __future__ import annotations

import pathlib
from typing import Callable, Collection, Iterable, Mapping

from ansible_collections.npaci.rocks.plugins.module_utils import process

from .model import ConversionError, Deb
from .relations import alternatives

QUERY_SECONDS = 120.0
DOWNLOAD_SECONDS = 600.0

# package -> names of dependencies that are left out
Unwanted = Callable[[str], Collection[str]]


def available() -> dict[str, str]:
    """Return the stanza of each package's candidate, by name."""
    output = process.run(["apt-cache", "dumpavail"], timeout=QUERY_SECONDS).stdout
    return {
        text.partition("\n")[0].removeprefix("Package: "): text
        for text in output.split("\n\n")
        if text
    }


def refresh() -> None:
    """Fetch the archive's lists, on a machine without lists or with old ones."""
    process.run(["apt-get", "update", "--quiet=2"], timeout=DOWNLOAD_SECONDS)


def closure(names: Iterable[str], archive: Mapping[str, str], unwanted: Unwanted) -> dict[str, Deb]:
    """Return the named packages and everything they depend on, by name.

    An unwanted package counts as present: a clause that it satisfies adds no other package.
    """
    packages: dict[str, Deb] = {}
    queue = list(names)
    for name in queue:
        if name in packages:
            continue
        if "\nFilename: " not in archive.get(name, ""):
            raise ConversionError(
                f"{name} is not in the archive, or is only virtual: choose a provider or drop it"
            )
        packages[name] = parse(archive[name])
        satisfied = {*unwanted(name), *queue}
        queue += _needs(packages[name], satisfied)
    return dict(sorted(packages.items()))


def download(debs: Collection[Deb], directory: pathlib.Path) -> dict[str, pathlib.Path]:
    """Fetch the missing files into ``directory``, verified by apt; return name -> file."""
    paths = {deb.name: directory / pathlib.Path(deb.fields["Filename"]).name for deb in debs}
    missing = [f"{deb.name}={deb.version}" for deb in debs if not paths[deb.name].exists()]
    if missing:
        argv = ["apt-get", "download", "--quiet=2", *missing]
        process.run(argv, timeout=DOWNLOAD_SECONDS, cwd=str(directory))
    # apt writes the epoch into the name, the archive does not.
    for deb in debs:
        for path in directory.glob(f"{deb.name}_*%3a*.deb"):
            path.rename(paths[deb.name])
    return paths


def parse(stanza: str) -> Deb:
    """Parse one stanza of the archive (deb822)."""
    fields: dict[str, str] = {}
    key = ""
    for line in stanza.strip().splitlines():
        if line[0] in " \t":
            fields[key] += "\n" + line
        else:
            key, _, value = line.partition(":")
            fields[key] = value.strip()
    return Deb(fields["Package"], fields["Version"], stanza, fields)


def _needs(deb: Deb, satisfied: Collection[str]) -> list[str]:
    """Return the first alternative of each clause that no name in ``satisfied`` fulfils."""
    clauses = [
        [name for name, _ in alternatives(clause)]
        for clause in deb.clauses("Pre-Depends", "Depends")
    ]
    return [names[0] for names in clauses if not any(name in satisfied for name in names)]
