"""A full file system, at any step: one error, and the published tree is unchanged."""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from support.distributions import Site, content
from support.rpms import Rpm

BASH = Rpm("bash", padding=20_000)
LARGE = Rpm("large", padding=600_000)


@contextlib.contextmanager
def small_disk(folder: pathlib.Path, size: str) -> Iterator[None]:
    folder.mkdir()
    process.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "rocks-test", str(folder)], timeout=10
    )
    try:
        yield
    finally:
        process.run(["umount", str(folder)], timeout=10)


def test_a_disk_that_becomes_full_leaves_the_published_tree_unchanged(site: Site) -> None:
    with small_disk(site.root, "400k"):
        site.build("rocks", site.directory("local", [BASH]))
        before = content(site.tree("rocks"))

        with pytest.raises(RocksError, match="No space left on device"):
            site.build("rocks", site.directory("local", [BASH, LARGE]))

        assert content(site.tree("rocks")) == before
        assert not site.build("rocks", site.directory("local", [BASH])).changed


def test_a_build_succeeds_or_changes_nothing_with_any_free_space(site: Site) -> None:
    """Increase the free space block by block until a build succeeds."""
    with small_disk(site.root, "1m"):
        site.build("rocks", site.directory("local", [BASH]))
        before = content(site.tree("rocks"))
        failures = 0
        filler = site.root / "filler"
        for free in itertools.count(0, 4096):
            filler.write_bytes(bytes(_free_bytes(site.root) - free))
            try:
                site.build("rocks", site.directory("local", [BASH, Rpm("more")]))
                break
            except RocksError as error:
                assert "No space left on device" in str(error)
                assert content(site.tree("rocks")) == before, f"{free} bytes free"
                failures += 1
            filler.unlink()

        assert failures > 3
        assert site.nevras("rocks") == ["bash-0:1.0-1.noarch", "more-0:1.0-1.noarch"]


def _free_bytes(folder: pathlib.Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize
