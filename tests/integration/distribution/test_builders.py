"""Builders at the same time: of one distribution they take turns, of several they share the pool."""

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

BUILDERS, ROUNDS = 4, 5


def _build(asked: Distribution, root: str) -> None:
    """The same again and again with other packages left out, so that every round builds, prunes and sweeps."""
    for number in range(ROUNDS):
        (source,) = asked.sources
        left_out = Source(
            source.name, source.type, path=source.path, exclude=(f"package-{number}",)
        )
        again = distribution(asked.name, left_out)
        api.rebuild(again, root, options=PublishOptions(keep=1, wait=60))


def _at_once(asked: list[Distribution], root: str) -> None:
    context = multiprocessing.get_context("spawn")
    builders = [context.Process(target=_build, args=(one, root)) for one in asked]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join(120)
    assert [builder.exitcode for builder in builders] == [0] * len(builders)


def _whole(site: Site, name: str) -> None:
    found = packages(site.tree(name))
    assert len(found) == 39
    assert all(
        pool.file_digest(str(site.tree(name) / one.location_href)) == one.pkgId for one in found
    )


def test_of_several_distributions(site: Site) -> None:
    os_ = site.mirror("os", [Rpm(f"package-{number}") for number in range(40)])

    _at_once([distribution(f"rocks-{number}", os_) for number in range(BUILDERS)], str(site.root))

    for number in range(BUILDERS):
        _whole(site, f"rocks-{number}")
    site.build("last", os_)  # whoever comes last, alone, sweeps what the others had to leave
    left = [
        path for path in pathlib.Path(site.store.pool).glob("??/*.rpm") if path.stat().st_nlink == 1
    ]
    assert left == []
    assert set(os.listdir(site.store.sets)) == publish.referenced_sets(site.store)


def test_of_one_distribution(site: Site) -> None:
    os_ = site.mirror("os", [Rpm(f"package-{number}") for number in range(40)])

    _at_once([distribution("rocks", os_)] * 3, str(site.root))

    _whole(site, "rocks")
