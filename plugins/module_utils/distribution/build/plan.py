# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plan of a generation: its whole content and its name, computed from metadata alone."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Mapping, Optional, Sequence

from ..metadata import shards, writer
from ..metadata.index import Index, PublishedGeneration
from ..model import Distribution, Package, Verdict
from ..sources.base import Input
from ..storage.pool import StorePaths
from .auxiliary_metadata import Documents
from .cache import rules_digest
from .composer import Composition
from .content_hash import generation_identity
from .installer_images import Installer
from .tree import BUILD_FOLDER
from .xml_overlay import PROFILES_FOLDER


@dataclasses.dataclass(frozen=True)
class PlanParts:
    """The parts that a generation consists of."""

    composition: Composition
    documents: Documents
    installer: Installer
    build_files: Mapping[str, str]
    """Path below ``build/`` -> text: the XML, the programs for nodes, the compiled profiles."""
    candidates: Mapping[str, Mapping[str, int]]
    """As in ``Index``."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """A generation that can be built.  It has the interface of a generation on the disk."""

    distribution: Distribution
    folder: str
    """The generation's folder, which does not need to exist yet."""
    inputs: Sequence[Input]
    parts: PlanParts
    previous: Optional[PublishedGeneration]
    """The published generation; files that did not change are linked from it."""
    mirrors: Mapping[str, Sequence[Package]]
    """Source name -> all of its packages, for each source that is fetched whole."""
    index: Index

    def packages(self, shard: int) -> Sequence[Package]:
        """Return the chosen packages of a shard."""
        return self.parts.composition.shards[shard].packages()

    def verdicts(self, shard: int) -> Sequence[Verdict]:
        """Return the decision about each candidate of a shard."""
        return self.parts.composition.shards[shard].verdicts()

    def document(self, kind: str) -> bytes:
        """Return a merged document, such as ``updateinfo``; empty if no source has one."""
        return self.parts.documents.contents.get(kind, b"")


def make_plan(
    distribution: Distribution,
    store: StorePaths,
    inputs: Sequence[Input],
    parts: PlanParts,
    *,
    previous: Optional[PublishedGeneration],
) -> Plan:
    """Compute the index of a generation, which contains its name."""
    composition = parts.composition
    shard_entries = {number: composed.shard for number, composed in composition.shards.items()}
    mirrors = _mirrored_packages(inputs)
    checksums = {
        f"{BUILD_FOLDER}/{path}": hashlib.sha256(text.encode()).hexdigest()
        for path, text in parts.build_files.items()
    }
    checksums.update(parts.installer.checksums)
    identity = generation_identity(
        _form(distribution, mirrors),
        shards={
            number: shard.content_digest
            for number, shard in shard_entries.items()
            if shard.packages
        },
        documents=parts.documents.contents,
        files=checksums,
    )
    arch = distribution.policy.arch
    index = Index(
        arch=arch,
        release=distribution.release,
        identity=identity,
        layout=distribution.layout,
        signer=distribution.sign_key,
        rules_digest=rules_digest(distribution),
        origins={source_input.source.name: source_input.origin for source_input in inputs},
        directory_digests=composition.directory_digests,
        head_lengths=writer.head_lengths(composition.package_count),
        shards=shard_entries,
        files=dict(sorted(checksums.items())),
        newest_timestamp=max(source_input.newest_timestamp() for source_input in inputs),
        timestamps={
            source_input.source.name: source_input.newest_timestamp()
            for source_input in inputs
            if source_input.source.type != "directory"
        },
        remarks=parts.documents.remarks,
        candidates=parts.candidates,
        modules_digest=composition.modules.digest,
    )
    folder = store.generation_folder(distribution.name, arch, identity)
    return Plan(
        distribution, folder, inputs, parts, previous=previous, mirrors=mirrors, index=index
    )


def _form(distribution: Distribution, mirrors: Mapping[str, Sequence[Package]]) -> dict[str, str]:
    """Return the properties besides content that distinguish two generations."""
    return {
        "arch": distribution.policy.arch,
        "release": distribution.release,
        "layout": distribution.layout,
        "signer": distribution.sign_key,
        **{f"mirror {name}": mirror_set(packages) for name, packages in mirrors.items()},
    }


def _mirrored_packages(inputs: Sequence[Input]) -> dict[str, list[Package]]:
    return {
        source_input.source.name: shards.sort_packages(
            {package.checksum: package for package in source_input.packages()}.values()
        )
        for source_input in inputs
        if source_input.source.fetch == "everything"
    }


def mirror_set(packages: Sequence[Package]) -> str:
    """Return the name of the set that holds all packages of one source."""
    return shards.content_digest(packages, shards.file_names(packages))


def build_document(build_files: Mapping[str, str]) -> bytes:
    """Return the XML as one document of the metadata, which child distributions inherit.

    Profiles are left out: each distribution compiles its own.
    """
    inherited = {
        path: text
        for path, text in build_files.items()
        if not path.startswith(f"{PROFILES_FOLDER}/")
    }
    return json.dumps(inherited, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
