"""A distribution is built, not downloaded (paper, 6.2): the output of a build."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
from typing import Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
    EVR,
    Change,
    Changes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.storage import pool
from support.distributions import Site, content
from support.packages import BASH, BASH_FIXED, GLIBC, GLIBC_32, MYRINET, ROCKS, ZSH
from support.rpms import Rpm


def states(folder: pathlib.Path) -> dict[pathlib.Path, tuple[int, int, int]]:
    """Return inode, size and modification time of every file."""
    return {
        path: (status.st_ino, status.st_size, status.st_mtime_ns)
        for path in folder.rglob("*")
        for status in [os.lstat(path)]
    }


def test_sources_become_one_repository_of_the_newest_packages(site: Site) -> None:
    """Figure 5: stock, updates, third party, local."""
    built = site.build(
        "rocks",
        site.mirror("os", [BASH, GLIBC, GLIBC_32]),
        site.mirror("updates", [BASH_FIXED]),
        site.directory("contrib", [MYRINET]),
        site.directory("local", [ROCKS]),
    )

    assert site.nevras("rocks") == [
        "bash-0:5.1.8-9.el9.x86_64",
        "glibc-0:2.34-100.el9.i686",
        "glibc-0:2.34-100.el9.x86_64",
        "gm-0:1.5-1.x86_64",
        "rocks-base-0:1.0-1.noarch",
    ]
    assert built.generation.packages == {"os": 2, "updates": 1, "contrib": 1, "local": 1}
    assert built.changed
    assert built.changes.added == (
        "bash-5.1.8-9.el9.x86_64",
        "glibc-2.34-100.el9.i686",
        "glibc-2.34-100.el9.x86_64",
        "gm-1.5-1.x86_64",
        "rocks-base-1.0-1.noarch",
    )


def test_every_package_has_the_path_and_checksum_of_the_metadata(
    site: Site,
) -> None:
    site.build("rocks", site.mirror("os", [BASH, GLIBC]), site.directory("local", [ROCKS]))

    for package in site.packages("rocks"):
        path = site.tree("rocks") / package.location_href
        assert pool.file_digest(str(path)) == package.pkgId
        assert path.name == f"{package.name}-{package.version}-{package.release}.{package.arch}.rpm"


def test_files_changelogs_and_requirements_are_copied_from_the_source(site: Site) -> None:
    site.build("rocks", site.mirror("updates", [BASH_FIXED]), site.directory("local", [ROCKS]))

    bash, rocks = site.packages("rocks")
    assert [(name, folder) for _kind, folder, name, *_ in bash.files] == [("bash", "/usr/bin/")]
    assert bash.changelogs == [("A <a@b>", 1, "- fixed")]
    assert [name for _kind, _folder, name, *_ in rocks.files] == ["rocks.conf"]
    assert [row[0] for row in rocks.requires if not row[0].startswith("rpmlib")] == ["bash"]


def test_the_link_leads_to_the_folder_of_the_generation(site: Site) -> None:
    built = site.build("rocks", site.mirror("os", [BASH]))

    assert (
        os.readlink(site.tree("rocks"))
        == f"../.generations/rocks/x86_64/{built.generation.identity}"
    )
    assert built.generation.path == str(
        site.root / ".generations/rocks/x86_64" / built.generation.identity
    )


def test_a_second_build_changes_nothing(site: Site) -> None:
    sources = (site.mirror("os", [BASH, GLIBC]), site.directory("local", [ROCKS]))
    first = site.build("rocks", *sources)
    before = states(site.root)

    second = site.build("rocks", *sources)

    assert second.generation == first.generation
    assert (second.changed, second.changes) == (False, Changes())
    assert states(site.root) == before


def test_a_second_build_without_the_cache_publishes_the_same_generation(site: Site) -> None:
    sources = (site.mirror("os", [BASH, GLIBC]), site.directory("local", [ROCKS]))
    first = site.build("rocks", *sources)
    shutil.rmtree(site.store.cache)

    second = site.build("rocks", *sources)

    assert (second.generation, second.changed) == (first.generation, False)


def test_new_files_are_flushed_before_the_generation_is_renamed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: set[pathlib.Path] = set()

    def record(_root: str, paths: Sequence[str]) -> None:
        assert all(os.path.exists(path) for path in paths)
        flushed.update(map(pathlib.Path, paths))

    monkeypatch.setattr(pool, "flush_files", record)
    built = site.build("rocks", site.mirror("os", [BASH]), site.directory("local", [ROCKS]), xml=())

    generation = pathlib.Path(built.generation.path)
    staging = generation.with_name(".new")
    written = {
        staging / path.relative_to(generation)
        for path in generation.rglob("*")
        if not path.is_symlink() and "Packages/" not in str(path)
    }
    assert {staging, *written} <= flushed
    assert set(pathlib.Path(site.store.pool).glob("??/*.rpm")) <= flushed
    assert set(pathlib.Path(site.store.sets).iterdir()) <= flushed


def test_the_result_contains_all_kinds_of_changes(site: Site) -> None:
    local = site.directory("local", [ROCKS, MYRINET, ZSH])
    site.build("rocks", site.mirror("os", [GLIBC]), local)
    changed = [
        dataclasses.replace(ROCKS, version="1.1"),
        dataclasses.replace(MYRINET, version="1.4"),
        dataclasses.replace(ZSH, variant="rebuilt"),
        BASH,
    ]
    site.directory("local", changed)

    built = site.build("rocks", site.mirror("os", []), local, allow_shrink=True)

    assert built.changes == Changes(
        added=("bash-5.1.8-6.el9.x86_64",),
        removed=("glibc-2.34-100.el9.x86_64",),
        upgraded=(Change("rocks-base", "noarch", EVR(0, "1.0", "1"), EVR(0, "1.1", "1")),),
        downgraded=(Change("gm", "x86_64", EVR(0, "1.5", "1"), EVR(0, "1.4", "1")),),
        rebuilt=("zsh-5.8-9.el9.x86_64",),
    )


def test_a_dry_run_returns_the_same_result_and_fetches_no_package(site: Site) -> None:
    sources = (site.mirror("os", [BASH, GLIBC]), site.directory("local", [ROCKS]))

    preview = site.dry_run("rocks", *sources)
    assert sorted(path.name for path in site.root.iterdir()) == [".cache", ".lock"]
    built = site.build("rocks", *sources)

    assert preview == built
    assert preview.verdicts() == built.verdicts()


def test_verdicts_contain_the_reason_for_each_candidate(site: Site) -> None:
    built = site.build("rocks", site.mirror("os", [BASH]), site.mirror("updates", [BASH_FIXED]))

    assert [
        (verdict.package.nevra, verdict.package.source, verdict.chosen, verdict.reason)
        for verdict in built.verdicts()
    ] == [
        ("bash-5.1.8-9.el9.x86_64", "updates", True, "the newest"),
        ("bash-5.1.8-6.el9.x86_64", "os", False, 'older than 5.1.8-9.el9 of source "updates"'),
    ]


def test_packages_that_differ_only_in_the_epoch_have_different_file_names(site: Site) -> None:
    rpm = Rpm("a", "1", "1")
    newer = dataclasses.replace(rpm, epoch=1)

    site.build("rocks", site.mirror("os", [rpm]), site.mirror("updates", [newer]), versions="all")

    names = {
        package.epoch: pathlib.Path(package.location_href).name
        for package in site.packages("rocks")
    }
    assert names["0"] == "a-1-1.noarch.rpm"
    assert names["1"].endswith("-a-1-1.noarch.rpm")
    assert all(
        (site.tree("rocks") / package.location_href).exists() for package in site.packages("rocks")
    )


def test_overwriting_a_package_of_a_directory_does_not_change_the_published_tree(
    site: Site,
) -> None:
    local = site.directory("local", [ROCKS])
    site.build("rocks", local)
    before = content(site.tree("rocks"))

    (pathlib.Path(local.path) / ROCKS.filename).write_bytes(b"another file, in place")

    assert content(site.tree("rocks")) == before
