"""kill -9 at every write, rename, link and fsync of a build: what is published stays, and the next run succeeds."""

from __future__ import annotations

import dataclasses
import os
import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution import publish
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.generations import open_folder
from support.distributions import ARCH, Site, content, packages
from support.killing import killed_at_every_step
from support.rpms import Rpm, write

BASH = Rpm("bash", "5.1.8", "6.el9", "x86_64")
SITE = Rpm("site", "1.0", "1")


def whole(tree: pathlib.Path) -> bool:
    """Every package is where the metadata says, with the content that it promises."""
    from ansible_collections.npaci.rocks.plugins.module_utils.distribution.pool import digest

    return all(digest(str(tree / package.location_href)) == package.pkgId for package in packages(tree))


def leftovers(site: Site) -> list[str]:
    """What a killed builder may leave, and the next one must remove."""
    names = [str(path.relative_to(site.root)) for path in site.root.rglob("*")]
    return [name for name in names if ".new/" in name or ".old-" in name or ".rocks-new-" in name]


@pytest.mark.parametrize("keep", [1, 3], ids=["the old generation goes", "the old generation stays"])
def test_a_rebuild_that_is_killed_anywhere(site: Site, tmp_path: pathlib.Path, keep: int) -> None:
    os_, local = site.mirror("os", [BASH]), site.directory("local", [SITE])
    (tmp_path / "xml" / "nodes").mkdir(parents=True)
    (tmp_path / "xml" / "nodes" / "compute.xml").write_text("<kickstart/>")
    options = {"keep": keep, "xml": (str(tmp_path / "xml"),)}
    first = site.build("rocks", os_, local, **options)
    old = content(site.tree("rocks"))
    write(dataclasses.replace(SITE, version="2.0"), local.path)
    site.check("rocks", os_, local, xml=options["xml"])
    steps = 0

    for step in killed_at_every_step(lambda: site.build("rocks", os_, local, **options)):
        steps = step
        published = publish.current(site.places, "rocks", ARCH)
        assert whole(site.tree("rocks")), f"killed at step {step}"
        if published == first.generation.identity:
            assert content(site.tree("rocks")) == old, f"killed at step {step}"
        _reset(site, first.generation.identity)

    assert steps > 20
    assert [nevra for nevra in site.nevras("rocks") if nevra.startswith("site")] == ["site-0:2.0-1.noarch"]
    assert leftovers(site) == []


def _reset(site: Site, identity: str) -> None:
    """Publish the first generation again, when it is there: the next child shall do the same work."""
    with publish.alone(site.places, "rocks", ARCH, 0):
        if identity in publish.history(site.places, "rocks", ARCH):
            publish.publish(site.places, "rocks", ARCH, identity)


def test_a_first_build_that_is_killed_anywhere_publishes_all_or_nothing(site: Site) -> None:
    os_, local = site.mirror("os", [BASH]), site.directory("local", [SITE])

    for step in killed_at_every_step(lambda: site.build("rocks", os_, local)):
        tree = site.tree("rocks")
        assert not os.path.lexists(tree) or whole(tree), f"killed at step {step}"
        _forget(site)

    assert len(site.packages("rocks")) == 2
    assert leftovers(site) == []


def _forget(site: Site) -> None:
    """Start again, with whatever the killed builder left lying about."""
    with publish.alone(site.places, "rocks", ARCH, 0):
        publish.remove(site.places, "rocks", ARCH)


def test_going_back_promotion_and_removal_killed_anywhere(site: Site) -> None:
    local = site.directory("local", [SITE])
    first = site.build("rocks", local).generation.identity
    write(dataclasses.replace(SITE, version="2.0"), local.path)
    second = site.build("rocks", local).generation.identity

    def work() -> None:
        with publish.alone(site.places, "rocks", ARCH, 0):
            publish.publish(site.places, "rocks", ARCH, first)
        with publish.alone(site.places, "production", ARCH, 0):
            promoted = publish.promote(site.places, "rocks", "production", ARCH, second)
            publish.publish(site.places, "production", ARCH, promoted)
            publish.prune(site.places, "production", ARCH, 1)
        with publish.alone(site.places, "production", ARCH, 0):
            publish.remove(site.places, "production", ARCH)

    for step in killed_at_every_step(work):
        for name in ("rocks", "production"):
            tree = site.tree(name)
            assert not os.path.lexists(tree) or (whole(tree) and open_folder(str(tree))), f"{name}, killed at {step}"
        with publish.alone(site.places, "rocks", ARCH, 0):
            publish.publish(site.places, "rocks", ARCH, second)

    assert publish.current(site.places, "rocks", ARCH) == first
    assert not os.path.lexists(site.tree("production"))
