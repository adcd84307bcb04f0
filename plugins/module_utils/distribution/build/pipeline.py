# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build and publish a distribution: the main line, in eight steps (paper, Figure 5).

Open, merge, choose, compile and check use metadata only, so that a faulty description or source
costs no download.  A client sees no change before the last step.
"""

from __future__ import annotations

from typing import Optional

from ...errors import RocksError, combine
from .. import publish
from ..metadata.index import PublishedGeneration, open_published
from ..model import Distribution, ProgressCallback
from ..sources.base import Input, open_source
from ..storage import pool
from ..storage.pool import StorePaths
from . import cache
from .auxiliary_metadata import merge_documents
from .cache import BuildCache
from .composer import choose_packages, find_reusable
from .dependency_check import FileOwners, check_dependencies
from .installer_images import find_installer
from .materialise import fetch_packages, fill_generation
from .plan import make_plan
from .profile_hook import ProfileHook, compile_profiles
from .result import BuildResult, describe_generation
from .xml_overlay import merge_xml


def build(
    distribution: Distribution,
    store: StorePaths,
    *,
    hook: Optional[ProfileHook],
    dry_run: bool,
    progress: ProgressCallback,
) -> BuildResult:
    """Turn the sources of a distribution into a published generation.

    hook     compiles the profiles; its errors end the build
    dry_run  return what would be built: packages are not fetched, and only the cache is written

    The caller holds ``publish.build_lock`` (except in a dry run) and ``pool.shared_lock``.
    Raises DescriptionError, NotFound or Conflict for a fault of the description, a source or a
    package, Unavailable for a source that does not answer, and SourceChanged for a source that
    changed during the build.  The published generation then stays as it was.
    """
    name = distribution.name
    arch = distribution.policy.arch

    # Open the sources.  If none of them has changed, the generation of the last build is the result.
    inputs = _open_sources(distribution, store, progress)
    published = publish.open_current(store, name, arch)
    last = cache.load(store, name, arch)
    inputs_digest = cache.inputs_digest(distribution, inputs, hook.key if hook else "")
    if unchanged := _find_unchanged(distribution, store, last, inputs_digest, published):
        if not dry_run:
            publish.publish(store, name, arch, unchanged.index.identity)
        return describe_generation(
            name,
            unchanged.folder,
            unchanged,
            published,
            unmet=last.unmet,
            warnings=last.warnings,
        )

    # Merge what accompanies the packages; the module streams decide which packages are candidates.
    reusable = find_reusable(published, distribution, inputs)
    documents = merge_documents(inputs, reusable)

    # Choose the packages.
    composition = choose_packages(distribution, inputs, documents.streams, published, reusable)

    # Compile the profiles.
    xml = merge_xml(distribution.xml, inputs)
    compiled = compile_profiles(xml, hook, store)

    # Check that all requirements are met.
    file_owners = FileOwners(composition, last, published)
    unmet = check_dependencies(distribution, composition, compiled, documents, file_owners)

    # Fetch the installer's images and the packages that no generation has yet.
    installer = find_installer(inputs, store, reusable, fetch=not dry_run)
    plan = make_plan(
        distribution,
        inputs,
        published,
        composition=composition,
        documents=documents,
        installer=installer,
        xml=xml,
        profiles=compiled.profiles,
    )
    identity = plan.index.identity
    folder = store.generation_folder(name, arch, identity)
    result = describe_generation(
        name, folder, plan, published, unmet=unmet, warnings=compiled.warnings
    )
    if dry_run:
        return result
    with pool.gc_on_failure(store):
        new_paths = fetch_packages(plan, store)

        # Fill the generation's folder.
        fill_generation(plan, store, new_paths)

    # Publish it.
    build_cache = BuildCache(
        inputs_digest=inputs_digest,
        generation=identity,
        unmet=result.unmet,
        warnings=result.warnings,
        file_owners=file_owners.to_cache(),
    )
    cache.save(store, name, arch, build_cache)
    publish.publish(store, name, arch, identity)
    return result


def _open_sources(
    distribution: Distribution, store: StorePaths, progress: ProgressCallback
) -> list[Input]:
    """Open every source, and raise the faults of all sources as one error."""
    inputs: list[Input] = []
    faults: list[RocksError] = []
    for source in distribution.sources:
        try:
            inputs.append(open_source(source, store, progress))
        except RocksError as error:
            faults.append(error)
    if faults:
        raise combine(faults)
    return inputs


def _find_unchanged(
    distribution: Distribution,
    store: StorePaths,
    last: BuildCache,
    inputs_digest: str,
    published: Optional[PublishedGeneration],
) -> Optional[PublishedGeneration]:
    """Return the generation of the last build if it was made from the same inputs."""
    if last.inputs_digest != inputs_digest:
        return None
    if published and published.index.identity == last.generation:
        return published
    arch = distribution.policy.arch
    return open_published(store.generation_folder(distribution.name, arch, last.generation))
