"""kill -9 at every write, rename, link and fsync: the tree stays complete, the next run recovers.

After each kill, the next run is checked, and then the initial state is restored.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
from typing import Callable, Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.distribution import api
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build.profile_hook import (
    CompiledProfile,
    CompiledProfiles,
    ProfileHook,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.storage import pool
from support.distributions import ARCH, Site, content
from support.killing import killed_at_every_step
from support.repodata import packages
from support.rpms import Rpm, write

BASH = Rpm("bash", "5.1.8", "6.el9", "x86_64")
SITE = Rpm("site", "1.0", "1")
NAMES = ("rocks", "production")


def each_step(site: Site, work: Callable[[], object]) -> Iterator[int]:
    """Kill ``work`` at each of its steps, always from the same initial state."""
    backup = site.folder / "kept"
    site.root.mkdir(exist_ok=True)
    process.run(["cp", "-a", str(site.root), str(backup)], timeout=60)
    for step in killed_at_every_step(work):
        yield step
        shutil.rmtree(site.root)
        process.run(["cp", "-a", str(backup), str(site.root)], timeout=60)


def is_complete(tree: pathlib.Path) -> bool:
    """Return whether every package has the path and the checksum of the metadata."""
    return all(
        pool.file_digest(str(tree / package.location_href)) == package.pkgId
        for package in packages(tree)
    )


def leftovers(site: Site) -> list[str]:
    """Return the remains of killed builds, except the pool's staging folder, which can stay."""
    staging = pathlib.Path(site.store.pool) / pool.NEW
    paths = [path for path in site.root.rglob("*") if path != staging]
    names = [str(path.relative_to(site.root)) for path in paths]
    marks = ("/.new", ".old-", ".rocks-new-", ".sweep")
    return [name for name in names if any(mark in name for mark in marks)]


def unused_packages(site: Site) -> list[pathlib.Path]:
    """Return the packages in the pool that no generation contains."""
    return [
        path for path in pathlib.Path(site.store.pool).glob("??/*.rpm") if path.stat().st_nlink == 1
    ]


@pytest.mark.parametrize("keep", [1, 3], ids=["old generation removed", "old generation kept"])
def test_a_killed_rebuild_leaves_a_complete_tree(site: Site, keep: int) -> None:
    os_ = site.mirror("os", [BASH])
    local = site.directory("local", [SITE])
    xml = site.folder / "xml" / "nodes"
    xml.mkdir(parents=True)
    (xml / "compute.xml").write_text("<kickstart/>")
    hook = ProfileHook(
        lambda folder: CompiledProfiles(
            {f"{len(os.listdir(folder))}.json": CompiledProfile("compute", "", {})}
        ),
        "",
    )
    first = site.build("rocks", os_, local, xml=(str(xml.parent),), hook=hook).generation
    old = content(site.tree("rocks"))
    write(dataclasses.replace(SITE, version="2.0"), local.path)
    (xml / "compute.xml").write_text("<kickstart><main/></kickstart>")

    def rebuild() -> object:
        return site.build("rocks", os_, local, keep=keep, xml=(str(xml.parent),), hook=hook)

    seen = set()
    steps = 0
    for step in each_step(site, rebuild):
        steps = step
        now = site.tree("rocks").resolve().name
        seen.add(now)
        assert is_complete(site.tree("rocks")), f"killed at step {step}"
        assert now != first.identity or content(site.tree("rocks")) == old, f"killed at step {step}"
        rebuild()
        assert "site-0:2.0-1.noarch" in site.nevras("rocks"), f"after step {step}"
        assert is_complete(site.tree("rocks")), f"after step {step}"
        assert (leftovers(site), unused_packages(site)) == ([], []), f"after step {step}"

    assert steps > 30
    assert len(seen) == 2


def test_a_killed_first_build_publishes_a_complete_tree_or_none(site: Site) -> None:
    os_ = site.mirror("os", [BASH])
    local = site.directory("local", [SITE])

    def build() -> object:
        return site.build("rocks", os_, local)

    steps = 0
    for step in each_step(site, build):
        steps = step
        assert not os.path.lexists(site.tree("rocks")) or is_complete(site.tree("rocks")), (
            f"killed at step {step}"
        )
        build()
        assert len(site.packages("rocks")) == 2, f"after step {step}"
        assert (leftovers(site), unused_packages(site)) == ([], []), f"after step {step}"

    assert steps > 30


@pytest.mark.parametrize("operation", ["switch", "promote", "remove"])
def test_a_killed_switch_promotion_or_removal_leaves_complete_trees(
    site: Site, operation: str
) -> None:
    local = site.directory("local", [SITE])
    first = site.build("rocks", local).generation.identity
    write(dataclasses.replace(SITE, version="2.0"), local.path)
    site.build("rocks", local)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(site.store.cache)
    root = str(site.root)
    operations: dict[str, Callable[[], object]] = {
        "switch": lambda: api.switch_generation(root, "rocks", ARCH, first),
        "promote": lambda: api.promote(root, "production", ARCH, "rocks"),
        "remove": lambda: api.remove(root, "rocks", ARCH),
    }

    steps = 0
    for step in each_step(site, operations[operation]):
        steps = step
        for name in NAMES:
            tree = site.tree(name)
            assert not os.path.lexists(tree) or is_complete(tree), f"{name}, killed at step {step}"
        operations[operation]()
        assert leftovers(site) == [], f"after step {step}"

    assert steps > 3
    operations[operation]()
    existing = {name: os.path.lexists(site.tree(name)) for name in NAMES}
    assert existing == {"rocks": operation != "remove", "production": operation == "promote"}
