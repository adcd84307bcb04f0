"""What is published is not changed by others, and a scrub names what is damaged."""

from __future__ import annotations

import os
import pathlib
import shutil
from typing import Callable

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.query import Query
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.scrub import ScrubResult
from support.distributions import ARCH, Site
from support.rpms import Rpm


def result_of(site: Site) -> ScrubResult:
    return Query(str(site.root), "rocks", ARCH).scrub()


def package_in(site: Site, name: str) -> pathlib.Path:
    return next(pathlib.Path(site.tree("rocks")).glob(f"Packages/*/{name}-*.rpm"))


def flip_bit(path: pathlib.Path) -> None:
    """Change one bit, and neither size, time nor inode."""
    status = path.stat()
    with open(path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_an_intact_generation_has_no_damage(site: Site) -> None:
    site.build("rocks", site.mirror("os", [Rpm("a"), Rpm("b")]))

    checked, damaged = result_of(site)

    assert damaged == []
    assert checked >= 2 + 3  # packages; primary, filelists, other


def test_a_changed_package_is_named_and_a_copy_over_it_repairs_it(site: Site) -> None:
    source = site.mirror("os", [Rpm("a"), Rpm("b")])
    site.build("rocks", source)
    flip_bit(package_in(site, "b"))

    (damage,) = result_of(site).damaged
    assert damage.path.rpartition("/")[2].startswith("b-")

    good = next(pathlib.Path(source.path).rglob("b-*.rpm"))
    shutil.copyfile(good, package_in(site, "b"))
    assert result_of(site).damaged == []


@pytest.mark.parametrize("change", [flip_bit, pathlib.Path.unlink])
def test_damaged_metadata_is_named(site: Site, change: Callable[[pathlib.Path], None]) -> None:
    site.build("rocks", site.mirror("os", [Rpm("a")]))
    filelists = next(pathlib.Path(site.tree("rocks")).glob("repodata/*filelists*"))
    change(filelists)

    (damage,) = result_of(site).damaged

    assert damage.path == f"repodata/{filelists.name}"


def test_the_owner_of_a_source_cannot_change_what_is_published(site: Site) -> None:
    """A package of a local mirror is no link to its file, which others can write to."""
    source = site.mirror("os", [Rpm("a")])
    site.build("rocks", source)

    flip_bit(next(pathlib.Path(source.path).rglob("a-*.rpm")))

    assert result_of(site).damaged == []
