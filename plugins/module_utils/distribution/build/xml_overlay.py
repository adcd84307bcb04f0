# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Merge the XML that describes profiles: of the parents, ours, and the site's (paper, 6.2.3).

A later layer has precedence, by the rules that the profile compiler applies to layers: a whole
file, or ``replace-X.xml``, replaces all earlier files of a node, and ``extend-X.xml`` adds to it.
No file is changed: the extensions of several layers lie side by side (``extend-X+2.xml``), and the
compiler reads one after the other.
"""

from __future__ import annotations

import itertools
import os
from typing import Iterable, Iterator, Mapping, NamedTuple, Sequence

from ... import files, xml_folders
from ...errors import DescriptionError
from ...xml_folders import EXTEND, NODES, REPLACE, SITE_NODES, SUFFIX, extension_name, node_of
from ..sources.base import Input
from .tree import BUILD_FOLDER

PROFILES_FOLDER = "profiles"
MAX_FILE_SIZE = 16 << 20


class XmlFile(NamedTuple):
    text: str
    original_path: str
    """The file that an administrator can edit."""


Layer = Mapping[str, XmlFile]
"""Path, such as ``nodes/ssh.xml`` -> file."""


class MergedXml(NamedTuple):
    files: Layer
    """Path below ``build/`` -> file."""
    warnings: Sequence[str] = ()
    """XML files that nothing reads, each with the remedy."""

    @property
    def texts(self) -> dict[str, str]:
        """Path below ``build/`` -> text."""
        return {path: file.text for path, file in self.files.items()}

    @property
    def original_paths(self) -> dict[str, str]:
        """Path below ``build/`` -> the file that an administrator can edit."""
        return {path: file.original_path for path, file in self.files.items()}


def merge_xml(folders: Sequence[str], inputs: Sequence[Input]) -> MergedXml:
    """Merge the XML of the parents and of the distribution's own folders.

    The first parent has precedence over later parents, and the last folder over everything.
    """
    layers = [_parent_layer(source_input) for source_input in reversed(inputs)]
    layers += [read_layer(folder) for folder in folders]
    warnings = [
        str(misplaced) for folder in folders for misplaced in xml_folders.misplaced_files(folder)
    ]
    return MergedXml(merge_layers(layers), warnings)


def _parent_layer(source_input: Input) -> dict[str, XmlFile]:
    parent = source_input.published_generation()
    name = f'source "{source_input.source.name}": {BUILD_FOLDER}'
    return {
        path: XmlFile(text, f"{name}/{path}")
        for path, text in (parent.build_files() if parent else {}).items()
        if not path.startswith(f"{PROFILES_FOLDER}/")
    }


def read_layer(folder: str) -> dict[str, XmlFile]:
    """Return the files of one layer: path below ``build/`` -> file.

    Raises NotFound if the folder does not exist, DescriptionError for a folder without such files,
    and for a file that is not text or too large.
    """
    xml_folders.check_layer(folder)
    names = [NODES, xml_folders.STACKI_GRAPHS]
    names += [f"{xml_folders.GRAPHS}/{graph}" for graph in xml_folders.graph_names(folder)]
    layer = {
        f"{name}/{stem}{SUFFIX}": _read_xml(path)
        for name in names
        for stem, path in xml_folders.xml_paths(os.path.join(folder, name)).items()
    }
    for name in xml_folders.TEXT_FOLDERS:
        layer.update(_read_texts(folder, name))
    roll = os.path.join(folder, xml_folders.ROLL)
    if os.path.isfile(roll):
        name = os.path.basename(os.path.abspath(folder))
        layer[f"{xml_folders.ROLLS}/{name}.yml"] = XmlFile(_read_text(roll, xml_folders.ROLL), roll)
    site = {
        f"{NODES}/{stem}{SUFFIX}": _read_xml(path)
        for stem, path in xml_folders.xml_paths(os.path.join(folder, SITE_NODES)).items()
    }
    return merge_layers([layer, site])


def merge_layers(layers: Iterable[Layer]) -> dict[str, XmlFile]:
    """Merge layers; a later one has precedence."""
    merged: dict[str, XmlFile] = {}
    for layer in layers:
        extensions: list[str] = []
        for path in sorted(layer, key=_replacements_last):
            if not path.startswith(f"{NODES}/"):
                merged[path] = layer[path]
            elif _stem(path).startswith(EXTEND):
                extensions.append(path)
            else:
                _replace_node(merged, path, layer[path])
        for path in sorted(extensions, key=lambda path: (len(path), path)):
            _add_extension(merged, node_of(_stem(path)), layer[path])
    return {path: merged[path] for path in sorted(merged)}


def _replacements_last(path: str) -> tuple[bool, str]:
    return _stem(path).startswith(REPLACE), path


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(SUFFIX)


def _node_path(stem: str) -> str:
    return f"{NODES}/{stem}{SUFFIX}"


def _extension_paths(node: str) -> Iterator[str]:
    return (_node_path(extension_name(node, number)) for number in itertools.count(1))


def _replace_node(merged: dict[str, XmlFile], path: str, file: XmlFile) -> None:
    """Set a file, and remove the earlier files of the same node."""
    node = node_of(_stem(path))
    for stem in (node, REPLACE + node):
        merged.pop(_node_path(stem), None)
    for earlier in _extension_paths(node):
        if merged.pop(earlier, None) is None:
            break
    merged[path] = file


def _add_extension(merged: dict[str, XmlFile], node: str, file: XmlFile) -> None:
    """Add an extension after the earlier ones, unless one of them has the same text.

    It has if a distribution is its own parent.
    """
    for path in _extension_paths(node):
        if path not in merged or merged[path].text == file.text:
            merged[path] = file
            return


def _read_xml(path: str) -> XmlFile:
    return XmlFile(xml_folders.decode_xml(_read_limited(path), path), path)


def _read_texts(folder: str, top: str) -> Iterator[tuple[str, XmlFile]]:
    for parent, folder_names, file_names in os.walk(os.path.join(folder, top)):
        folder_names[:] = sorted(
            name for name in folder_names if not name.startswith((".", "__pycache__"))
        )
        for file_name in sorted(file_names):
            path = os.path.join(parent, file_name)
            if not file_name.startswith(".") and os.path.isfile(path):
                yield os.path.relpath(path, folder), XmlFile(_read_text(path, top), path)


def _read_text(path: str, folder: str) -> str:
    data = _read_limited(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DescriptionError(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            f"{path}:{line}",
            f"{folder}/ is for texts and programs: save a text as UTF-8,"
            " put a binary file into a package",
        ) from None


def _read_limited(path: str) -> bytes:
    if os.path.getsize(path) > MAX_FILE_SIZE:
        raise DescriptionError(
            "the file is too large for XML or a program",
            path,
            f"at most {MAX_FILE_SIZE:,} bytes are allowed",
        )
    return files.read_bytes(path)
