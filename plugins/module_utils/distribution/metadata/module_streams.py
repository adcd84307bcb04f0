# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module streams: which packages belong to one, and which builds of a stream are superseded.

Choosing by version alone would lose whole streams, and packages outside of modules that a stream
has in a higher version.  So the newest build of each stream stays, with every context and
artifact, and its packages do not compete with others.  The format is modulemd 2; defaults,
obsoletes and translations are copied.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Iterable, Mapping, NamedTuple, Optional, Sequence

from ...errors import DescriptionError
from ..model import Package

BUILD = "modulemd"
DEFAULTS = "modulemd-defaults"
_SEPARATOR = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:#.*)?$", re.MULTILINE)
_FIELDS = ("name", "stream", "version", "context", "arch", "module", "modified", "artifacts")


class ModuleDocument(NamedTuple):
    """One YAML document.  Documents sort by their fields, in this order."""

    kind: str
    name: str
    stream: str
    """Empty for a document of defaults, which contains one as data."""
    version: int
    """The version of a build, or the time of change of another document; the highest is current."""
    context: str
    arch: str
    artifacts: tuple[str, ...]
    text: str


class Membership(NamedTuple):
    """The stream of a package."""

    stream: str
    """``name:stream``"""
    current: bool
    """Whether the package is in the newest build of the stream."""


@dataclasses.dataclass(frozen=True)
class Streams:
    """The streams of all packages."""

    members: Mapping[str, Membership]
    """NEVRA, with the epoch even if it is 0 -> membership."""
    names: frozenset[str]
    """Names of all members."""

    def membership_of(self, package: Package) -> Optional[Membership]:
        """Return the membership of a package; None when it is not in a stream."""
        if package.name not in self.names:
            return None
        return self.members.get(
            f"{package.name}-{package.epoch}:{package.version}-{package.release}.{package.arch}"
        )


NO_STREAMS = Streams({}, frozenset())


def stream_memberships(documents: Sequence[ModuleDocument]) -> Streams:
    """Return the stream of each package, from the documents of all sources."""
    current = set(newest_documents(documents))
    members: dict[str, Membership] = {}
    for document in documents:
        for artifact in document.artifacts:
            if artifact not in members or document in current:
                members[artifact] = Membership(
                    f"{document.name}:{document.stream}", document in current
                )
    return Streams(members, frozenset(artifact.rsplit("-", 2)[0] for artifact in members))


def newest_documents(documents: Iterable[ModuleDocument]) -> list[ModuleDocument]:
    """Return the newest build of each stream with all contexts, and the newest other documents.

    The result is sorted, and a fixed point, so that a distribution can be built from itself.
    """
    in_order = sorted(set(documents))
    latest = {
        _subject(document): document.version
        for document in sorted(in_order, key=lambda document: document.version)
    }
    current = {
        (*_subject(document), document.context, document.arch): document
        for document in in_order
        if document.version == latest[_subject(document)]
    }
    return list(current.values())


def merge_modules(documents: Iterable[ModuleDocument]) -> str:
    """Return the modules.yaml of a distribution; empty when it has no modules."""
    return "".join(f"---\n{document.text}\n...\n" for document in newest_documents(documents))


def parse_modules(text: str, where: str) -> list[ModuleDocument]:
    """Parse a modules.yaml.  Raises DescriptionError that names the document."""
    parts = [part.strip("\n") for part in _SEPARATOR.split(text)]
    return [
        _document(part, f"{where}, document {number}")
        for number, part in enumerate((part for part in parts if part.strip()), 1)
    ]


def _subject(document: ModuleDocument) -> tuple[str, str, str]:
    """Return the key that is equal for documents that replace each other."""
    return document.kind, document.name, document.stream


def _document(text: str, where: str) -> ModuleDocument:
    content = _load(_used_lines(text), where)
    data = content.get("data")
    kind = content.get("document")
    if not isinstance(data, dict) or not isinstance(kind, str):
        raise DescriptionError(
            "`document` or `data` is missing", where, "use the modulemd 2 format"
        )
    rpms = (data.get("artifacts") or {}).get("rpms") or () if kind == BUILD else ()
    try:
        version = int(data.get("version" if kind == BUILD else "modified") or 0)
    except (TypeError, ValueError):
        what = f"the version {data.get('version')!r} is not a number"
        raise DescriptionError(what, where) from None
    return ModuleDocument(
        kind=kind,
        name=str(data.get("name") or data.get("module") or ""),
        stream=str(data.get("stream") or "") if kind != DEFAULTS else "",
        version=version,
        context=str(data.get("context") or ""),
        arch=str(data.get("arch") or ""),
        artifacts=tuple(str(rpm) for rpm in rpms),
        text=text,
    )


def _load(text: str, where: str) -> Mapping[str, Any]:
    import yaml  # here, because most distributions have no modules

    # Scalars stay text, so that the stream 1.10 does not become the number 1.1.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        content = yaml.load(text, loader)
    except yaml.YAMLError as error:
        raise DescriptionError(f"not YAML ({getattr(error, 'problem', error)})", where) from None
    if not isinstance(content, dict):
        raise DescriptionError("the document is not a mapping", where)
    return content


def _used_lines(text: str) -> str:
    """Return the lines of a document that are used.

    A YAML parser takes seconds for the whole documents of large vendors.
    """
    head, separator, body = text.partition("\ndata:\n")
    if not separator:
        return text  # written in another style: parse all of it
    lines = body.split("\n")
    depth = len(lines[0]) - len(lines[0].lstrip(" "))
    used = [head, "data:"]
    is_used = False
    for line in lines:
        if line[depth : depth + 1] not in (" ", "-", "#", "") and line[:depth].isspace():
            is_used = line[depth:].partition(":")[0] in _FIELDS
        elif line and not line[0].isspace():
            is_used = True
        if is_used:
            used.append(line)
    return "\n".join(used)
