# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Choose the builds of module streams that a distribution offers.

Choosing by version alone would lose whole streams, and packages outside of modules that a stream
has in a higher version.  So each stream is decided as a whole: one version of it stays, with all
its contexts and packages, and these do not compete with others.  dnf installs a package with the
label of a module only if modules.yaml lists it, so packages and documents are chosen together.
"""

from __future__ import annotations

import hashlib
from typing import AbstractSet, Iterable, Sequence

from ..metadata.module_documents import BUILD, ModuleDocument
from ..metadata.module_merge import merge_modules
from ..model import Package
from .module_streams import (
    Membership,
    ModuleChoice,
    ModuleInputs,
    Streams,
    full_nevra,
    list_some,
    package_names,
)
from .rules import ResolutionRules, unsuitable_because
from .stream_versions import Outcome, StreamPackages, Version, binary_artifacts, choose_version

UNDOCUMENTED = Membership(
    False, "of a module whose document no source has: dnf refuses to install it"
)


def choose_modules(
    modules: ModuleInputs,
    packages: Iterable[Package],
    labelled: Sequence[Package],
    rules: ResolutionRules,
) -> ModuleChoice:
    """Choose a version of each stream.

    packages  all candidates, or at least those whose names are in module documents
    labelled  packages whose headers name a module

    Raises Conflict when pins of two packages select different versions of a stream.
    """
    suitable = [package for package in packages if package.arch in rules.arches]
    listed = binary_artifacts(modules.documents)
    members = {
        nevra: Membership(False, "of a module, which its source leaves out")
        for nevra in binary_artifacts(modules.skipped) - listed
    }
    known = listed | members.keys()
    undocumented = [package for package in labelled if full_nevra(package) not in known]
    members.update({full_nevra(package): UNDOCUMENTED for package in undocumented})
    remarks = [*modules.remarks, *_undocumented_remarks(undocumented, rules)]
    by_label: dict[str, list[ModuleDocument]] = {}
    for document in modules.documents:
        if document.kind == BUILD:
            by_label.setdefault(document.label, []).append(document)
    stream_packages = StreamPackages(suitable, listed, rules)
    chosen: list[ModuleDocument] = []
    dropped: set[str] = set()
    for label, documents in sorted(by_label.items()):
        versions = stream_packages.versions(documents)
        outcome = choose_version(label, versions, stream_packages)
        remarks += outcome.remarks
        if not outcome.chosen:
            dropped.add(label)
        for version in versions:
            _add_members(members, label, version, outcome)
        chosen += [document for version in outcome.chosen for document in version.documents]
    other = _other_documents(modules.documents, by_label, dropped)
    priorities = {name: priority for name, (priority, _position) in rules.preferences.items()}
    merged = merge_modules([*chosen, *other], priorities)
    streams = Streams(members, frozenset(package_names(members)))
    return _with_digest(ModuleChoice(streams, merged.text, (*remarks, *merged.remarks)))


def _add_members(
    members: dict[str, Membership], label: str, version: Version, outcome: Outcome
) -> None:
    """Add the packages of a version; one that a chosen version shares with it is current."""
    if version in outcome.chosen:
        membership = Membership(True, f"of the module stream {label}")
    else:
        default = f"of an older build of the module stream {label}"
        membership = Membership(False, outcome.reasons.get(version.number, default))
    for nevra in version.artifacts:
        if nevra not in members or membership.current:
            members[nevra] = membership


def _other_documents(
    documents: Iterable[ModuleDocument], by_label: Iterable[str], dropped: AbstractSet[str]
) -> list[ModuleDocument]:
    """Return the documents besides builds, without those of streams that were left out."""
    left = {label.rpartition(":")[0] for label in by_label if label not in dropped}
    gone = {label.rpartition(":")[0] for label in dropped} - left
    return [
        document
        for document in documents
        if document.kind != BUILD and document.name not in gone and document.label not in dropped
    ]


def _undocumented_remarks(packages: Iterable[Package], rules: ResolutionRules) -> list[str]:
    by_source: dict[str, set[str]] = {}
    for package in packages:
        if not unsuitable_because(package, rules):
            by_source.setdefault(package.source, set()).add(package.nevra)
    return [
        f'source "{source}": packages of modules whose documents no source has were left out,'
        f" because dnf refuses to install them: {list_some(nevras)}; mirror modules.yaml too"
        for source, nevras in sorted(by_source.items())
    ]


def _with_digest(choice: ModuleChoice) -> ModuleChoice:
    if not choice.streams.members and not choice.text and not choice.remarks:
        return choice
    decisions = repr((sorted(choice.streams.members.items()), choice.text, choice.remarks))
    return choice._replace(digest=hashlib.sha256(decisions.encode()).hexdigest()[:16])
