"""One build in a process of its own, for bench_distribution.py: the cost includes all imports."""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any


def work(what: str, root: str, description: str) -> None:
    """Build or merge, and print the peak memory in MB."""
    from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
        Distribution,
        Policy,
        Source,
    )

    options = json.loads(description)
    sources = tuple(Source(**row) for row in options["sources"])
    distribution = Distribution(
        options["name"],
        sources,
        Policy(versions=options.get("versions", "newest")),
        closure=options.get("closure", "off"),
        allowed_unmet=("*",),  # the set is a sample: do not list its unmet requirements
    )
    if what == "merge":
        merge(distribution, root)
    else:
        from ansible_collections.npaci.rocks.plugins.module_utils.distribution.api import rebuild

        rebuild(distribution, root)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def merge(distribution: Any, root: str) -> None:
    """Do what mergerepo_c does: write the metadata of the newest packages, and nothing else."""
    from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build import (
        auxiliary_metadata,
        cache,
        composer,
        dependency_check,
        installer_images,
        materialise,
        plan,
        profile_hook,
        xml_overlay,
    )
    from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
        ignore_progress,
    )
    from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.base import (
        open_source,
    )
    from ansible_collections.npaci.rocks.plugins.module_utils.distribution.storage.pool import (
        StorePaths,
    )

    store = StorePaths(root)
    inputs = [
        source_input
        for source in distribution.sources
        for source_input in open_source(source, store, ignore_progress)
    ]
    documents = auxiliary_metadata.merge_documents(inputs, None)
    composition = composer.choose_packages(distribution, inputs, documents.modules, None, None)
    documents = documents.with_modules(composition.modules)
    dependency_check.check_dependencies(
        distribution,
        composition,
        profile_hook.CompiledProfiles(),
        documents,
        dependency_check.FileOwners(composition, cache.BuildCache(), None),
    )
    parts = plan.PlanParts(
        composition=composition,
        documents=documents,
        installer=installer_images.find_installer(
            inputs, store, distribution.policy.arch, previous=None, fetch=False
        ),
        build_files=xml_overlay.merge_xml((), inputs).texts,
        candidates={},
    )
    merged = plan.make_plan(distribution, store, inputs, parts, previous=None)
    for path, content in materialise.metadata_files(merged).items():
        target = os.path.join(root, "merged", path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(content)


if __name__ == "__main__":
    work(*sys.argv[1:])
