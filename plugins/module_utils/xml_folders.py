# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The folders that contain the XML of profiles: which files count, and which text their bytes are.

``distribution`` merges these folders and ``profile`` compiles them. Both read them by these rules,
so that a file means the same to both.
"""

from __future__ import annotations

import os
import re
from typing import Iterator, NamedTuple

from .errors import DescriptionError, NotFound
from .suggestions import did_you_mean

GRAPHS = "graphs"
STACKI_GRAPHS = "graph"
NODES = "nodes"
SITE_NODES = "site-nodes"
"""Folder of a layer whose files have precedence over its ``nodes``."""
INCLUDE = "include"
PROGRAMS = "programs"
"""Folder of the programs for nodes, which installations fetch from the tree."""
TEXT_FOLDERS = (INCLUDE, PROGRAMS)
FOLDERS = (GRAPHS, STACKI_GRAPHS, NODES, SITE_NODES, *TEXT_FOLDERS)
ROLL = "roll.yml"
"""The description of a roll, which is a layer too."""
ROLLS = "rolls"
"""Folder of merged layers that contains the descriptions of their rolls."""
GENERATED = ("profiles", "schema", ROLLS)
"""Folders next to them that contain no node or graph files."""

SUFFIX = ".xml"
EXTEND = "extend-"
REPLACE = "replace-"
_NUMBER = re.compile(r"\+[1-9][0-9]*\Z")

_DECLARATION = re.compile(rb"\s*<\?xml\s[^?]*\?>")
_ENCODING = re.compile(r"(\sencoding\s*=\s*)(\"[^\"]*\"|'[^']*')")


class Misplaced(NamedTuple):
    """A file that looks like XML of profiles and that nothing reads."""

    path: str
    remedy: str

    @property
    def text(self) -> str:
        return "nothing reads this file"

    def __str__(self) -> str:
        return f"{self.path}: {self.text}; {self.remedy}"


def extension_name(node: str, number: int) -> str:
    """Return the name of the n-th extension of a node in one folder, without the suffix.

    A merged folder can contain the extensions of several layers; the first has no number.
    """
    return f"{EXTEND}{node}" + (f"+{number}" if number > 1 else "")


def node_of(stem: str) -> str:
    """Return the node that a node file (its name without the suffix) belongs to."""
    if stem.startswith(EXTEND):
        return _NUMBER.sub("", stem[len(EXTEND) :])
    return stem.removeprefix(REPLACE)


def check_layer(folder: str) -> None:
    """Raise NotFound or DescriptionError if a folder cannot be a layer of XML.

    An empty folder is a layer: a site's own, before its first change.
    """
    if not os.path.isdir(folder):
        raise NotFound("no such directory", folder, "it should contain graphs/ and nodes/")
    names = [name for name in os.listdir(folder) if not name.startswith(".")]
    if any(os.path.isdir(os.path.join(folder, name)) for name in (GRAPHS, STACKI_GRAPHS, NODES)):
        return
    if os.path.basename(os.path.abspath(folder)) in FOLDERS and any(
        name.endswith(SUFFIX) or os.path.isdir(os.path.join(folder, name)) for name in names
    ):
        parent = os.path.dirname(os.path.abspath(folder))
        raise DescriptionError(
            "it contains neither graphs/ nor nodes/", folder, f"give the folder above it, {parent}"
        )
    if any(name.endswith(SUFFIX) for name in names):
        raise DescriptionError(
            "it contains neither graphs/ nor nodes/", folder, "move its files to nodes/"
        )


def xml_paths(folder: str) -> dict[str, str]:
    """Return the XML files directly in a folder: name without the suffix -> path."""
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {
        name[: -len(SUFFIX)]: os.path.join(folder, name)
        for name in names
        if name.endswith(SUFFIX)
        and not name.startswith(".")
        and os.path.isfile(os.path.join(folder, name))
    }


def graph_names(folder: str) -> list[str]:
    """Return the names of the graphs in ``graphs/`` of a layer."""
    graphs = os.path.join(folder, GRAPHS)
    if not os.path.isdir(graphs):
        return []
    return sorted(
        name
        for name in os.listdir(graphs)
        if not name.startswith(".") and os.path.isdir(os.path.join(graphs, name))
    )


def misplaced_files(folder: str) -> Iterator[Misplaced]:
    """Yield the XML files of a layer that nothing reads, in the order of their paths."""
    read = [NODES, SITE_NODES, STACKI_GRAPHS]
    read += [f"{GRAPHS}/{name}" for name in graph_names(folder)]
    paths = {path for name in read for path in xml_paths(os.path.join(folder, name)).values()}
    for path in _xml_below(folder):
        if path not in paths:
            yield Misplaced(path, _remedy(folder, os.path.relpath(path, folder)))


def _xml_below(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        top = parent == folder
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not (top and name in (*TEXT_FOLDERS, *GENERATED))
        )
        for name in sorted([*files, *(name for name in folders if name.endswith(SUFFIX))]):
            if name.lower().endswith(SUFFIX) and not name.startswith("."):
                yield os.path.join(parent, name)


def _remedy(folder: str, path: str) -> str:
    if not os.path.isfile(os.path.join(folder, path)):
        return "it is not a regular file"
    if not path.endswith(SUFFIX):
        return f"end its name in {SUFFIX}"
    top, *rest = path.split("/")
    if not rest:
        return "move it to nodes/, or a graph file to graphs/default/"
    if top not in FOLDERS:
        return did_you_mean(top, FOLDERS) or "move it to nodes/, or a graph file to graphs/default/"
    if top == GRAPHS:
        return "move it to graphs/default/"
    return f"move it to {top}/ itself"


def decode_xml(data: bytes, file: str) -> str:
    """Decode an XML file as its declaration states; the text declares UTF-8 or nothing.

    The lines of the text are those of the file. Raises DescriptionError with the line of a byte
    that the encoding does not have.
    """
    declaration = _DECLARATION.match(data[:1024].removeprefix(b"\xef\xbb\xbf"))
    header = declaration.group().decode("latin-1") if declaration else ""
    stated = _ENCODING.search(header)
    encoding = stated.group(2)[1:-1] if stated else "utf-8"
    try:
        text = data.decode(encoding)
    except (LookupError, ValueError) as error:
        if not isinstance(error, UnicodeDecodeError):
            raise DescriptionError(
                f'unknown encoding "{encoding}"', f"{file}:1", "save the file as UTF-8"
            ) from None
        line = data.count(b"\n", 0, error.start) + 1
        raise DescriptionError(
            f"byte 0x{data[error.start]:02x} is not {encoding}",
            f"{file}:{line}",
            "save the file as UTF-8",
        ) from None
    text = text.removeprefix("\ufeff")
    if stated and encoding.lower() not in ("utf-8", "utf8"):
        text = text.replace(stated.group(), f'{stated.group(1)}"UTF-8"', 1)
    return text
