# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Metadata besides the packages: groups, module streams, advisories, the product certificate."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Mapping, Optional, Sequence

from ...errors import RocksError
from ..metadata.index import PublishedGeneration
from ..resolve.module_streams import NO_MODULES, ModuleChoice, ModuleInputs
from ..sources.base import Input

GROUP = "group"
MODULES = "modules"
ADVISORIES = "updateinfo"
PRODUCT = "productid"
KINDS = (GROUP, MODULES, ADVISORIES, PRODUCT)
# Kind -> its name in the option skip_metadata.
SKIPPED_AS = {GROUP: "groups", MODULES: "modules", ADVISORIES: "advisories"}


@dataclasses.dataclass(frozen=True)
class Documents:
    """The merged documents."""

    contents: Mapping[str, bytes]
    """Kind -> content; a kind that no source has is absent."""
    remarks: Mapping[str, tuple[str, ...]]
    """Kind -> what was repaired or left out."""
    modules: ModuleInputs = NO_MODULES
    """The module documents, which are merged when packages are chosen."""

    def with_modules(self, choice: ModuleChoice) -> Documents:
        """Return the documents with the modules.yaml of the chosen streams."""
        contents = {**self.contents, MODULES: choice.text.encode()}
        remarks = {**self.remarks, MODULES: choice.remarks}
        return dataclasses.replace(
            self,
            contents={kind: contents[kind] for kind in KINDS if contents.get(kind)},
            remarks={kind: rows for kind, rows in sorted(remarks.items()) if rows},
        )


def merge_documents(inputs: Sequence[Input], reusable: Optional[PublishedGeneration]) -> Documents:
    """Merge the documents of all sources, except those of modules.

    reusable  a generation that was made from the same documents

    Raises DescriptionError that names the source of a faulty document.
    """
    if reusable:
        contents = {kind: content for kind in KINDS if (content := reusable.document(kind))}
        # Only the sources have the older builds of a module stream.
        modules = _read_modules(inputs) if reusable.index.modules_digest else NO_MODULES
        return Documents(contents, reusable.index.remarks, modules)
    contents = {}
    remarks = _missing_remarks(inputs)
    # The two parsers use lxml, which takes 15 ms to load and is not needed by an unchanged build.
    if groups := _documents(inputs, GROUP):
        from ..metadata.comps import merge_comps

        contents[GROUP], remarks[GROUP] = merge_comps(groups)
    if advisories := _documents(inputs, ADVISORIES):
        from ..metadata.updateinfo import merge_updateinfo

        merged = merge_updateinfo(advisories)
        contents[ADVISORIES] = merged.data
        remarks[ADVISORIES] = (*remarks.get(ADVISORIES, ()), *merged.remarks)
    # The certificate names the product: the first source that has one counts.
    contents[PRODUCT] = next((data for data, _where in _documents(inputs, PRODUCT)), b"")
    return Documents(contents, remarks, _read_modules(inputs))


def _missing_remarks(inputs: Sequence[Input]) -> dict[str, tuple[str, ...]]:
    """Return a remark for each document that repomd.xml of a source lists, and that is missing."""
    remarks: dict[str, tuple[str, ...]] = {}
    for source_input in inputs:
        source = source_input.source
        for kind in source_input.missing_documents():
            if SKIPPED_AS.get(kind) not in source.skip_metadata:
                remark = (
                    f'source "{source.name}": repomd.xml lists a document "{kind}", and its file'
                    " does not exist; sync the mirror again"
                )
                remarks[kind] = (*remarks.get(kind, ()), remark)
    return remarks


def _documents(inputs: Sequence[Input], kind: str) -> list[tuple[bytes, str]]:
    """Return the documents of the sources that do not skip them, with names for errors."""
    return [
        (data, _where(source_input, kind))
        for source_input in _by_preference(inputs)
        if SKIPPED_AS.get(kind) not in source_input.source.skip_metadata
        and (data := source_input.document(kind))
    ]


def _read_modules(inputs: Sequence[Input]) -> ModuleInputs:
    # Imported here because most distributions have no modules.
    from ..metadata.module_documents import ModuleDocument, parse_modules

    documents: list[ModuleDocument] = []
    skipped: list[ModuleDocument] = []
    remarks: list[str] = []
    for source_input in _by_preference(inputs):
        is_skipped = SKIPPED_AS[MODULES] in source_input.source.skip_metadata
        with contextlib.ExitStack() as stack:
            if is_skipped:  # also because it is missing or damaged
                stack.enter_context(contextlib.suppress(RocksError))
            data = source_input.document(MODULES)
            file = parse_modules(data, source_input.source.name, _where(source_input, MODULES))
            (skipped if is_skipped else documents).extend(file.documents)
            remarks += [] if is_skipped else file.remarks
    return ModuleInputs(documents, skipped, remarks)


def _by_preference(inputs: Sequence[Input]) -> list[Input]:
    """Return the sources, the preferred one first."""
    return sorted(inputs, key=lambda source_input: source_input.source.effective_priority)


def _where(source_input: Input, kind: str) -> str:
    return f'source "{source_input.source.name}", document "{kind}"'
