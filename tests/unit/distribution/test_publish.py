"""Generations: publication, retention, rollback, promotion, and locks."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import shutil
import threading
from typing import Any, Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution import api, publish
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build import materialise
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata.shards import (
    shard_of,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.query import Query
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.storage import pool
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    NotFound,
    Refused,
    Unavailable,
)
from support.distributions import ARCH, Site, content
from support.rpms import Rpm


def generations(
    site: Site, count: int, name: str = "rocks", package: str = "a", **options: Any
) -> list[str]:
    """Build ``count`` generations in sequence, and return their names."""
    names = []
    for number in range(1, count + 1):
        local = site.directory("local", [Rpm(package, str(number))])
        names.append(site.build(name, local, **options).generation.identity)
    return names


def existing(site: Site, distribution: str = "rocks") -> list[str]:
    return publish.history(site.store, distribution, ARCH)


def test_a_build_keeps_the_last_generations(site: Site) -> None:
    built = generations(site, 5, keep=3)

    assert existing(site) == built[2:]
    assert publish.current_generation(site.store, "rocks", ARCH) == built[4]


def test_the_published_generation_is_kept_with_keep_1(site: Site) -> None:
    built = generations(site, 3, keep=1)

    assert existing(site) == built[2:]


def test_a_generation_in_use_is_never_removed(site: Site) -> None:
    built = generations(site, 4, keep=9)

    with publish.build_lock(site.store, "rocks", ARCH, 0):
        removed = publish.prune(site.store, "rocks", ARCH, keep=1, in_use=[built[0]])

    assert removed == built[1:3]
    assert existing(site) == [built[0], built[3]]
    assert len(content(pathlib.Path(site.store.generations_folder("rocks", ARCH)) / built[0])) > 5


def test_packages_of_removed_generations_are_removed_from_the_pool(site: Site) -> None:
    generations(site, 3, keep=2)

    assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 2
    assert len(list(pathlib.Path(site.store.sets).iterdir())) == 2


def test_a_package_is_kept_if_another_one_of_its_shard_is_removed(site: Site) -> None:
    """Two sets contain the package, and only one of the sets is removed."""
    name = next(f"b{number}" for number in range(9999) if shard_of(f"b{number}") == shard_of("a"))
    for version in ("1", "2"):
        site.build("rocks", site.directory("local", [Rpm("a", "1"), Rpm(name, version)]), keep=1)

    assert all(
        (site.tree("rocks") / package.location_href).read_bytes()
        for package in site.packages("rocks")
    )
    assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 2
    site.build("again", site.parent("rocks", "rocks"), site.directory("more", [Rpm(name, "3")]))
    assert site.nevras("again") == ["a-0:1-1.noarch", f"{name}-0:3-1.noarch"]


def test_packages_of_another_distribution_are_kept_in_the_pool(site: Site) -> None:
    generations(site, 1)
    site.build("child", site.parent("rocks", "rocks"))

    with publish.build_lock(site.store, "rocks", ARCH, 0):
        publish.remove(site.store, "rocks", ARCH)

    assert site.nevras("child") == ["a-0:1-1.noarch"]
    assert all(
        (site.tree("child") / package.location_href).read_bytes()
        for package in site.packages("child")
    )


def test_rollback_publishes_an_older_generation(site: Site) -> None:
    built = generations(site, 3, keep=3)
    assert site.nevras("rocks") == ["a-0:3-1.noarch"]

    with publish.build_lock(site.store, "rocks", ARCH, 0):
        previous = publish.find_generation(site.store, "rocks", ARCH, "previous")
        assert publish.publish(site.store, "rocks", ARCH, previous)

    assert previous == built[1]
    assert site.nevras("rocks") == ["a-0:2-1.noarch"]


def test_an_unchanged_build_after_a_rollback_publishes_its_generation_again(site: Site) -> None:
    built = generations(site, 2)
    with publish.build_lock(site.store, "rocks", ARCH, 0):
        publish.publish(site.store, "rocks", ARCH, built[0])

    result = site.build(
        "rocks", Source("local", "directory", path=str(site.folder / "sources/local"))
    )

    assert (result.generation.identity, result.changed) == (built[1], True)
    assert publish.current_generation(site.store, "rocks", ARCH) == built[1]


def test_publishing_the_published_generation_changes_nothing(site: Site) -> None:
    built = generations(site, 1)

    assert not publish.publish(site.store, "rocks", ARCH, built[0])


def test_a_generation_is_found_by_the_beginning_of_its_name(site: Site) -> None:
    built = generations(site, 2, keep=2)

    assert publish.find_generation(site.store, "rocks", ARCH, built[0][:6]) == built[0]
    with pytest.raises(NotFound, match=f'"rocks" .*"zz"; .*{", ".join(built)}'):
        publish.find_generation(site.store, "rocks", ARCH, "zz")
    with pytest.raises(NotFound, match=r'^"" .*several'):
        publish.find_generation(site.store, "rocks", ARCH, "")


def test_promotion_copies_the_generation_to_another_distribution(site: Site) -> None:
    built = generations(site, 1)

    with publish.build_lock(site.store, "production", ARCH, 0):
        identity = publish.copy_generation(site.store, "rocks", "production", ARCH)
        publish.publish(site.store, "production", ARCH, identity)

    assert identity == built[0]
    assert content(site.tree("production")) == content(site.tree("rocks"))


def test_a_promoted_generation_is_independent_of_its_origin(site: Site) -> None:
    generations(site, 1)
    with publish.build_lock(site.store, "production", ARCH, 0):
        publish.publish(
            site.store,
            "production",
            ARCH,
            publish.copy_generation(site.store, "rocks", "production", ARCH),
        )
    before = content(site.tree("production"))

    site.build("rocks", site.directory("local", [Rpm("a", "9")]), keep=1)

    assert content(site.tree("production")) == before


def test_an_unpublished_distribution_cannot_be_promoted(site: Site) -> None:
    with (
        publish.build_lock(site.store, "production", ARCH, 0),
        pytest.raises(NotFound, match='"rocks" has no published generation for x86_64'),
    ):
        publish.copy_generation(site.store, "rocks", "production", ARCH)


def test_removing_a_distribution_removes_its_generations_and_packages(site: Site) -> None:
    generations(site, 2)

    with publish.build_lock(site.store, "rocks", ARCH, 0):
        assert publish.remove(site.store, "rocks", ARCH)
        assert not publish.remove(site.store, "rocks", ARCH)

    assert not (site.root / "rocks").exists()
    assert list(pathlib.Path(site.store.pool).glob("??/*.rpm")) == []


def test_a_distribution_in_use_is_not_removed(site: Site) -> None:
    built = generations(site, 2)

    with (
        publish.build_lock(site.store, "rocks", ARCH, 0),
        pytest.raises(Refused, match=f"generation {built[0]} of .* in use"),
    ):
        publish.remove(site.store, "rocks", ARCH, in_use=[built[0], "elsewhere"])

    assert existing(site) == built


def test_a_folder_in_place_of_the_link_is_not_replaced(site: Site) -> None:
    site.tree("rocks").mkdir(parents=True)

    with pytest.raises(Refused, match=f"^{site.tree('rocks')}: "):
        generations(site, 1)


class TestTwoBuilders:
    def test_the_second_builder_of_a_distribution_fails(self, site: Site) -> None:
        second = publish.build_lock(site.store, "rocks", ARCH, 0)
        with (
            publish.build_lock(site.store, "rocks", ARCH, 0),
            pytest.raises(Conflict, match=r'"rocks" is being built .*0 s'),
            second,
        ):
            pass

    def test_the_second_builder_can_wait(self, site: Site) -> None:
        started = threading.Event()
        finish = threading.Event()
        order = []

        def first() -> None:
            with publish.build_lock(site.store, "rocks", ARCH, 0):
                started.set()
                finish.wait(10)
                order.append("first")

        thread = threading.Thread(target=first)
        thread.start()
        started.wait(10)
        threading.Timer(0.1, finish.set).start()
        with publish.build_lock(site.store, "rocks", ARCH, 10):
            order.append("second")
        thread.join()

        assert order == ["first", "second"]

    def test_two_distributions_can_be_built_at_the_same_time(self, site: Site) -> None:
        with publish.build_lock(site.store, "other", ARCH, 0):
            generations(site, 1)

    def test_garbage_collection_is_delayed_until_no_build_runs(self, site: Site) -> None:
        generations(site, 2)
        with pool.shared_lock(site.store), publish.build_lock(site.store, "rocks", ARCH, 0):
            publish.prune(site.store, "rocks", ARCH, keep=1)
        assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 2

        with publish.build_lock(site.store, "other", ARCH, 0):
            pass

        assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 1


def test_delayed_garbage_is_removed_by_the_next_prune(site: Site) -> None:
    generations(site, 2)
    generations(site, 2, "other", "b")
    with contextlib.ExitStack() as other:
        with pool.shared_lock(site.store):
            with publish.build_lock(site.store, "rocks", ARCH, 0):
                publish.prune(site.store, "rocks", ARCH, keep=1)
            other.enter_context(publish.build_lock(site.store, "other", ARCH, 0))
        publish.prune(site.store, "other", ARCH, keep=1)

    assert set(os.listdir(site.store.sets)) == publish.referenced_sets(site.store)
    assert not pool.pending_gc(site.store)


def test_garbage_collection_keeps_requests_made_while_it_runs(site: Site) -> None:
    generations(site, 2)

    def find_used_then_prune() -> set[str]:
        used = publish.referenced_sets(site.store)
        # As another process does, without the exclusive lock.
        publish.prune(site.store, "rocks", ARCH, keep=1)
        return used

    with publish.build_lock(site.store, "rocks", ARCH, 0), pool.exclusive_lock(site.store):
        pool.collect_garbage(site.store, find_used_then_prune)
    with publish.build_lock(site.store, "other", ARCH, 0):
        pass

    assert set(os.listdir(site.store.sets)) == publish.referenced_sets(site.store)


def test_packages_of_a_failed_build_are_removed_by_the_next_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations(site, 1)

    def fail_disk_full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(Unavailable):
        patch.setattr(materialise, "_fill", fail_disk_full)
        site.build("rocks", site.mirror("more", [Rpm("more")]))
    assert set(os.listdir(site.store.sets)) > publish.referenced_sets(site.store)

    generations(site, 1)

    assert set(os.listdir(site.store.sets)) == publish.referenced_sets(site.store)


def test_prune_ignores_sets_that_another_process_removed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations(site, 2)
    exclusive_lock = pool.exclusive_lock

    @contextlib.contextmanager
    def lock_after_another_gc(store: pool.StorePaths) -> Iterator[None]:
        with exclusive_lock(store):
            pool.collect_garbage(store, lambda: publish.referenced_sets(store))
            yield

    with publish.build_lock(site.store, "rocks", ARCH, 0):
        monkeypatch.setattr(pool, "exclusive_lock", lock_after_another_gc)
        publish.prune(site.store, "rocks", ARCH, keep=1)

    assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 1
    assert len(os.listdir(site.store.sets)) == 1


def test_a_set_is_renamed_before_it_is_removed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    generations(site, 2)
    (before, after) = sorted(os.listdir(site.store.sets))
    rmtree = shutil.rmtree

    def kill_on_rename(path: str, **options: Any) -> None:
        if os.path.basename(os.path.dirname(path)) == "sets" and os.path.exists(path):
            raise KeyboardInterrupt
        rmtree(path, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", kill_on_rename)
        publish.remove(site.store, "rocks", ARCH)
    assert {before, after} - set(os.listdir(site.store.sets))

    with publish.build_lock(site.store, "other", ARCH, 0):
        pass
    assert os.listdir(site.store.sets) == []


def test_leftovers_of_a_killed_build_are_removed_by_the_next_one(site: Site) -> None:
    generations(site, 1)
    folder = pathlib.Path(site.store.generations_folder("rocks", ARCH))
    (folder / ".new" / "Packages").mkdir(parents=True)
    (folder / ".old-abc").mkdir()
    half = pathlib.Path(site.store.pool) / ".new" / "abc-1"
    half.mkdir(parents=True)
    (half / "a.rpm").write_text("part")

    generations(site, 2, keep=1)

    assert sorted(name for name in os.listdir(folder) if name.startswith(".")) == [
        ".history",
        ".lock",
        ".sources",
    ]
    assert not half.exists()


def test_packages_of_an_unreadable_generation_are_kept_in_the_pool(site: Site) -> None:
    built = generations(site, 2, keep=2)
    (index,) = (
        pathlib.Path(site.store.generations_folder("rocks", ARCH)) / built[0] / "repodata"
    ).glob("*-rocks.json.zst")
    index.write_bytes(b"damaged")
    pool.request_gc(site.store)

    with publish.build_lock(site.store, "other", ARCH, 0):
        pass

    assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 2


def test_packages_of_the_symlink_layout_are_kept_in_the_pool(site: Site) -> None:
    generations(site, 3, keep=2, layout="symlink")

    assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 2
    assert all(
        path.read_bytes() for path in site.root.glob(".generations/rocks/*/*/Packages/*/*.rpm")
    )


def test_a_generation_removed_by_another_process_links_no_sets(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_names", lambda _folder: ["00", "01"])

    assert pool.linked_sets(str(site.root / "gone")) == set()


def test_promotion_fails_if_another_process_removes_the_generation(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (built,) = generations(site, 1)

    @contextlib.contextmanager
    def remove_origin(_places: pool.StorePaths) -> Iterator[None]:
        shutil.rmtree(pathlib.Path(site.store.generations_folder("rocks", ARCH)) / built)
        yield

    monkeypatch.setattr(pool, "shared_lock", remove_origin)
    with (
        publish.build_lock(site.store, "production", ARCH, 0),
        pytest.raises(NotFound, match=f"{built}: .*removed"),
    ):
        publish.copy_generation(site.store, "rocks", "production", ARCH)

    assert existing(site, "production") == []


def test_an_error_of_the_disk_contains_the_path(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations(site, 1)

    def fail_disk_full(_source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", target)

    monkeypatch.setattr(os, "link", fail_disk_full)
    with (
        pytest.raises(
            Unavailable,
            match=r'production\S+\.zst: No space left on device .*"production"',
        ),
        publish.build_lock(site.store, "production", ARCH, 0),
    ):
        publish.copy_generation(site.store, "rocks", "production", ARCH)


@pytest.mark.parametrize("name", ["", "../rocks", ".hidden", "a/b", "a b"])
class TestNames:
    """A name that cannot be a folder changes nothing, in every operation."""

    def test_removal(self, site: Site, name: str) -> None:
        with pytest.raises(DescriptionError, match="name"):
            api.remove(str(site.root), name, ARCH)
        assert not site.root.exists()

    def test_switch(self, site: Site, name: str) -> None:
        with pytest.raises(DescriptionError, match="name"):
            api.switch_generation(str(site.root), name, ARCH, "previous")
        assert not site.root.exists()

    def test_promotion(self, site: Site, name: str) -> None:
        (identity,) = generations(site, 1)
        before = sorted(site.folder.rglob("*"))
        for origin, target in ((name, "rocks"), ("rocks", name)):
            with pytest.raises(DescriptionError, match="name"):
                api.promote(str(site.root), target, ARCH, origin)
        assert sorted(site.folder.rglob("*")) == before
        assert publish.current_generation(site.store, "rocks", ARCH) == identity

    def test_query(self, site: Site, name: str) -> None:
        with pytest.raises(DescriptionError, match="name"):
            Query(str(site.root), name, ARCH)


def test_an_empty_generation_is_an_error(site: Site) -> None:
    generations(site, 2)

    with pytest.raises(DescriptionError, match="generation is empty"):
        api.switch_generation(str(site.root), "rocks", ARCH, "")


def test_removing_an_absent_distribution_leaves_no_folder(site: Site) -> None:
    generations(site, 1)

    assert not api.remove(str(site.root), "absent", ARCH)
    assert not list(site.root.rglob("absent"))


def test_files_between_the_generations_of_others_stop_no_build(site: Site) -> None:
    (site.root / ".generations" / "x86_64").mkdir(parents=True)
    (site.root / ".generations" / "x86_64" / ".lock").touch()
    (site.root / ".generations" / "README").touch()

    assert len(generations(site, 5, keep=2)) == 5


def test_an_error_after_the_publication_names_the_published_generation(site: Site) -> None:
    old, new = generations(site, 2)
    folder = site.root / ".generations" / "rocks" / ARCH
    (folder / f".old-{old}").touch()  # a folder cannot be renamed to a file

    with pytest.raises(Unavailable) as raised:
        publish.prune(site.store, "rocks", ARCH, keep=1)

    assert f"{new} is published" in raised.value.hint
    assert "unchanged" not in str(raised.value)
