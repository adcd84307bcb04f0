# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decides what a generation is to hold, down to its name, from metadata alone: no package is read or fetched."""

from __future__ import annotations

import hashlib
import json
from typing import Mapping, NamedTuple, Optional, Sequence

from ..metadata import shards
from ..metadata.index import PublishedGeneration
from ..model import Distribution, Package
from ..resolve.resolver import build_rules
from ..sources.base import Input
from ..storage.pool import StorePaths
from . import auxiliary_metadata, dependency_check, installer_images, profile_hook, xml_overlay
from .auxiliary_metadata import Documents
from .cache import BuildCache, rules_digest
from .composer import Composition, choose_packages
from .content_hash import generation_identity
from .installer_images import Installer
from .profile_hook import ProfileHook
from .tree import BUILD_FOLDER

PROFILES = "profiles"


class Plan(NamedTuple):
    """A generation that may be built.

    rules    digest of what decided the choice, besides the packages
    build    path below ``build/`` -> text of the XML and the compiled profiles
    sums     path in the tree -> SHA-256 of everything that is neither package nor metadata
    mirrored source name -> every package of it, of the sources that are fetched whole
    moment   when the newest thing in it was made
    unmet    what is not met, unless that is an error
    warnings what the compiler of the profiles says that is no error
    paths    for the memory: where the files lie that packages require
    """

    distribution: Distribution
    inputs: Sequence[Input]
    previous: Optional[PublishedGeneration]
    composition: Composition
    documents: Documents
    installer: Installer
    rules_digest: str
    build: Mapping[str, str]
    checksums: Mapping[str, str]
    mirrored: Mapping[str, Sequence[Package]]
    identity: str
    timestamp: int
    unmet: tuple[str, ...]
    warnings: tuple[str, ...]
    file_shards: Mapping[str, str]


def make_plan(
    distribution: Distribution,
    inputs: Sequence[Input],
    store: StorePaths,
    *,
    previous: Optional[PublishedGeneration],
    memory: BuildCache,
    hook: Optional[ProfileHook],
    fetch: bool,
) -> Plan:
    """The plan.

    previous  the published generation, from which everything is taken that did not change
    fetch     the installer's images may be fetched, to know them

    Raises what compose, the merging of documents, the hook and the check of the closure raise.
    """
    origins = {one.source.name: one.origin for one in inputs}
    digest = rules_digest(distribution)
    same = (
        previous is not None
        and previous.index.rules_digest == digest
        and dict(previous.index.origins) == origins
    )
    known = previous if same else None
    merged = (
        auxiliary_metadata.reuse_previous(known, inputs)
        if known
        else auxiliary_metadata.merge_documents(inputs)
    )
    composition = choose_packages(
        inputs,
        build_rules(distribution.policy, distribution.sources, merged.streams),
        previous,
        same,
    )
    boot = (
        installer_images.reuse_previous(known)
        if known
        else installer_images.find_installer(inputs, store, fetch=fetch)
    )
    layered = _layers(distribution, inputs)
    build = xml_overlay.merge_layers(layered.values())
    compiled = profile_hook.compile_profiles(
        build, xml_overlay.original_paths(layered), hook, store
    )
    build.update(
        {f"{PROFILES}/{name}": profile.text for name, profile in compiled.profiles.items()}
    )
    paths = dependency_check.FileOwners(
        composition.pieces, memory.paths, _searched(previous, memory)
    )
    asked = dependency_check.collect_requests(compiled.profiles.values())
    unmet = dependency_check.check(
        distribution,
        composition.pieces,
        asked,
        merged.contents.get(auxiliary_metadata.GROUP, b""),
        paths,
    )
    sums = {
        f"{BUILD_FOLDER}/{path}": hashlib.sha256(text.encode()).hexdigest()
        for path, text in build.items()
    }
    sums.update(boot.checksums)
    mirrored = _mirrored(inputs)
    return Plan(
        distribution,
        inputs,
        previous,
        composition,
        merged,
        boot,
        digest,
        build,
        dict(sorted(sums.items())),
        mirrored,
        _identity(distribution, composition, merged, sums, mirrored),
        max(one.newest_timestamp() for one in inputs),
        tuple(unmet),
        tuple(compiled.warnings),
        paths.known,
    )


def _identity(
    distribution: Distribution,
    composition: Composition,
    merged: Documents,
    checksums: Mapping[str, str],
    mirrored: Mapping[str, Sequence[Package]],
) -> str:
    form = {
        "arch": distribution.policy.arch,
        "release": distribution.release,
        "layout": distribution.layout,
        "signer": distribution.sign_key,
    }
    form.update({f"mirror {name}": mirror_set(packages) for name, packages in mirrored.items()})
    contents = {
        number: piece.shard.content_digest
        for number, piece in composition.pieces.items()
        if piece.shard.packages
    }
    return generation_identity(form, shards=contents, documents=merged.contents, files=checksums)


def _mirrored(inputs: Sequence[Input]) -> dict[str, list[Package]]:
    return {
        one.source.name: shards.sort_packages(
            {package.checksum: package for package in one.packages()}.values()
        )
        for one in inputs
        if one.source.fetch == "everything"
    }


def mirror_set(packages: Sequence[Package]) -> str:
    """The name of the set that holds a whole source."""
    return shards.content_digest(packages, shards.file_names(packages))


def _layers(distribution: Distribution, inputs: Sequence[Input]) -> dict[str, xml_overlay.Layer]:
    """The XML of the parents, the first source weighing most, then of the distribution's own folders; by their names."""
    inherited = {
        f'source "{one.source.name}": {BUILD_FOLDER}': one.published() for one in reversed(inputs)
    }
    return {
        **{
            name: {
                path: text
                for path, text in parent.build_files().items()
                if not path.startswith(f"{PROFILES}/")
            }
            for name, parent in inherited.items()
            if parent
        },
        **{folder: xml_overlay.read_layer(folder) for folder in distribution.xml},
    }


def _searched(previous: Optional[PublishedGeneration], memory: BuildCache) -> frozenset[str]:
    """The shards that the remembered search has seen: those of the generation that it was of."""
    if previous is None or previous.index.identity != memory.generation:
        return frozenset()
    return frozenset(shard.content_digest for shard in previous.index.shards.values())


def build_document(build: Mapping[str, str]) -> bytes:
    """The XML as one document of the metadata, for children: without the profiles, which each compiles for itself."""
    own = {path: text for path, text in build.items() if not path.startswith(f"{PROFILES}/")}
    return json.dumps(own, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
