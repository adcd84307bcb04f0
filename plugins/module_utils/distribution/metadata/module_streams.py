# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module streams: which packages belong to one, and which builds of a stream are superseded.

Newest-by-version would lose whole streams, and the packages outside of modules that a stream has in a higher version.
So of each stream the newest build is kept, with every context and every artifact, and its packages compete with no
others.  The format is modulemd 2; defaults, obsoletes and translations pass through.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Iterable, Mapping, NamedTuple, Optional, Sequence

from ...errors import DescriptionError
from ..model import Package

BUILD, DEFAULTS = "modulemd", "modulemd-defaults"
_SEPARATOR = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:#.*)?$", re.MULTILINE)
_WANTED = ("name", "stream", "version", "context", "arch", "module", "modified", "artifacts")


class ModuleDocument(NamedTuple):
    """One YAML document.  ``age`` is what makes one newer than another: a build's version, a default's change."""

    kind: str
    name: str
    stream: str
    version: int
    context: str
    arch: str
    artifacts: tuple[str, ...]
    text: str


class Membership(NamedTuple):
    """The stream (``name:stream``) of a package; ``current`` when it is in the stream's newest build."""

    stream: str
    current: bool


@dataclasses.dataclass(frozen=True)
class Streams:
    """What all module documents together say: NEVRA, always with its epoch, -> membership."""

    members: Mapping[str, Membership]
    names: frozenset[str]

    def membership_of(self, package: Package) -> Optional[Membership]:
        """The membership of a package; None when it belongs to no stream."""
        if package.name not in self.names:
            return None
        return self.members.get(
            f"{package.name}-{package.epoch}:{package.version}-{package.release}.{package.arch}"
        )


NO_STREAMS = Streams({}, frozenset())


def stream_memberships(documents: Sequence[ModuleDocument]) -> Streams:
    """Who belongs to which stream, after the documents of all sources were put together."""
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
    """Of each stream the newest build with all its contexts, of all else the latest text; sorted.

    Idempotent, so that a distribution can be built from itself.
    """
    every = sorted(set(documents))
    latest = {
        _subject(document): document.version
        for document in sorted(every, key=lambda document: document.version)
    }
    current = (document for document in every if document.version == latest[_subject(document)])
    return list(
        {
            (*_subject(document), document.context, document.arch): document for document in current
        }.values()
    )


def merge_modules(documents: Iterable[ModuleDocument]) -> str:
    """The modules.yaml of a distribution; empty when there are no modules."""
    return "".join(f"---\n{document.text}\n...\n" for document in newest_documents(documents))


def parse_modules(text: str, where: str) -> list[ModuleDocument]:
    """The documents of one modules.yaml.  Raises DescriptionError that names the document."""
    parts = [part.strip("\n") for part in _SEPARATOR.split(text)]
    return [
        _document(part, f"{where}, document {number}")
        for number, part in enumerate((part for part in parts if part.strip()), 1)
    ]


def _subject(document: ModuleDocument) -> tuple[str, str, str]:
    return document.kind, document.name, document.stream


def _document(text: str, where: str) -> ModuleDocument:
    content = _load(_essence(text), where)
    data = content.get("data")
    kind = content.get("document")
    if not isinstance(data, dict) or not isinstance(kind, str):
        raise DescriptionError(
            "neither `document` nor `data` is there", where, "modulemd 2 is expected"
        )
    rpms = (data.get("artifacts") or {}).get("rpms") or () if kind == BUILD else ()
    try:
        age = int(data.get("version" if kind == BUILD else "modified") or 0)
    except (TypeError, ValueError):
        raise DescriptionError(f"the version {data.get('version')!r} is no number", where) from None
    return ModuleDocument(
        kind,
        str(data.get("name") or data.get("module") or ""),
        str(data.get("stream") or "")
        if kind != DEFAULTS
        else "",  # there it is the default, and not the subject
        age,
        str(data.get("context") or ""),
        str(data.get("arch") or ""),
        tuple(str(rpm) for rpm in rpms),
        text,
    )


def _load(text: str, where: str) -> Mapping[str, Any]:
    import yaml  # here, because most distributions have no modules

    # Every scalar stays the text that it is: a stream called 1.10 is not 1.1.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        content = yaml.load(text, loader)
    except yaml.YAMLError as error:
        raise DescriptionError(f"not YAML ({getattr(error, 'problem', error)})", where) from None
    if not isinstance(content, dict):
        raise DescriptionError("a mapping is expected", where)
    return content


def _essence(text: str) -> str:
    """The lines of a document that we read.  A YAML parser needs seconds for the whole of what large vendors ship."""
    head, found, body = text.partition("\ndata:\n")
    if not found:
        return text  # written in another style: all of it is parsed
    lines = body.split("\n")
    depth = len(lines[0]) - len(lines[0].lstrip(" "))
    kept, keep = [head, "data:"], False
    for line in lines:
        if line[depth : depth + 1] not in (" ", "-", "#", "") and line[:depth].isspace():
            keep = line[depth:].partition(":")[0] in _WANTED
        elif line and not line[0].isspace():
            keep = True
        if keep:
            kept.append(line)
    return "\n".join(kept)
