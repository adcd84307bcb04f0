# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Metadata besides the packages: groups, module streams, advisories, the product certificate."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional, Sequence

from ..metadata import module_streams
from ..metadata.index import PublishedGeneration
from ..metadata.module_streams import NO_STREAMS, Streams
from ..sources.base import Input

GROUP = "group"
MODULES = "modules"
ADVISORIES = "updateinfo"
PRODUCT = "productid"
KINDS = (GROUP, MODULES, ADVISORIES, PRODUCT)
# Kind -> its name in the option skip_metadata.
SKIPPED_AS = {GROUP: "groups", MODULES: "modules", ADVISORIES: "advisories"}

NamedDocuments = Sequence[tuple[bytes, str]]
"""Content and name in errors and remarks of the document of each source."""


class Documents(NamedTuple):
    contents: Mapping[str, bytes]
    """Kind -> content; a kind that no source has is absent."""
    streams: Streams
    """Which packages belong to which module stream."""
    remarks: tuple[str, ...] = ()
    """What was repaired or left out."""


def merge_documents(inputs: Sequence[Input], reusable: Optional[PublishedGeneration]) -> Documents:
    """Merge the documents of all sources.

    reusable  a generation that was made from the same documents

    Raises DescriptionError that names the source of a faulty document.
    """
    if reusable:
        contents = {kind: content for kind in KINDS if (content := reusable.document(kind))}
        # Only the sources have the older builds of a module stream.
        if MODULES not in contents:
            return Documents(contents, NO_STREAMS, reusable.index.remarks)
    documents = {kind: _in_order_of_preference(inputs, kind) for kind in KINDS}
    contents = {}
    remarks: list[str] = []
    streams = NO_STREAMS
    if any(data for data, _where in documents[MODULES]):
        modules = [
            module
            for data, where in documents[MODULES]
            for module in module_streams.parse_modules(data.decode("utf-8", "replace"), where)
        ]
        contents[MODULES] = module_streams.merge_modules(modules).encode()
        streams = module_streams.stream_memberships(modules)
    # The two parsers use lxml, which takes 15 ms to load and is not needed by an unchanged build.
    if any(data for data, _where in documents[GROUP]):
        from ..metadata.comps import merge_comps

        groups = merge_comps(documents[GROUP])
        contents[GROUP] = groups.data
        remarks += groups.remarks
    if any(data for data, _where in documents[ADVISORIES]):
        from ..metadata.updateinfo import merge_updateinfo

        advisories = merge_updateinfo(documents[ADVISORIES])
        contents[ADVISORIES] = advisories.data
        remarks += advisories.remarks
    # The certificate names the product: the first source that has one counts.
    contents[PRODUCT] = next((data for data, _where in documents[PRODUCT] if data), b"")
    return Documents(
        contents={kind: contents[kind] for kind in KINDS if contents.get(kind)},
        streams=streams,
        remarks=tuple(remarks),
    )


def _in_order_of_preference(inputs: Sequence[Input], kind: str) -> NamedDocuments:
    """Return the documents of the sources that do not skip them, the preferred source first."""
    return [
        (source_input.document(kind), f'source "{source_input.source.name}", document "{kind}"')
        for source_input in sorted(
            inputs, key=lambda source_input: source_input.source.effective_priority
        )
        if SKIPPED_AS.get(kind) not in source_input.source.skip_metadata
    ]
