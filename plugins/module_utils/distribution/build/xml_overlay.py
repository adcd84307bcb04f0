# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``build/``: the XML that describes the profiles, of the parents, ours, and the site's over it (paper, 6.2.3).

Later layers weigh more, by the rules that the profiles' compiler has for layers: a whole file, or ``replace-X.xml``,
takes the place of all that was said about a node; ``extend-X.xml`` is added to it.
"""

from __future__ import annotations

import os
import re
from typing import Iterable, Mapping

from ... import files
from ...errors import DescriptionError, NotFound

FOLDERS = ("graphs", "graph", "nodes", "include")
# A layer of its own within a layer: what it holds weighs more than ``nodes``.
SITE_NODES = "site-nodes"
MAX_FILE_SIZE = 16 << 20
_OPEN = re.compile(r"<kickstart\b[^>]*>")
_CLOSE = "</kickstart>"
EXTEND, REPLACE = "nodes/extend-", "nodes/replace-"

Layer = Mapping[str, str]


def read_layer(folder: str) -> dict[str, str]:
    """The files of one layer: path below ``folder`` -> text.

    Raises NotFound when the folder is not there, DescriptionError for a file that is no text or far too large.
    """
    if not os.path.isdir(folder):
        raise NotFound("no such directory", folder, "it should hold graphs/ and nodes/")
    layer = {path: text for name in FOLDERS for path, text in _read(folder, name)}
    site = {f"nodes/{path.partition('/')[2]}": text for path, text in _read(folder, SITE_NODES)}
    return merge_layers([layer, site])


def merge_layers(layers: Iterable[Layer]) -> dict[str, str]:
    """Layers, the weightiest last, as one."""
    result: dict[str, str] = {}
    for layer in layers:
        for path in sorted(layer):
            if not path.startswith(EXTEND):
                _replace(result, path, layer[path])
        for path in sorted(layer):
            if path.startswith(EXTEND):
                result[path] = (
                    _joined(result[path], layer[path], path) if path in result else layer[path]
                )
    return {path: result[path] for path in sorted(result)}


def original_paths(layers: Mapping[str, Layer]) -> dict[str, str]:
    """Where each file of the merged layers was written: path -> path that begins with the name of its layer.

    layers  name -> layer, the weightiest last; what two of them made together has no such place
    """
    return {
        path: f"{name}/{_before(name, path)}"
        for path, text in merge_layers(layers.values()).items()
        for name, layer in layers.items()
        if layer.get(path) == text
    }


def _before(folder: str, path: str) -> str:
    """The path that a file of a layer has below its folder."""
    site = f"{SITE_NODES}/{path.partition('/')[2]}"
    return (
        site if os.path.exists(os.path.join(folder, site)) and path.startswith("nodes/") else path
    )


def _replace(result: dict[str, str], path: str, text: str) -> None:
    """Put a file in the place of everything that was said before under its name."""
    if path.startswith("nodes/"):
        node = path[len(REPLACE) :] if path.startswith(REPLACE) else path[len("nodes/") :]
        for other in (f"nodes/{node}", REPLACE + node, EXTEND + node):
            result.pop(other, None)
    result[path] = text


def _joined(first: str, second: str, path: str) -> str:
    """Two extensions of one node as one: the second's content after the first's."""
    begin, end = _OPEN.search(second), second.rfind(_CLOSE)
    last = first.rfind(_CLOSE)
    if begin is None or end < begin.end() or last < 0:
        raise DescriptionError(
            "two layers extend this node, and one of the files is no <kickstart> element", path
        )
    if second[begin.end() : end].strip() in first:
        return first  # a child that is built from itself
    return f"{first[:last]}{second[begin.end() : end].strip()}\n{first[last:]}"


def _read(root: str, name: str) -> Iterable[tuple[str, str]]:
    for folder, names, found in os.walk(os.path.join(root, name)):
        names[:] = sorted(one for one in names if not one.startswith((".", "__pycache__")))
        for file in sorted(found):
            path = os.path.join(folder, file)
            if file.startswith(".") or not os.path.isfile(path):
                continue
            if os.path.getsize(path) > MAX_FILE_SIZE:
                raise DescriptionError(
                    "too large for a file of this kind", path, f"at most {MAX_FILE_SIZE:,} bytes"
                )
            yield os.path.relpath(path, root), files.read_text(path)
