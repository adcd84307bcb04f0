# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Debian's archive offers: which packages a list of names needs, and their files."""

from __future__ import annotations

import pathlib
from typing import Callable, Collection, Iterable, Mapping

from ansible_collections.npaci.rocks.plugins.module_utils import process

from .model import ConversionError, Deb
from .relations import alternatives

ASK_SECONDS = 120.0
DOWNLOAD_SECONDS = 600.0

# package -> names that it does without
Unwanted = Callable[[str], Collection[str]]


def available() -> dict[str, str]:
    """The stanza of each package's candidate, by name."""
    shown = process.run(["apt-cache", "dumpavail"], timeout=ASK_SECONDS).stdout
    return {
        text.partition("\n")[0].removeprefix("Package: "): text
        for text in shown.split("\n\n")
        if text
    }


def refresh() -> None:
    """Fetch the archive's lists, on a machine that has none, or old ones."""
    process.run(["apt-get", "update", "--quiet=2"], timeout=DOWNLOAD_SECONDS)


def closure(
    wanted: Iterable[str], archive: Mapping[str, str], unwanted: Unwanted
) -> dict[str, Deb]:
    """The named packages and all that they depend on, by name; a clause that an unwanted name satisfies is satisfied."""
    found: dict[str, Deb] = {}
    queue = list(wanted)
    for name in queue:
        if name in found:
            continue
        if "\nFilename: " not in archive.get(name, ""):
            raise ConversionError(
                f"{name} is not in the archive, or only virtual: choose a provider or drop it"
            )
        found[name] = parse(archive[name])
        satisfied = {*unwanted(name), *queue}
        queue += _needs(found[name], satisfied)
    return dict(sorted(found.items()))


def download(debs: Collection[Deb], directory: pathlib.Path) -> dict[str, pathlib.Path]:
    """Fetch the files into ``directory``, verified by apt; what lies there already is kept.  Returns name -> file."""
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
    """One stanza of the archive (deb822)."""
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
    """The first alternative of each clause that no name of ``satisfied`` fulfils."""
    clauses = [
        [name for name, _ in alternatives(clause)]
        for clause in deb.clauses("Pre-Depends", "Depends")
    ]
    return [names[0] for names in clauses if not any(name in satisfied for name in names)]
