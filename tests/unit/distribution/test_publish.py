"""Generations: the switch, what is kept, going back, promotion, and who may build when."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import shutil
import threading
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution import publish
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build import materialise
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata.shards import (
    shard_of,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.storage import pool
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    NotFound,
    Refused,
    Unavailable,
)
from support.distributions import ARCH, Site, content
from support.rpms import Rpm


def generations(
    site: Site, count: int, name: str = "rocks", package: str = "a", **options: object
) -> list[str]:
    """Build ``count`` generations, one after another; their identities."""
    return [
        site.build(
            name, site.directory("local", [Rpm(package, str(number))]), **options
        ).generation.identity  # type: ignore[arg-type]
        for number in range(1, count + 1)
    ]


def there(site: Site, distribution: str = "rocks") -> list[str]:
    return publish.history(site.store, distribution, ARCH)


def test_the_last_generations_are_kept(site: Site) -> None:
    made = generations(site, 5, keep=3)

    assert there(site) == made[2:]
    assert publish.current_generation(site.store, "rocks", ARCH) == made[4]


def test_one_is_the_least_that_is_kept(site: Site) -> None:
    made = generations(site, 3, keep=1)

    assert there(site) == made[2:]


def test_a_generation_in_use_is_never_removed(site: Site) -> None:
    made = generations(site, 4, keep=9)

    with publish.build_lock(site.store, "rocks", ARCH, 0):
        gone = publish.prune(site.store, "rocks", ARCH, 1, in_use=[made[0]])

    assert gone == made[1:3]
    assert there(site) == [made[0], made[3]]
    assert len(content(pathlib.Path(site.store.generations_folder("rocks", ARCH)) / made[0])) > 5


def test_packages_that_no_generation_has_leave_the_pool(site: Site) -> None:
    generations(site, 3, keep=2)

    assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 2
    assert len(list(pathlib.Path(site.store.sets).iterdir())) == 2


def test_a_package_that_shares_its_shard_with_one_that_went_stays(site: Site) -> None:
    """Two sets hold it: that one of them goes is no reason."""
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


def test_what_another_distribution_has_stays_in_the_pool(site: Site) -> None:
    generations(site, 1)
    site.build("child", site.parent("rocks", "rocks"))

    with publish.build_lock(site.store, "rocks", ARCH, 0):
        publish.remove(site.store, "rocks", ARCH)

    assert site.nevras("child") == ["a-0:1-1.noarch"]
    assert all(
        (site.tree("child") / package.location_href).read_bytes()
        for package in site.packages("child")
    )


def test_going_back_is_publishing_an_older_generation(site: Site) -> None:
    made = generations(site, 3, keep=3)
    assert site.nevras("rocks") == ["a-0:3-1.noarch"]

    with publish.build_lock(site.store, "rocks", ARCH, 0):
        wanted = publish.find_generation(site.store, "rocks", ARCH, "previous")
        assert publish.publish(site.store, "rocks", ARCH, wanted)

    assert wanted == made[1]
    assert site.nevras("rocks") == ["a-0:2-1.noarch"]


def test_publishing_what_is_published_changes_nothing(site: Site) -> None:
    made = generations(site, 1)

    assert not publish.publish(site.store, "rocks", ARCH, made[0])


def test_a_generation_is_found_by_the_beginning_of_its_name(site: Site) -> None:
    made = generations(site, 2, keep=2)

    assert publish.find_generation(site.store, "rocks", ARCH, made[0][:6]) == made[0]
    with pytest.raises(
        NotFound, match=f'"rocks" has no generation "zz"; there are {", ".join(made)}'
    ):
        publish.find_generation(site.store, "rocks", ARCH, "zz")
    with pytest.raises(NotFound, match='"" names several generations'):
        publish.find_generation(site.store, "rocks", ARCH, "")


def test_promotion_gives_the_same_generation_to_another_distribution(site: Site) -> None:
    made = generations(site, 1)

    with publish.build_lock(site.store, "production", ARCH, 0):
        identity = publish.copy_generation(site.store, "rocks", "production", ARCH)
        publish.publish(site.store, "production", ARCH, identity)

    assert identity == made[0]
    assert content(site.tree("production")) == content(site.tree("rocks"))


def test_what_was_promoted_stays_when_its_origin_goes_on(site: Site) -> None:
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


def test_a_distribution_that_published_nothing_cannot_be_promoted(site: Site) -> None:
    with (
        publish.build_lock(site.store, "production", ARCH, 0),
        pytest.raises(NotFound, match="has published nothing"),
    ):
        publish.copy_generation(site.store, "rocks", "production", ARCH)


def test_a_distribution_goes_with_its_generations_and_packages(site: Site) -> None:
    generations(site, 2)

    with publish.build_lock(site.store, "rocks", ARCH, 0):
        assert publish.remove(site.store, "rocks", ARCH)
        assert not publish.remove(site.store, "rocks", ARCH)

    assert not (site.root / "rocks").exists()
    assert list(pathlib.Path(site.store.pool).glob("??/*.rpm")) == []


def test_a_distribution_in_use_does_not_go(site: Site) -> None:
    made = generations(site, 2)

    with (
        publish.build_lock(site.store, "rocks", ARCH, 0),
        pytest.raises(Refused, match=f"generation {made[0]} of .* in use"),
    ):
        publish.remove(site.store, "rocks", ARCH, in_use=[made[0], "elsewhere"])

    assert there(site) == made


def test_a_folder_in_the_place_of_the_link_is_not_replaced(site: Site) -> None:
    site.tree("rocks").mkdir(parents=True)

    with pytest.raises(
        Refused, match="this is not a link, and we would have to replace it; move it out of the way"
    ):
        generations(site, 1)


class TestTwoBuilders:
    def test_the_second_fails_clearly(self, site: Site) -> None:
        second = publish.build_lock(site.store, "rocks", ARCH, 0)
        with (
            publish.build_lock(site.store, "rocks", ARCH, 0),
            pytest.raises(Conflict) as raised,
            second,
        ):
            pass

        assert str(raised.value) == (
            'distribution "rocks" is being built by another process, for 0 s by now; wait for it to end, then run again'
        )

    def test_or_waits(self, site: Site) -> None:
        started, finish, order = threading.Event(), threading.Event(), []

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

    def test_two_distributions_are_built_at_the_same_time(self, site: Site) -> None:
        with publish.build_lock(site.store, "other", ARCH, 0):
            generations(site, 1)

    def test_the_pool_is_not_emptied_under_a_builder_but_by_the_next_run(self, site: Site) -> None:
        generations(site, 2)
        with pool.shared_lock(site.store), publish.build_lock(site.store, "rocks", ARCH, 0):
            publish.prune(site.store, "rocks", ARCH, 1)
        assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 2

        with publish.build_lock(site.store, "other", ARCH, 0):
            pass

        assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 1


def test_what_others_had_to_leave_is_removed_by_who_prunes_next(site: Site) -> None:
    generations(site, 2)
    generations(site, 2, "other", "b")
    with contextlib.ExitStack() as other:
        with pool.shared_lock(site.store):
            with publish.build_lock(site.store, "rocks", ARCH, 0):
                publish.prune(site.store, "rocks", ARCH, 1)
            other.enter_context(publish.build_lock(site.store, "other", ARCH, 0))
        publish.prune(site.store, "other", ARCH, 1)

    assert set(os.listdir(site.store.sets)) == publish.referenced_sets(site.store)
    assert not pool.pending_gc(site.store)


def test_a_sweep_forgives_nothing_that_became_unused_after_it_looked(site: Site) -> None:
    generations(site, 2)

    def looked() -> set[str]:
        used = publish.referenced_sets(site.store)
        publish.prune(site.store, "rocks", ARCH, 1)  # by another process, which is not alone
        return used

    with publish.build_lock(site.store, "rocks", ARCH, 0), pool.exclusive_lock(site.store):
        pool.collect_garbage(site.store, looked)
    with publish.build_lock(site.store, "other", ARCH, 0):
        pass

    assert set(os.listdir(site.store.sets)) == publish.referenced_sets(site.store)


def test_what_a_build_that_failed_has_brought_is_removed_by_the_next(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations(site, 1)

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(Unavailable):
        patch.setattr(materialise, "_fill", full)
        site.build("rocks", site.mirror("more", [Rpm("more")]))
    assert set(os.listdir(site.store.sets)) > publish.referenced_sets(site.store)

    generations(site, 1)

    assert set(os.listdir(site.store.sets)) == publish.referenced_sets(site.store)


def test_what_another_builder_has_swept_meanwhile_is_not_missed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations(site, 2)
    alone = pool.exclusive_lock

    @contextlib.contextmanager
    def after_another(store: pool.StorePaths) -> Iterator[None]:
        with alone(store):
            pool.collect_garbage(store, lambda: publish.referenced_sets(store))
            yield

    with publish.build_lock(site.store, "rocks", ARCH, 0):
        monkeypatch.setattr(pool, "exclusive_lock", after_another)
        publish.prune(site.store, "rocks", ARCH, 1)

    assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 1
    assert len(os.listdir(site.store.sets)) == 1


def test_a_set_that_is_being_removed_is_not_found_by_its_name(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations(site, 2)
    (before, after) = sorted(os.listdir(site.store.sets))
    rmtree = shutil.rmtree

    def killed(path: str, **options: bool) -> None:
        if os.path.basename(os.path.dirname(path)) == "sets" and os.path.exists(path):
            raise KeyboardInterrupt
        rmtree(path, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", killed)
        publish.remove(site.store, "rocks", ARCH)
    assert {before, after} - set(os.listdir(site.store.sets))

    with publish.build_lock(site.store, "other", ARCH, 0):
        pass
    assert os.listdir(site.store.sets) == []


def test_what_a_killed_builder_left_is_removed_by_the_next(site: Site) -> None:
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
    ]
    assert not half.exists()


def test_what_an_unreadable_generation_uses_stays_in_the_pool(site: Site) -> None:
    made = generations(site, 2, keep=2)
    (index,) = (
        pathlib.Path(site.store.generations_folder("rocks", ARCH)) / made[0] / "repodata"
    ).glob("*-rocks.json.zst")
    index.write_bytes(b"damaged")
    pool.request_gc(site.store)

    with publish.build_lock(site.store, "other", ARCH, 0):
        pass

    assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 2


def test_the_papers_layout_keeps_its_packages_too(site: Site) -> None:
    generations(site, 3, keep=2, layout="symlink")

    assert len(list(pathlib.Path(site.store.pool).glob("??/*.rpm"))) == 2
    assert all(
        path.read_bytes() for path in site.root.glob(".generations/rocks/*/*/Packages/*/*.rpm")
    )


def test_a_generation_that_somebody_removes_just_now_links_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_names", lambda _folder: ["00", "01"])

    assert pool.linked_sets(str(site.root / "gone")) == set()


def test_a_generation_that_is_removed_while_it_is_promoted_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = generations(site, 1)

    @contextlib.contextmanager
    def pruned(_places: pool.StorePaths) -> Iterator[None]:
        shutil.rmtree(pathlib.Path(site.store.generations_folder("rocks", ARCH)) / made)
        yield

    monkeypatch.setattr(pool, "shared_lock", pruned)
    with (
        publish.build_lock(site.store, "production", ARCH, 0),
        pytest.raises(NotFound, match=f"{made}: it was removed in this moment; run again"),
    ):
        publish.copy_generation(site.store, "rocks", "production", ARCH)

    assert there(site, "production") == []


def test_what_the_disk_refuses_is_told_with_the_file(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations(site, 1)

    def full(_source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", target)

    monkeypatch.setattr(os, "link", full)
    with (
        pytest.raises(
            Unavailable,
            match=r'production\S+rocks\.json\.zst: No space left on device while distribution "production"',
        ),
        publish.build_lock(site.store, "production", ARCH, 0),
    ):
        publish.copy_generation(site.store, "rocks", "production", ARCH)
