# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The directories that describe profiles: which files describe a node, each read once.

A layer is a directory that contains ``graphs/<graph>/*.xml`` and ``nodes/*.xml``. Layers are
ordered from the general to the specific (a distribution's own, then a site's); ``site-nodes`` next
to ``nodes`` is one more layer. A graph file of a later layer replaces the file of the same name of
an earlier one. For a node X, layer by layer: ``X.xml`` or ``replace-X.xml`` replaces all earlier
files, and ``extend-X.xml`` is added to them.
"""

from __future__ import annotations

import functools
import itertools
import os
from typing import Iterator, NamedTuple, Sequence, Union

from ... import xml_folders
from ...errors import DescriptionError, NotFound
from ...files import read_bytes
from ...suggestions import did_you_mean
from ...xml_folders import REPLACE, extension_name, node_of, xml_paths
from ..model import WARNING, Element, Graph, Origin, Remark, remark_from_error
from ..releases import COMMAND_NAMES
from . import legacy_syntax, reader
from .graph import merge_graphs, read_graph
from .vocabulary_check import check_vocabulary

# The element that uses a file of each folder.
ELEMENTS = {xml_folders.INCLUDE: "include", xml_folders.PROGRAMS: "program"}


class Layer(NamedTuple):
    """A directory of node files: node or overlay name -> path."""

    nodes: dict[str, str]
    folder: str
    """The folder that contains ``graphs/``; empty for the node files of a site next to it."""
    path: str
    """The layer's own folder, with include/ and programs/."""


class XmlLayers:
    """The XML of some layers. A file is read when it is first needed, and kept.

    lenient  omit a graph file that cannot be read, and add the reason to ``graph_errors``

    Raises NotFound if a path or the graph does not exist, and DescriptionError for a wrong graph
    file.
    """

    def __init__(
        self, paths: Union[str, Sequence[str]], graph: str = "default", *, lenient: bool = False
    ) -> None:
        self.lenient = lenient
        self.graph_errors: list[Remark] = []
        self.graph_paths: tuple[str, ...] = ()
        self.paths = (paths,) if isinstance(paths, str) else tuple(paths)
        self.layers = [layer for path in self.paths for layer in _layers(path)]
        self.elements: dict[str, Element] = {}
        self._labels = _labels(self.paths)
        self._relative_paths: dict[str, str] = {}
        self._remarks: dict[str, list[Remark]] = {}
        self.graph: Graph = self._read_graph(graph)

    def _read_graph(self, name: str) -> Graph:
        files: dict[str, str] = {}
        for layer in self.layers:
            if layer.folder:
                files.update(xml_paths(os.path.join(layer.folder, xml_folders.STACKI_GRAPHS)))
                files.update(xml_paths(os.path.join(layer.folder, xml_folders.GRAPHS, name)))
        if not files:
            names = sorted(
                {child for path in self.paths for child in xml_folders.graph_names(path)}
            )
            raise NotFound(
                f'unknown graph "{name}"',
                ", ".join(self.paths),
                f"graphs: {', '.join(names)}" if names else "",
            )
        self.graph_paths = tuple(files[stem] for stem in sorted(files))
        return merge_graphs(
            name, [part for path in self.graph_paths for part in self._graph_part(path)]
        )

    def _graph_part(self, path: str) -> list[Graph]:
        try:
            return [read_graph(self.element(path))]
        except DescriptionError as error:
            if not self.lenient:
                raise
            self.graph_errors.append(remark_from_error(error, Origin(path, 1)))
            return []

    def element(self, path: str) -> Element:
        """Return the outermost element of a file."""
        if path not in self.elements:
            if os.path.getsize(path) > reader.MAXIMUM_SIZE:
                raise DescriptionError(
                    "the XML file is too large", path, f"the limit is {reader.MAXIMUM_SIZE:,} bytes"
                )
            self.elements[path] = legacy_syntax.normalise(reader.parse_xml(read_bytes(path), path))
        return self.elements[path]

    def node_files(self, node: str) -> tuple[str, ...]:
        """Return the paths of a node's files in the order in which they are read, possibly none."""
        paths: list[str] = []
        for layer in self.layers:
            for name in (node, REPLACE + node):
                if name in layer.nodes:
                    paths = [layer.nodes[name]]
            for number in itertools.count(1):
                name = extension_name(node, number)
                if name not in layer.nodes:
                    break
                paths.append(layer.nodes[name])
        return tuple(paths)

    def file_remarks(self, path: str) -> list[Remark]:
        """Check a file against the vocabulary."""
        if path not in self._remarks:
            self._remarks[path] = list(check_vocabulary(self.element(path), COMMAND_NAMES))
        return self._remarks[path]

    def graph_remarks(self, path: str) -> list[Remark]:
        """Check a graph file against the vocabulary, if it could be read."""
        return self.file_remarks(path) if path in self.elements else []

    def node_names(self) -> set[str]:
        """Return every node that a file describes."""
        return {node_of(name) for layer in self.layers for name in layer.nodes}

    def node_paths(self) -> list[str]:
        """Return the paths of all node files."""
        return sorted({path for layer in self.layers for path in layer.nodes.values()})

    @functools.cached_property
    def misplaced_remarks(self) -> list[Remark]:
        """Return a warning for each XML file of the layers that nothing reads."""
        return [
            Remark(
                severity=WARNING,
                rule="misplaced-file",
                origin=Origin(misplaced.path, 1),
                text=misplaced.text,
                hint=misplaced.remedy,
            )
            for path in self.paths
            for misplaced in xml_folders.misplaced_files(path)
        ]

    def absolute_origin(self, origin: Origin) -> Origin:
        """Invert ``relative_origin`` for a file that was read."""
        for path in self.elements:
            if self.relative_path(path) == origin.file:
                return origin._replace(file=path)
        return origin

    def find_include(self, name: str, where: str) -> str:
        """Return the path of a file in the layers' ``include/``; the last layer that has it counts.

        Raises NotFound, or DescriptionError if the name leads out of the directory.
        """
        return self._find_text(xml_folders.INCLUDE, name, where)

    def find_program(self, name: str, where: str) -> str:
        """Return the path of a file in the layers' ``programs/``, as ``find_include`` does."""
        return self._find_text(xml_folders.PROGRAMS, name, where)

    def _find_text(self, folder: str, name: str, where: str) -> str:
        if os.path.isabs(name) or ".." in name.split("/"):
            raise DescriptionError(
                f'"{name}" is outside {folder}/', where, f"move the file to {folder}/"
            )
        for layer in reversed(self.layers):
            path = os.path.join(layer.path, folder, name)
            if os.path.isfile(path):
                return path
        raise NotFound(
            f"{folder}/{name} not found", where, self._searched(name, xml_folders.TEXT_FOLDERS)
        )

    def _searched(self, name: str, folders: Sequence[str]) -> str:
        """Return a hint: the file of this name in another folder, or the layers."""
        for layer, folder in itertools.product(reversed(self.layers), folders):
            if name and os.path.isfile(os.path.join(layer.path, folder, name)):
                return f"{folder}/{name} exists; use <{ELEMENTS[folder]}>"
        return f"searched {', '.join(self.paths)}"

    def relative_path(self, file: str) -> str:
        """Return a file's name as stored profiles show it: the same wherever the layers are.

        With several layers it begins with the last part of the layer's path, with a number if two
        layers have the same.
        """
        if file not in self._relative_paths:
            self._relative_paths[file] = self._relative(file)
        return self._relative_paths[file]

    def _relative(self, file: str) -> str:
        for path in sorted(self.paths, key=len, reverse=True):
            folder = path.rstrip("/") + "/"
            if file.startswith(folder):
                return self._labels[path] + file[len(folder) :]
        return file

    def relative_origin(self, origin: Origin) -> Origin:
        """Return a place with the file's relative name."""
        return Origin(self.relative_path(origin.file), origin.line)

    def suggest_node(self, node: str) -> str:
        """Return a hint that names nodes with a similar name."""
        names = {edge.source for edge in self.graph.edges} | {
            edge.target for edge in self.graph.edges
        }
        return did_you_mean(node, names | self.node_names())


def _labels(paths: Sequence[str]) -> dict[str, str]:
    """Return the prefix of relative names for each layer."""
    if len(paths) == 1:
        return {paths[0]: ""}
    names = [os.path.basename(os.path.abspath(path)) for path in paths]
    return {
        path: f"{name}-{number}/" if names.count(name) > 1 else f"{name}/"
        for number, (path, name) in enumerate(zip(paths, names), 1)
    }


def _layers(path: str) -> Iterator[Layer]:
    xml_folders.check_layer(path)
    yield Layer(xml_paths(os.path.join(path, xml_folders.NODES)), path, path)
    site = xml_paths(os.path.join(path, xml_folders.SITE_NODES))
    if site:
        yield Layer(site, "", path)
