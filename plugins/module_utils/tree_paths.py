# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Paths of published distributions below their root, and the names of files in them (contract C4).

<root>/<distribution>/<arch>                              link to the published generation
<root>/.generations/<distribution>/<arch>/<generation>/   one immutable tree
<tree>/build/profiles/<graph root>-<digits>.json          one compiled profile
<tree>/build/profiles/<digits>.packages                   the packages that it installs
"""

from __future__ import annotations

import os

GENERATIONS = ".generations"
HISTORY = ".history"
"""JSON list of the generations of one distribution and architecture, in the order of publication.
"""
PLACES = ".sources"
"""JSON object in the same folder: generation -> source name -> URL or path of the source.

It is outside of the trees, because equal trees can be built from different mirrors.
"""
PROFILE_SUFFIX = ".json"
PROFILE_DIGITS = 16
"""Hexadecimal digits of a stored profile's SHA-256 in its file name."""


def published_link(root: str, distribution: str, arch: str) -> str:
    """Return the path of the link that names the published generation."""
    return os.path.join(root, distribution, arch)


def generations_folder(root: str, distribution: str, arch: str) -> str:
    """Return the folder of all generations of a distribution for one architecture."""
    return os.path.join(root, GENERATIONS, distribution, arch)


def generation_folder(root: str, distribution: str, arch: str, generation: str) -> str:
    """Return the folder of one generation: an installable tree."""
    return os.path.join(root, GENERATIONS, distribution, arch, generation)


def generation_url(base: str, distribution: str, arch: str, generation: str) -> str:
    """Return the URL of one generation.

    ``base`` is the frontend's plain HTTP URL without a path.
    """
    return f"{base}/install/{GENERATIONS}/{distribution}/{arch}/{generation}"


def published_url(base: str, distribution: str, arch: str) -> str:
    """Return the URL of whatever generation is published.  ``base`` is as in ``generation_url``."""
    return f"{base}/install/{distribution}/{arch}"


def published_generation(root: str, distribution: str, arch: str) -> str:
    """Return the name of the published generation, or an empty text when there is no link."""
    try:
        target = os.readlink(published_link(root, distribution, arch))
    except OSError:
        return ""
    return os.path.basename(os.path.normpath(target))


def xml_folder(tree: str) -> str:
    """Return the folder of the XML, the compiled profiles and the programs for nodes in a tree."""
    return os.path.join(tree, "build")


def profiles_folder(tree: str) -> str:
    """Return the folder of the compiled profiles in a tree."""
    return os.path.join(tree, "build", "profiles")


def profile_ending(sha256: str) -> str:
    """Return the end of the file name of the stored profile with this SHA-256."""
    return f"-{sha256[:PROFILE_DIGITS]}{PROFILE_SUFFIX}"


def profile_root(file_name: str) -> str:
    """Return the graph root in the file name of a stored profile; empty for any other file."""
    ending = len(profile_ending("0" * PROFILE_DIGITS))
    return file_name[:-ending] if file_name.endswith(PROFILE_SUFFIX) else ""


def profile_file_name(graph_root: str, sha256: str) -> str:
    """Return the file name of a stored profile: its graph root and the beginning of its SHA-256."""
    return graph_root + profile_ending(sha256)


def package_list_name(sha256: str) -> str:
    """Return the file name of the packages that the profile with this SHA-256 installs."""
    return f"{sha256[:PROFILE_DIGITS]}.packages"
