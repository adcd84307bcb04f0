# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build and publish a distribution: the main line, in eight steps (paper, Figure 5).

Open, merge, choose, compile and check use metadata only, so that a faulty description or source
costs no download.  A client sees no change before the last step.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Optional, Sequence

from ...errors import DescriptionError, RocksError, combine
from .. import places, publish
from ..metadata.index import PublishedGeneration, open_published
from ..model import Distribution, ProgressCallback, Source
from ..sources.base import Input, open_source
from ..storage import pool
from ..storage.pool import StorePaths
from . import cache
from .auxiliary_metadata import merge_documents
from .cache import BuildCache
from .result import BuildResult, describe_generation

if TYPE_CHECKING:
    from .profile_hook import ProfileHook


def build(
    distribution: Distribution,
    store: StorePaths,
    *,
    hook: Optional[ProfileHook],
    dry_run: bool,
    progress: ProgressCallback,
) -> BuildResult:
    """Turn the sources of a distribution into a published generation.

    Call it through ``api.rebuild``, which describes parameters and errors and takes the locks.
    Raises SourceChanged too: the caller should run it again.
    """
    # Open the sources.  If none has changed, the generation of the last build is the result.
    inputs = _open_sources(distribution, store, progress)
    # An installation medium is one source of the description, and one for each repository here.
    sources = tuple(source_input.source for source_input in inputs)
    distribution = dataclasses.replace(distribution, sources=sources)
    published = publish.open_current(store, distribution.name, distribution.policy.arch)
    last = cache.load(store, distribution)
    inputs_digest = cache.inputs_digest(distribution, inputs, hook.key if hook else "")
    unchanged = last.inputs_digest == inputs_digest
    if unchanged and (generation := _open_last(distribution, store, last, published)):
        result = describe_generation(distribution.name, generation, published)
        remarks = (*last.source_remarks, *last.installer_remarks)
        result = result.with_problems(last.unmet, last.warnings, remarks)
        return result if dry_run else _publish(result, store, sources)

    # Imported here because they would add about 10 ms to the 70 ms of an unchanged build.
    from .composer import choose_packages, find_reusable
    from .dependency_check import FileOwners, check_dependencies
    from .installer_images import find_installer, installers_digest, published_installer
    from .materialise import fetch_packages, fill_generation
    from .package_lists import list_packages
    from .plan import PlanParts, make_plan
    from .profile_hook import compile_profiles
    from .source_checks import check_age, check_sources
    from .xml_overlay import merge_xml

    check_age(distribution, inputs, published)

    # Merge the documents besides the packages.
    reusable = find_reusable(published, distribution, inputs)
    documents = merge_documents(inputs, reusable)

    # Choose the packages, and the module streams that contain some of them.
    composition = choose_packages(distribution, inputs, documents.modules, published, reusable)
    documents = documents.with_modules(composition.modules)

    is_last = reusable is not None and reusable.index.identity == last.generation
    checked = check_sources(
        distribution,
        inputs,
        composition,
        published=published,
        reusable=reusable,
        pattern_remarks=last.pattern_remarks if is_last else (),
    )

    # Compile the profiles.
    xml = merge_xml(distribution.xml, inputs)
    compiled = compile_profiles(xml, hook, store)

    # Check that all requirements are met.
    file_owners = FileOwners(composition, last, published)
    unmet = check_dependencies(distribution, composition, compiled, documents, file_owners)
    arch = distribution.policy.arch
    package_lists = list_packages(compiled, composition, documents, file_owners, arch)

    # Fetch the installer's images, and the packages that no generation has yet.
    installers = installers_digest(inputs)
    if reusable and is_last and last.installers_digest == installers:
        installer = published_installer(reusable, last.installer_remarks)
    else:
        installer = find_installer(inputs, store, arch, previous=published, fetch=not dry_run)
    parts = PlanParts(
        composition=composition,
        documents=documents,
        installer=installer,
        build_files={**xml.texts, **compiled.texts, **package_lists},
        candidates=checked.candidates,
    )
    plan = make_plan(distribution, store, inputs, parts, previous=published)
    result = describe_generation(distribution.name, plan, published)
    remarks = (*checked.remarks, *installer.remarks)
    result = result.with_problems(unmet, [*xml.warnings, *compiled.warnings], remarks)
    if dry_run:
        return result
    with pool.gc_on_failure(store):
        new_paths = fetch_packages(plan, store)

        # Fill the generation's folder.
        fill_generation(plan, store, new_paths)

    # Publish it.
    build_cache = BuildCache(
        inputs_digest=inputs_digest,
        generation=result.generation.identity,
        unmet=result.unmet,
        warnings=result.warnings,
        file_owners=file_owners.to_cache(),
        installers_digest=installers,
        installer_remarks=installer.remarks,
        source_remarks=checked.remarks,
        pattern_remarks=checked.pattern_remarks,
    )
    cache.save(store, distribution, build_cache)
    return _publish(result, store, sources)


def _open_sources(
    distribution: Distribution, store: StorePaths, progress: ProgressCallback
) -> list[Input]:
    """Open every source, and raise the faults of all sources as one error."""
    inputs: list[Input] = []
    faults: list[RocksError] = []
    for source in distribution.sources:
        try:
            inputs += open_source(source, store, progress)
        except RocksError as error:
            faults.append(error)
    names = [source_input.source.name for source_input in inputs]
    faults += [
        DescriptionError(f'the name "{name}" is used by two sources', hint="rename one of them")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if faults:
        raise combine(faults)
    return inputs


def _open_last(
    distribution: Distribution,
    store: StorePaths,
    last: BuildCache,
    published: Optional[PublishedGeneration],
) -> Optional[PublishedGeneration]:
    """Open the generation of the last build, if it still exists."""
    if published and published.index.identity == last.generation:
        return published
    arch = distribution.policy.arch
    return open_published(store.generation_folder(distribution.name, arch, last.generation))


def _publish(result: BuildResult, store: StorePaths, sources: Sequence[Source]) -> BuildResult:
    generation = result.generation
    places.record(
        store, generation.distribution, generation.arch, generation.identity, sources=sources
    )
    publish.publish(store, generation.distribution, generation.arch, generation.identity)
    return result
