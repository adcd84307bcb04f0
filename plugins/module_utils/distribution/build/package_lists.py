# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List the packages that each profile can install, so that two generations can be compared.

A list is stored beside its profile.  Nodes with equal kickstarts and equal lists are installed with
the same packages, whatever else differs between the generations.
"""

from __future__ import annotations

import re
from typing import Iterable, Mapping

from ...tree_paths import package_list_name
from ..metadata.compression import decompress_frame
from ..metadata.index import FILELISTS, PRIMARY
from ..metadata.normalise import escape_xml, xml_head, xml_tail
from ..metadata.slices import slice_primary
from ..resolve.install_set import Candidate, Universe, find_install_set
from .auxiliary_metadata import GROUP, Documents
from .composer import ComposedShard, Composition
from .dependency_check import FileOwners
from .profile_hook import CompiledProfiles
from .xml_overlay import PROFILES_FOLDER

RULES = 1
"""Version of the rules of ``install_set``: other rules give other lists."""
_PACKAGE_ID = re.compile(rb'<package pkgid="([0-9a-f]+)"')


def list_packages(
    compiled: CompiledProfiles,
    composition: Composition,
    documents: Documents,
    file_owners: FileOwners,
    arch: str,
) -> dict[str, str]:
    """Return the list of each profile: path below ``build/`` -> text.

    A line has the NEVRA of a package and the checksum of its file.
    """
    if not compiled.profiles:
        return {}
    # Imported here because lxml takes 15 ms to load and not every build has profiles.
    from ..metadata.comps import read_groups

    groups = read_groups(documents.contents.get(GROUP, b""), "the group file")

    def find_file_owners(path: str) -> Iterable[str]:
        return _packages_with(path, composition.shards, file_owners)

    universe = Universe(_candidates(composition.shards), arch, find_file_owners)
    lists = {}
    for profile in compiled.profiles.values():
        platform_packages = {name for names in profile.platforms.values() for name in names}
        packages = find_install_set(
            universe,
            profile.packages,
            groups,
            optional=[*profile.optional_packages, *sorted(platform_packages)],
        )
        path = f"{PROFILES_FOLDER}/{package_list_name(profile.sha256)}"
        lists[path] = "".join(f"{package.nevra} {package.checksum}\n" for package in packages)
    return lists


def _candidates(shards: Mapping[int, ComposedShard]) -> list[Candidate]:
    candidates = []
    for _number, composed in sorted(shards.items()):
        if PRIMARY not in composed.frames:
            continue
        xml = decompress_frame(composed.frames[PRIMARY])
        document = b"".join((xml_head(PRIMARY, 0), xml, xml_tail(PRIMARY)))
        sliced = slice_primary(document, "", PRIMARY)
        for package in sliced.packages:
            span = sliced.spans[package.checksum]
            candidates.append(
                Candidate(
                    name=package.name,
                    arch=package.arch,
                    nevra=package.nevra,
                    checksum=package.checksum,
                    xml=sliced.data[span.start : span.end],
                )
            )
    return candidates


def _packages_with(
    path: str, shards: Mapping[int, ComposedShard], file_owners: FileOwners
) -> list[str]:
    """Return the checksums of the packages whose file lists contain a path."""
    text = b">" + escape_xml(path).encode() + b"</file>"
    checksums = []
    for number in file_owners.shards_with(path):
        xml = decompress_frame(shards[number].frames[FILELISTS])
        start = xml.find(text)
        while start >= 0:
            checksums.append(_PACKAGE_ID.findall(xml, 0, start)[-1].decode())
            start = xml.find(text, start + 1)
    return checksums
