# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Mirrors over real HTTP: what comes is complete and checked, whatever the server does."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import threading
import time
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
    Package,
    Progress,
    Source,
    TreeFile,
    pool_path,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.http import Limits
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.mirror import (
    Snapshot,
    SourceChanged,
    fetch_files,
    fetch_packages,
    is_unchanged,
    take_snapshot,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    NotFound,
    Unavailable,
)
from support.killing import killed_at_every_step
from support.rpms import Rpm, repository
from support.upstream import (
    FOREVER,
    Upstream,
    cut,
    endless,
    hang_up,
    meanwhile,
    redirect,
    shortened,
    stall,
    status,
    text,
    upstream,
    whole,
)

from .conftest import UPDATES, Place, package

BASH, GLIBC, TZDATA = map(package, UPDATES)
ALL = [BASH, GLIBC, TZDATA]
NEWER = Rpm("bash", "5.2.0", "1.el9", "x86_64")
LIMITS = Limits(connections=2, attempts=3, max_wait=5, lock=60)


def source(server: Upstream, **options: object) -> Source:
    return Source("updates", url=server.url, **options)  # type: ignore[arg-type]


def take(server: Upstream, place: Place) -> Snapshot:
    return take_snapshot(source(server), str(place.cache), limits=LIMITS)


def bring(server: Upstream, place: Place, packages: list[Package], limits: Limits = LIMITS) -> None:
    fetch_packages(take(server, place), packages, str(place.pool), limits=limits)


def in_pool(place: Place) -> set[str]:
    """The names of the pool's files; each must have the checksum that its name says."""
    names = set()
    for path in place.pool.glob("??/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
        names.add(path.stem)
    return names


def left_over(place: Place) -> list[str]:
    return [path.name for path in place.pool.glob(".incoming/*/*")]


# What a mirror is for


def test_a_snapshot_is_upstreams_metadata_as_it_is(updates: Upstream, place: Place) -> None:
    taken = take(updates, place)
    ours = sorted(path.name for path in pathlib.Path(taken.path, "repodata").iterdir())
    assert ours == sorted(path.name for path in (updates.folder / "repodata").iterdir())
    assert (
        pathlib.Path(taken.path, "repodata/repomd.xml").read_bytes()
        == (updates.folder / "repodata/repomd.xml").read_bytes()
    )


def test_only_what_is_wanted_is_asked_for(updates: Upstream, place: Place) -> None:
    bring(updates, place, [BASH])
    assert in_pool(place) == {BASH.checksum}
    assert [request.path for request in updates.asked("Packages/*")] == [BASH.location]


def test_a_second_run_asks_for_repomd_alone(updates: Upstream, place: Place) -> None:
    bring(updates, place, ALL)
    updates.requests.clear()
    bring(updates, place, ALL)
    assert [request.path for request in updates.requests] == ["repodata/repomd.xml"]
    assert in_pool(place) == {one.checksum for one in ALL}


def test_metadata_that_did_not_change_is_not_fetched_again(updates: Upstream, place: Place) -> None:
    repository(updates.folder, extra={"group": "<comps/>"})
    first = take(updates, place)
    repository(updates.folder, [NEWER], extra={"group": "<comps/>"})
    updates.requests.clear()
    second = take(updates, place)
    assert not updates.asked("*comps.xml")
    comps = [next(pathlib.Path(one.path).glob("repodata/*comps.xml")) for one in (first, second)]
    assert comps[0].samefile(comps[1])


def test_progress_tells_files_bytes_and_what_is_fetched(updates: Upstream, place: Place) -> None:
    events: list[Progress] = []
    taken = take_snapshot(source(updates), str(place.cache), limits=LIMITS, report=events.append)
    fetch_packages(taken, ALL, str(place.pool), limits=LIMITS, report=events.append)
    last, size = events[-1], sum(one.size for one in ALL)
    assert last[:2] == ("packages", "updates")
    assert last[3:7] == (3, 3, size, size)
    assert last.current in {one.location for one in ALL} and last.rate > 0
    assert "metadata" in {event.step for event in events}


def test_a_file_url_is_a_mirror_too(updates: Upstream, place: Place) -> None:
    local = Source("updates", url=updates.folder.as_uri())
    fetch_packages(take_snapshot(local, str(place.cache)), ALL, str(place.pool))
    assert len(in_pool(place)) == 3


def test_names_with_odd_characters_are_asked_for_as_they_are(
    tmp_path: pathlib.Path, place: Place
) -> None:
    odd = [Rpm("libstdc++", "1.0~rc1", f"1^git{number}") for number in range(3)]
    with upstream(repository(tmp_path / "odd", odd)) as server:
        bring(server, place, [package(rpm) for rpm in odd])
    assert len(in_pool(place)) == 3


# Servers that are busy, slow or cut off


def test_503_is_tried_again_after_the_time_that_it_asks_for(
    updates: Upstream, place: Place
) -> None:
    updates.fail("*.rpm", status(503, retry_after="1"))
    started = time.monotonic()
    bring(updates, place, ALL)
    assert time.monotonic() - started >= 1
    assert len(in_pool(place)) == 3


def test_a_server_that_wants_an_hour_of_peace_gets_it(updates: Upstream, place: Place) -> None:
    updates.fail("*bash*", status(503, retry_after="3600"), times=FOREVER)
    with pytest.raises(Unavailable, match=r"bash.*answers 503 and wants 3600 s of peace"):
        bring(updates, place, [BASH])
    assert len(updates.asked("*bash*")) == 1


def test_attempts_are_counted(updates: Upstream, place: Place) -> None:
    updates.fail("*bash*", status(502), times=FOREVER)
    with pytest.raises(
        Unavailable,
        match=r"bash-5\.1\.8-9\.el9\.x86_64\.rpm: the server answers 502 \(3 attempts\)",
    ):
        bring(updates, place, [BASH])
    assert len(updates.asked("*bash*")) == LIMITS.attempts


def test_a_cut_connection_goes_on_where_it_ended(updates: Upstream, place: Place) -> None:
    updates.fail("*glibc*", cut(100_000), cut(50_000))
    bring(updates, place, [GLIBC])
    assert [request.offset for request in updates.asked("*glibc*")] == [None, 100_000, 150_000]
    assert in_pool(place) == {GLIBC.checksum}


def test_a_later_run_goes_on_where_the_first_one_was_cut(updates: Upstream, place: Place) -> None:
    updates.fail("*glibc*", cut(100_000), status(502), status(502), times=1)
    with pytest.raises(Unavailable):
        bring(updates, place, [GLIBC])
    updates.requests.clear()
    bring(updates, place, [GLIBC])
    assert [request.offset for request in updates.asked("*glibc*")] == [100_000]
    assert in_pool(place) == {GLIBC.checksum} and not left_over(place)


def test_a_server_without_ranges_sends_the_whole_file_again(
    updates: Upstream, place: Place
) -> None:
    updates.fail("*glibc*", cut(100_000), whole)
    bring(updates, place, [GLIBC])
    assert in_pool(place) == {GLIBC.checksum}


@pytest.mark.parametrize(
    "fault", [hang_up, stall(10_000)], ids=["no answer", "an answer that stops"]
)
def test_a_silent_server_is_asked_again(updates: Upstream, place: Place, fault: object) -> None:
    updates.fail("*glibc*", fault)  # type: ignore[arg-type]
    bring(updates, place, [GLIBC], LIMITS._replace(stall_timeout=1))
    assert in_pool(place) == {GLIBC.checksum}


def test_a_source_that_is_gone_is_named_after_a_bounded_time(
    tmp_path: pathlib.Path, place: Place
) -> None:
    with upstream(repository(tmp_path / "gone", UPDATES)) as server:
        taken = take(server, place)
    started = time.monotonic()
    with pytest.raises(Unavailable, match=rf"{server.url}/Packages/.*rpm: .*\(3 attempts\)"):
        fetch_packages(taken, ALL, str(place.pool), limits=LIMITS)
    assert time.monotonic() - started < 10
    with pytest.raises(Unavailable, match=r"repomd\.xml"):
        take(server, place)


def test_a_url_without_a_repository_is_not_found(tmp_path: pathlib.Path, place: Place) -> None:
    with (
        upstream(tmp_path) as server,
        pytest.raises(NotFound, match=r"repomd\.xml: the server answers 404; give the URL"),
    ):
        take(server, place)


def test_a_redirect_is_followed(updates: Upstream, place: Place) -> None:
    updates.fail("*bash*", redirect(f"{updates.url}/{BASH.location}"))
    bring(updates, place, [BASH])
    assert in_pool(place) == {BASH.checksum}


def test_a_redirect_to_a_file_of_ours_is_not(updates: Upstream, place: Place) -> None:
    updates.fail("*bash*", redirect("file:///etc/passwd"))
    with pytest.raises(Unavailable, match=r"bash.*rpm"):
        bring(updates, place, [BASH])


def test_a_password_in_the_url_is_not_shown(updates: Upstream, place: Place) -> None:
    secret = Source("updates", url=updates.url.replace("//", "//rocks:hunter2@"))
    updates.fail("*", status(403), times=FOREVER)
    with pytest.raises(Exception) as caught:
        take_snapshot(secret, str(place.cache), limits=LIMITS)
    assert "403" in str(caught.value) and "hunter2" not in str(caught.value)


# Repositories that are half-written, wrong or lie


def test_a_missing_package_is_named_and_the_others_come(updates: Upstream, place: Place) -> None:
    (updates.folder / BASH.location).unlink()
    with pytest.raises(Unavailable) as caught:
        bring(updates, place, ALL)
    assert str(caught.value).startswith(f'source "updates" ({updates.url}): ')
    assert f"{BASH.location} (the server answers 404)" in str(caught.value)
    assert in_pool(place) == {GLIBC.checksum, TZDATA.checksum}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param(
            shortened(1000), "it has 50,437 bytes, the metadata promises 51,437", id="too short"
        ),
        pytest.param(text(bytes(BASH.size)), "its sha256 is", id="other content"),
        pytest.param(text(bytes(BASH.size + 1)), "it is longer than", id="too long"),
        pytest.param(endless, "it is longer than", id="endless"),
    ],
)
def test_a_file_that_is_not_what_was_promised_never_gets_its_name(
    updates: Upstream, place: Place, fault: object, said: str
) -> None:
    updates.fail("*bash*", fault, times=FOREVER)  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match=f"{BASH.location} .*{said}"):
        bring(updates, place, ALL)
    assert in_pool(place) == {GLIBC.checksum, TZDATA.checksum}
    assert len(updates.asked("*bash*")) <= 2


def test_damage_on_the_way_is_repaired_by_a_second_attempt(updates: Upstream, place: Place) -> None:
    updates.fail("*bash*", text(bytes(BASH.size)))
    bring(updates, place, [BASH])
    assert in_pool(place) == {BASH.checksum}


def test_a_half_written_mirror_says_what_is_missing(updates: Upstream, place: Place) -> None:
    updates.fail("*primary*", shortened(7), times=FOREVER)
    with pytest.raises(
        Unavailable, match=r"primary\.xml\.zst .it has [\d,]+ bytes, the metadata promises [\d,]+"
    ):
        take(updates, place)
    assert not list(place.cache.glob("*/[0-9a-f]*"))


@pytest.mark.parametrize(
    "body", [b"<html>Sign in!</html>", b"", b"\0" * 9_000_000], ids=["html", "empty", "huge"]
)
def test_something_else_than_repomd_is_refused(
    updates: Upstream, place: Place, body: bytes
) -> None:
    updates.fail("*repomd.xml", text(body), times=FOREVER)
    with pytest.raises(DescriptionError, match=r"repodata/repomd\.xml"):
        take(updates, place)


@pytest.mark.parametrize(
    "location", ["../../etc/passwd", "/etc/passwd", "Packages/../../x.rpm", "http://x/y.rpm"]
)
def test_a_path_out_of_the_repository_is_refused_before_anything_is_asked(
    updates: Upstream, place: Place, location: str
) -> None:
    taken = take(updates, place)
    updates.requests.clear()
    with pytest.raises(DescriptionError, match="lead out of it"):
        fetch_packages(
            taken, [GLIBC, BASH._replace(location=location)], str(place.pool), limits=LIMITS
        )
    assert not updates.requests


def test_a_checksum_that_is_a_path_is_refused(updates: Upstream, place: Place) -> None:
    with pytest.raises(DescriptionError, match="no checksum"):
        bring(updates, place, [BASH._replace(checksum="../../../../etc/cron.d/x")])


# Upstream moves


def publish_newer(server: Upstream) -> None:
    """What a mirror does every night: new metadata, and what is old disappears."""
    (server.folder / BASH.location).unlink(missing_ok=True)
    repository(server.folder, [NEWER])


def test_metadata_that_change_while_they_are_read_are_read_anew(
    updates: Upstream, place: Place
) -> None:
    updates.fail("*primary*", meanwhile(lambda: publish_newer(updates)))
    taken = take(updates, place)
    head = (updates.folder / "repodata/repomd.xml").read_bytes()
    assert taken.identity == hashlib.sha256(head).hexdigest()
    assert is_unchanged(taken, limits=LIMITS)


def test_packages_that_vanish_because_upstream_moved_on_ask_for_a_new_choice(
    updates: Upstream, place: Place
) -> None:
    taken = take(updates, place)
    publish_newer(updates)
    assert not is_unchanged(taken, limits=LIMITS)
    with pytest.raises(SourceChanged, match=f"changed while it was read: {BASH.location}"):
        fetch_packages(taken, ALL, str(place.pool), limits=LIMITS)
    bring(updates, place, [package(NEWER), GLIBC, TZDATA])
    assert in_pool(place) == {package(NEWER).checksum, GLIBC.checksum, TZDATA.checksum}


def test_a_mirror_that_never_rests_is_given_up(updates: Upstream, place: Place) -> None:
    versions = iter(range(100))
    updates.fail(
        "*primary*",
        meanwhile(lambda: repository(updates.folder, [Rpm("noise", str(next(versions)))])),
        times=FOREVER,
    )
    with pytest.raises(SourceChanged):
        take(updates, place)
    assert next(versions) == LIMITS.max_rounds


def test_old_snapshots_stay_for_a_while(updates: Upstream, place: Place) -> None:
    taken = []
    for version in range(5):
        repository(updates.folder, [Rpm("noise", str(version))])
        taken.append(take(updates, place))
    assert [os.path.isdir(one.path) for one in taken] == [False, False, True, True, True]


# The installer's files


IMAGE = b"an installer's image"
IMAGES = [
    TreeFile(".treeinfo"),
    TreeFile("images/install.img", hashlib.sha256(IMAGE).hexdigest()),
    TreeFile("images/gone.img", "0" * 64),
]


@pytest.fixture
def installer(updates: Upstream) -> Upstream:
    """The same server with a .treeinfo and an image, and without another image."""
    (updates.folder / "images").mkdir()
    (updates.folder / "images/install.img").write_bytes(IMAGE)
    (updates.folder / ".treeinfo").write_text("[header]\n")
    return updates


def test_the_installers_files_come_with_their_checksums_and_once(
    installer: Upstream, place: Place
) -> None:
    wanted = hashlib.sha256(b"[header]\n").hexdigest()
    for _time in range(2):
        brought = fetch_files(source(installer), IMAGES, str(place.cache), limits=LIMITS)
        assert brought == [TreeFile(".treeinfo", wanted), IMAGES[1]]
    assert (place.cache / "images/install.img").read_bytes() == IMAGE
    assert len(installer.asked("images/install.img")) == len(installer.asked(".treeinfo")) == 1


def test_an_installers_file_that_differs_is_named(installer: Upstream, place: Place) -> None:
    (installer.folder / "images/install.img").write_bytes(IMAGE.upper())
    with pytest.raises(
        DescriptionError, match=r'^source "updates" .*images/install\.img \(its sha256 is'
    ):
        fetch_files(source(installer), IMAGES, str(place.cache), limits=LIMITS)
    assert not (place.cache / "images/install.img").exists()


def test_two_runs_fetch_the_installers_files_one_after_the_other(
    installer: Upstream, place: Place
) -> None:
    installer.fail("images/install.img", status(503, retry_after="1"))
    brought: list[list[TreeFile]] = []
    threads = [
        threading.Thread(
            target=lambda: brought.append(
                fetch_files(source(installer), IMAGES, str(place.cache), limits=LIMITS)
            )
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(brought) == 2 and brought[0] == brought[1]
    assert len(installer.asked("images/install.img")) == 2


# Several runs, and runs that die


def test_two_runs_at_once_fetch_everything_once(updates: Upstream, place: Place) -> None:
    updates.fail("*glibc*", status(503, retry_after="1"))
    threads = [threading.Thread(target=bring, args=(updates, place, ALL)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert in_pool(place) == {one.checksum for one in ALL}
    assert len(updates.asked("*bash*")) == len(updates.asked("*primary*")) == 1


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    with upstream(repository(tmp_path_factory.mktemp("killed"), UPDATES)) as server:
        yield server


def test_a_run_that_is_killed_at_any_step_is_completed_by_the_next(
    served: Upstream, place: Place
) -> None:
    everything = {one.checksum for one in ALL}
    steps = 0
    for _step in killed_at_every_step(
        lambda: bring(served, place, ALL, LIMITS._replace(connections=1))
    ):
        steps += 1
        assert in_pool(place) <= everything
        bring(served, place, ALL)
        assert in_pool(place) == everything
        assert not left_over(place) and not list(place.cache.glob("*/.[no]*"))
        for folder in place:
            shutil.rmtree(folder)
            folder.mkdir()
    assert steps > 30


def test_leftovers_of_a_power_cut_are_not_believed(updates: Upstream, place: Place) -> None:
    updates.fail("*glibc*", cut(100_000), status(502), status(502))
    with pytest.raises(Unavailable):
        bring(updates, place, [GLIBC])
    (part,) = place.pool.glob(".incoming/*/*")
    part.write_bytes(bytes(120_000))
    bring(updates, place, [GLIBC])
    assert in_pool(place) == {GLIBC.checksum}


# The disk


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[Place]:
    """A file system of 512 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    process.run(["mount", "-t", "tmpfs", "-o", "size=512k", "rocks-test", str(disk)], timeout=10)
    try:
        made = Place(disk / "cache", disk / "pool")
        for folder in made:
            folder.mkdir()
        yield made
    finally:
        process.run(["umount", str(disk)], timeout=10)


def test_what_cannot_fit_is_refused_before_the_first_byte(
    updates: Upstream, small_disk: Place
) -> None:
    taken = take(updates, small_disk)
    updates.requests.clear()
    with pytest.raises(
        Unavailable, match=r"2,147,483,648 bytes.*are free.*largest file is Packages/glibc"
    ):
        fetch_packages(taken, [GLIBC._replace(size=2 << 30)], str(small_disk.pool), limits=LIMITS)
    assert not updates.requests


def test_a_disk_that_fills_up_is_named_with_the_file(updates: Upstream, small_disk: Place) -> None:
    taken = take(updates, small_disk)
    updates.fail(
        "*glibc*", meanwhile(lambda: (small_disk.cache / "other").write_bytes(bytes(250_000)))
    )
    with pytest.raises(
        Unavailable, match=f"{GLIBC.location} cannot be stored .No space left on device"
    ):
        fetch_packages(taken, [GLIBC], str(small_disk.pool), limits=LIMITS)
    assert in_pool(small_disk) == set() and not left_over(small_disk)
    (small_disk.cache / "other").unlink()
    fetch_packages(taken, [GLIBC], str(small_disk.pool), limits=LIMITS)
    assert in_pool(small_disk) == {GLIBC.checksum}


def test_the_pool_names_a_file_by_its_checksum(updates: Upstream, place: Place) -> None:
    bring(updates, place, [TZDATA])
    assert (
        pathlib.Path(pool_path(str(place.pool), TZDATA.checksum)).read_bytes()
        == (updates.folder / TZDATA.location).read_bytes()
    )
