# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Merge the module documents of all sources to one modules.yaml.

libmodulemd refuses a second build of one name, stream, version, context and architecture, and gives
a module with two default streams none.  So each build and each module's defaults become one
document.
"""

from __future__ import annotations

import itertools
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from .module_documents import BUILD, DEFAULTS, OBSOLETES, ModuleDocument, load_document


class MergedModules(NamedTuple):
    text: str
    """The modules.yaml; empty when there are no documents."""
    remarks: tuple[str, ...]
    """Choices between documents that contradict each other."""


def merge_modules(
    documents: Iterable[ModuleDocument], priorities: Mapping[str, int] | None = None
) -> MergedModules:
    """Merge documents, whose builds have been chosen, to one file.

    documents   in the order of preference of their sources
    priorities  source -> priority; the lower one is preferred

    The result is sorted, and a fixed point, so that a distribution can be built from itself.
    """
    by_subject: dict[tuple[str, ...], list[ModuleDocument]] = {}
    for document in documents:
        by_subject.setdefault(_subject(document), []).append(document)
    remarks: list[str] = []
    texts: list[str] = []
    for subject in sorted(by_subject):
        group = _newest_first(by_subject[subject], priorities or {})
        if subject[0] == BUILD:
            texts.append(_merge_builds(by_subject[subject]))
        elif subject[0] == DEFAULTS:
            texts.append(_merge_defaults(group, remarks))
        else:
            texts.append(group[0].text)
    return MergedModules("".join(f"---\n{text}\n...\n" for text in texts), tuple(remarks))


def _subject(document: ModuleDocument) -> tuple[str, ...]:
    """Return the key that is equal for documents that become one."""
    subject = (document.kind, document.name, document.stream)
    if document.kind == BUILD:
        return (*subject, f"{document.version:020}", document.context, document.arch)
    return (*subject, document.context) if document.kind == OBSOLETES else subject


def _newest_first(
    documents: Iterable[ModuleDocument], priorities: Mapping[str, int]
) -> list[ModuleDocument]:
    """Sort by priority, then by the time of change, as libmodulemd does; then the given order."""
    return sorted(
        documents, key=lambda document: (priorities.get(document.source, 0), -document.version)
    )


def _merge_builds(builds: Sequence[ModuleDocument]) -> str:
    """Return one build with the packages of all: repositories can share a build."""
    artifacts = list(dict.fromkeys(itertools.chain.from_iterable(b.artifacts for b in builds)))
    for build in builds:
        if len(set(build.artifacts)) == len(artifacts):
            return build.text
    content = load_document(builds[0])
    content["data"]["artifacts"] = {"rpms": sorted(artifacts)}
    return _dump(content)


def _merge_defaults(documents: Sequence[ModuleDocument], remarks: list[str]) -> str:
    """Return the first document, with the profiles of streams that only others have."""
    if len({document.text for document in documents}) == 1:
        return documents[0].text
    content = load_document(documents[0])
    changed = False
    for document in documents[1:]:
        other = load_document(document)["data"]
        changed = _add_defaults(content["data"], other) or changed
        before, after = (data.get("stream") for data in (other, content["data"]))
        if before != after and document.source != documents[0].source:
            remarks.append(
                f"the default stream of module {document.name} is {after}, of source"
                f' "{documents[0].source}", and not {before}, of source "{document.source}"'
            )
    return _dump(content) if changed else documents[0].text


def _add_defaults(data: dict[str, Any], other: Mapping[str, Any]) -> bool:
    """Add what only the other defaults have, and return whether there was anything."""
    changed = False
    for field in ("stream", "modified"):
        if other.get(field) and not data.get(field) and field == "stream":
            data[field] = other[field]
            changed = True
    for field in ("profiles", "intents"):
        values = other.get(field)
        if isinstance(values, dict) and isinstance(data.setdefault(field, {}), dict):
            missing = {key: value for key, value in values.items() if key not in data[field]}
            data[field].update(missing)
            changed = changed or bool(missing)
        if not data.get(field):
            data.pop(field, None)
    return changed


def _dump(content: Mapping[str, Any]) -> str:
    import yaml  # here, because most distributions have no modules

    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
    return str(text).rstrip("\n")
