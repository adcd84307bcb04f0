# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Describe the chosen packages: collect their XML as compressed frames, one for each shard."""

from __future__ import annotations

from typing import Iterable, Mapping, NamedTuple, Optional, Sequence

from ..metadata import capabilities, shards
from ..metadata.compression import compress_frame
from ..metadata.element_check import clean_element, is_clean
from ..metadata.index import CAPABILITIES, FILELISTS, OTHER, PRIMARY, PublishedGeneration
from ..model import Package, Resolution
from ..sources.base import Input

THREADS = 2
XML_KINDS = (PRIMARY, FILELISTS, OTHER)

Repair = tuple[str, str, str]
"""Checksum and source of a package, and what was repaired in its metadata."""


class CompressedFrame(NamedTuple):
    data: bytes
    content_length: int
    """Bytes before compression."""


class ShardChoice(NamedTuple):
    """The chosen packages of one shard."""

    number: int
    resolution: Resolution
    packages: Sequence[Package]
    file_names: Sequence[str]
    content_digest: str
    metadata_digest: str

    def has_source_locations(self) -> bool:
        """Return whether every package has the same path in its source as in this tree."""
        folder = shards.shard_folder(self.number)
        return all(
            package.location == f"{folder}/{file_name}"
            for package, file_name in zip(self.packages, self.file_names)
        )


class Description(NamedTuple):
    """The metadata of one shard."""

    frames: dict[str, CompressedFrame]
    """File kind -> frame."""
    repairs: list[Repair]


class Describer:
    """Collects the XML of the chosen packages as compressed frames."""

    def __init__(self, inputs: Sequence[Input], previous: Optional[PublishedGeneration]) -> None:
        self._inputs = {source_input.source.name: source_input for source_input in inputs}
        self._origins = {name: opened.origin for name, opened in self._inputs.items()}
        self._previous = previous

    def describe(self, choices: Iterable[ShardChoice]) -> dict[int, Description]:
        """Return the metadata of each shard.

        Raises DescriptionError for a package whose XML is not well-formed and cannot be repaired.
        """
        in_order = list(choices)
        descriptions = {choice.number: self._copy(choice) for choice in in_order}
        self._make_frames(
            [
                choice
                for choice in in_order
                if choice.packages and not descriptions[choice.number].frames
            ],
            descriptions,
        )
        return descriptions

    def _copy(self, choice: ShardChoice) -> Description:
        """Return the metadata of an equal shard of the previous generation or of a parent, if any.

        A parent has reported its own repairs.
        """
        if self._previous:
            shard = self._previous.index.shards.get(choice.number)
            if shard and shard.metadata_digest == choice.metadata_digest:
                frames = _published_frames(self._previous, choice.number)
                return Description(frames, list(shard.repairs))
        sources = {package.source for package in choice.packages}
        if len(sources) == 1:
            parent = self._inputs[sources.pop()].published_generation()
            shard = parent.index.shards.get(choice.number) if parent else None
            if (
                parent
                and shard
                and shard.content_digest == choice.content_digest
                and choice.has_source_locations()
            ):
                return Description(_published_frames(parent, choice.number), [])
        return Description({}, [])

    def _make_frames(
        self, choices: Sequence[ShardChoice], descriptions: Mapping[int, Description]
    ) -> None:
        """Make one kind of file after another, so that only one file of each source is loaded."""
        # Imported here because it takes 7 ms to load and an unchanged build does not need it.
        from concurrent.futures import ThreadPoolExecutor

        described = {choice.number: self._described_before(choice.number) for choice in choices}
        source_names = {
            package.source
            for choice in choices
            for package in choice.packages
            if (package.checksum, package.source) not in described[choice.number]
        }
        with ThreadPoolExecutor(THREADS) as threads:
            pending = []
            for kind in XML_KINDS:
                list(
                    threads.map(
                        lambda name, kind=kind: self._inputs[name].preload(kind),
                        sorted(source_names),
                    )
                )
                for choice in choices:
                    text = self._shard_xml(
                        kind,
                        choice,
                        described[choice.number],
                        descriptions[choice.number].repairs,
                    )
                    pending.append((choice.number, kind, threads.submit(compress, text)))
                    if kind == PRIMARY:
                        entries = capabilities.encode_entries(capabilities.extract_entries(text))
                        pending.append(
                            (choice.number, CAPABILITIES, threads.submit(compress, entries))
                        )
                for source_input in self._inputs.values():
                    source_input.unload(kind)
            for number, kind, future in pending:
                descriptions[number].frames[kind] = future.result()
            for choice in choices:
                repairs = descriptions[choice.number].repairs
                repairs += self._repairs_before(choice, described[choice.number])
                repairs.sort()

    def _shard_xml(
        self,
        kind: str,
        choice: ShardChoice,
        described: frozenset[tuple[str, str]],
        repairs: list[Repair],
    ) -> bytes:
        """Return the XML of a shard, and append what was repaired in it."""
        folder = shards.shard_folder(choice.number)
        elements = []
        for package, file_name in zip(choice.packages, choice.file_names):
            location = f"{folder}/{file_name}"
            element = None
            if self._previous and (package.checksum, package.source) in described:
                element = self._previous.package_xml(kind, package, location)
            elements.append(
                element or self._inputs[package.source].package_xml(kind, package, location)
            )
        text = b"".join(elements)
        return (
            text if is_clean(text, kind) else _clean_shard(kind, choice.packages, elements, repairs)
        )

    def _repairs_before(
        self, choice: ShardChoice, described: frozenset[tuple[str, str]]
    ) -> list[Repair]:
        """Return the repairs of packages whose XML is copied from the previous generation."""
        shard = self._previous.index.shards.get(choice.number) if self._previous else None
        if shard is None or not shard.repairs:
            return []
        copied = {(package.checksum, package.source) for package in choice.packages} & described
        return [repair for repair in shard.repairs if repair[:2] in copied]

    def _described_before(self, number: int) -> frozenset[tuple[str, str]]:
        """Return checksum and source of the packages whose XML the previous generation has.

        Packages of a source whose metadata changed are left out: their XML can differ.
        """
        if self._previous is None:
            return frozenset()
        before = self._previous.index.origins
        unchanged = {name for name, origin in self._origins.items() if before.get(name) == origin}
        return frozenset(
            (verdict.package.checksum, verdict.package.source)
            for verdict in self._previous.verdicts(number)
            if verdict.chosen and verdict.package.source in unchanged
        )


def _clean_shard(
    kind: str, packages: Sequence[Package], elements: Sequence[bytes], repairs: list[Repair]
) -> bytes:
    """Return the XML of a shard, of which some element may not be well-formed."""
    clean = []
    for package, element in zip(packages, elements):
        where = f'source "{package.source}", {package.nevra}'
        cleaned = clean_element(element, kind, where)
        clean.append(cleaned.xml)
        if cleaned.repair:
            remark = f"{where}: in its {kind} metadata, {cleaned.repair}"
            repairs.append((package.checksum, package.source, remark))
    return b"".join(clean)


def _published_frames(published: PublishedGeneration, number: int) -> dict[str, CompressedFrame]:
    indexed = published.index.shards[number].frames
    return {
        kind: CompressedFrame(published.frame(kind, number), indexed[kind].content_length)
        for kind in (*XML_KINDS, CAPABILITIES)
        if kind in indexed
    }


def compress(content: bytes) -> CompressedFrame:
    """Compress the content of a frame."""
    return CompressedFrame(compress_frame(content), len(content))
