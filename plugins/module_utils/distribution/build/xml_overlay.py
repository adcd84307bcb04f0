# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Merge the XML that describes profiles: of the parents, ours, and the site's (paper, 6.2.3).

A later layer has precedence, by the rules that the profile compiler applies to layers: a whole
file, or ``replace-X.xml``, replaces all earlier files of a node, and ``extend-X.xml`` adds to it.
"""

from __future__ import annotations

import os
import re
from typing import Iterable, Mapping, NamedTuple, Sequence

from ... import files
from ...errors import DescriptionError, NotFound
from ..sources.base import Input
from .tree import BUILD_FOLDER

FOLDERS = ("graphs", "graph", "nodes", "include")
SITE_NODES = "site-nodes"
"""Folder of a layer whose files have precedence over its ``nodes``."""
PROFILES_FOLDER = "profiles"
MAX_FILE_SIZE = 16 << 20
EXTEND = "nodes/extend-"
REPLACE = "nodes/replace-"
_OPENING_TAG = re.compile(r"<kickstart\b[^>]*>")
_CLOSING_TAG = "</kickstart>"

Layer = Mapping[str, str]
"""Path, such as ``nodes/ssh.xml`` -> text."""


class MergedXml(NamedTuple):
    texts: Mapping[str, str]
    """Path below ``build/`` -> text."""
    original_paths: Mapping[str, str]
    """The same paths -> path of the file that an administrator can edit."""


def merge_xml(folders: Sequence[str], inputs: Sequence[Input]) -> MergedXml:
    """Merge the XML of the parents and of the distribution's own folders.

    The first parent has precedence over later parents, and the last folder over everything.
    """
    parents = {
        f'source "{source_input.source.name}": {BUILD_FOLDER}': source_input.published_generation()
        for source_input in reversed(inputs)
    }
    layers: dict[str, Layer] = {
        name: {
            path: text
            for path, text in parent.build_files().items()
            if not path.startswith(f"{PROFILES_FOLDER}/")
        }
        for name, parent in parents.items()
        if parent
    }
    layers.update({folder: read_layer(folder) for folder in folders})
    return MergedXml(merge_layers(layers.values()), original_paths(layers))


def read_layer(folder: str) -> dict[str, str]:
    """Return the files of one layer: path below ``folder`` -> text.

    Raises NotFound if the folder does not exist, DescriptionError for a file that is not text or
    too large.
    """
    if not os.path.isdir(folder):
        raise NotFound("no such directory", folder, "it should contain graphs/ and nodes/")
    layer = {path: text for name in FOLDERS for path, text in _read_files(folder, name)}
    site = {
        f"nodes/{path.partition('/')[2]}": text for path, text in _read_files(folder, SITE_NODES)
    }
    return merge_layers([layer, site])


def merge_layers(layers: Iterable[Layer]) -> dict[str, str]:
    """Merge layers; a later one has precedence."""
    merged: dict[str, str] = {}
    for layer in layers:
        for path in sorted(layer):
            if not path.startswith(EXTEND):
                _replace(merged, path, layer[path])
        for path in sorted(layer):
            if path.startswith(EXTEND):
                merged[path] = (
                    _join_extensions(merged[path], layer[path], path)
                    if path in merged
                    else layer[path]
                )
    return {path: merged[path] for path in sorted(merged)}


def original_paths(layers: Mapping[str, Layer]) -> dict[str, str]:
    """Return where each merged file comes from: path -> name of its layer and path in it.

    layers  name -> layer, in the order of ``merge_layers``

    A file that was joined from two layers is absent.
    """
    return {
        path: f"{name}/{_path_in_layer(name, path)}"
        for path, text in merge_layers(layers.values()).items()
        for name, layer in layers.items()
        if layer.get(path) == text
    }


def _path_in_layer(folder: str, path: str) -> str:
    site_path = f"{SITE_NODES}/{path.partition('/')[2]}"
    if path.startswith("nodes/") and os.path.exists(os.path.join(folder, site_path)):
        return site_path
    return path


def _replace(merged: dict[str, str], path: str, text: str) -> None:
    """Set a file, and remove the earlier files of the same node."""
    if path.startswith("nodes/"):
        node = path[len(REPLACE) :] if path.startswith(REPLACE) else path[len("nodes/") :]
        for earlier in (f"nodes/{node}", REPLACE + node, EXTEND + node):
            merged.pop(earlier, None)
    merged[path] = text


def _join_extensions(first: str, second: str, path: str) -> str:
    """Append the content of the second extension of a node to the first one."""
    opening = _OPENING_TAG.search(second)
    end = second.rfind(_CLOSING_TAG)
    insert_at = first.rfind(_CLOSING_TAG)
    if opening is None or end < opening.end() or insert_at < 0:
        raise DescriptionError(
            "two layers extend this node, and one of the files is not a <kickstart> element", path
        )
    addition = second[opening.end() : end].strip()
    if addition in first:
        return first  # a distribution that is its own parent
    return f"{first[:insert_at]}{addition}\n{first[insert_at:]}"


def _read_files(root: str, name: str) -> Iterable[tuple[str, str]]:
    for parent, folder_names, file_names in os.walk(os.path.join(root, name)):
        folder_names[:] = sorted(
            folder for folder in folder_names if not folder.startswith((".", "__pycache__"))
        )
        for file_name in sorted(file_names):
            path = os.path.join(parent, file_name)
            if file_name.startswith(".") or not os.path.isfile(path):
                continue
            if os.path.getsize(path) > MAX_FILE_SIZE:
                raise DescriptionError(
                    "the file is too large for XML or a program",
                    path,
                    f"at most {MAX_FILE_SIZE:,} bytes are allowed",
                )
            yield os.path.relpath(path, root), files.read_text(path)
