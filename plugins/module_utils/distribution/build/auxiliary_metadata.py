# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes with the packages: groups, module streams, advisories, the product's certificate."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence

from ..metadata import module_streams
from ..metadata.index import PublishedGeneration
from ..metadata.module_streams import NO_STREAMS, Streams
from ..sources.base import Input

GROUP, MODULES, ADVISORIES, PRODUCT = "group", "modules", "updateinfo", "productid"
KINDS = (GROUP, MODULES, ADVISORIES, PRODUCT)


class Documents(NamedTuple):
    """Kind -> content, of those that there are; and what the modules say about packages."""

    contents: Mapping[str, bytes]
    streams: Streams


def merge_documents(inputs: Sequence[Input]) -> Documents:
    """The documents of all sources, merged.  Raises DescriptionError that names the source."""
    found = {kind: [(one.document(kind), _where(one, kind)) for one in inputs] for kind in KINDS}
    contents = {MODULES: b"", GROUP: b"", ADVISORIES: b""}
    streams = NO_STREAMS
    if any(data for data, _where in found[MODULES]):
        documents = [
            document
            for data, where in found[MODULES]
            for document in module_streams.parse_modules(data.decode("utf-8", "replace"), where)
        ]
        contents[MODULES] = module_streams.merge_modules(documents).encode()
        streams = module_streams.stream_memberships(documents)
    if any(data for data, _where in found[GROUP]):
        from ..metadata import comps

        contents[GROUP] = comps.merge_comps(found[GROUP])
    if any(data for data, _where in found[ADVISORIES]):
        from ..metadata import updateinfo

        contents[ADVISORIES] = updateinfo.merge_updateinfo(found[ADVISORIES])
    # One certificate says which product this is: that of the first source that has one.
    contents[PRODUCT] = next((data for data, _where in found[PRODUCT] if data), b"")
    return Documents({kind: contents[kind] for kind in KINDS if contents[kind]}, streams)


def reuse_previous(previous: PublishedGeneration, inputs: Sequence[Input]) -> Documents:
    """The same, when the sources that have documents are those of the previous generation."""
    contents = {kind: content for kind in KINDS if (content := previous.document(kind))}
    if MODULES in contents:
        return merge_documents(inputs)  # of the older builds of a stream only the sources know
    return Documents(contents, NO_STREAMS)


def _where(one: Input, kind: str) -> str:
    return f'source "{one.source.name}", its {kind}'
