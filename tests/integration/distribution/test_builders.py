"""Concurrent builds: those of one distribution run in turn, those of several share the pool."""

from __future__ import annotations

import multiprocessing
import os
import pathlib

from ansible_collections.npaci.rocks.plugins.module_utils.distribution import api, publish
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.api import PublishOptions
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
    Distribution,
    Source,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.storage import pool
from support.distributions import Site, distribution
from support.repodata import packages
from support.rpms import Rpm

BUILDERS = 4
ROUNDS = 5


def _build(requested: Distribution, root: str) -> None:
    """Build repeatedly, each time without another package, so that each round prunes."""
    for number in range(ROUNDS):
        (source,) = requested.sources
        source_without_one = Source(
            source.name, source.type, path=source.path, exclude=(f"package-{number}",)
        )
        variant = distribution(requested.name, source_without_one)
        api.rebuild(variant, root, options=PublishOptions(keep=1, wait=60))


def _build_concurrently(distributions: list[Distribution], root: str) -> None:
    context = multiprocessing.get_context("spawn")
    builders = [
        context.Process(target=_build, args=(requested, root)) for requested in distributions
    ]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join(120)
    assert [builder.exitcode for builder in builders] == [0] * len(builders)


def _check_complete(site: Site, name: str) -> None:
    published = packages(site.tree(name))
    assert len(published) == 39
    assert all(
        pool.file_digest(str(site.tree(name) / package.location_href)) == package.pkgId
        for package in published
    )


def test_several_distributions_are_built_at_the_same_time(site: Site) -> None:
    os_ = site.mirror("os", [Rpm(f"package-{number}") for number in range(40)])

    _build_concurrently(
        [distribution(f"rocks-{number}", os_) for number in range(BUILDERS)], str(site.root)
    )

    for number in range(BUILDERS):
        _check_complete(site, f"rocks-{number}")
    site.build("last", os_)  # a build that runs alone collects the garbage of the others
    unused = [
        path for path in pathlib.Path(site.store.pool).glob("??/*.rpm") if path.stat().st_nlink == 1
    ]
    assert unused == []
    assert set(os.listdir(site.store.sets)) == publish.referenced_sets(site.store)


def test_concurrent_builds_of_one_distribution_run_in_turn(site: Site) -> None:
    os_ = site.mirror("os", [Rpm(f"package-{number}") for number in range(40)])

    _build_concurrently([distribution("rocks", os_)] * 3, str(site.root))

    _check_complete(site, "rocks")
