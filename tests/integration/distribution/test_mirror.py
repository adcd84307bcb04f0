# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Mirrors over real HTTP: what comes is complete and checked, whatever the server does."""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
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
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources import (
    repository_access,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.http import Limits
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.mirror import (
    Snapshot,
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
LIMITS = Limits(connections=2, attempts=3, max_wait=5, lock_timeout=60)


def source(server: Upstream, **options: object) -> Source:
    return Source("updates", url=server.url, **options)  # type: ignore[arg-type]


def snapshot(server: Upstream, place: Place) -> Snapshot:
    return take_snapshot(source(server), str(place.cache), limits=LIMITS)


def fetch(server: Upstream, place: Place, packages: list[Package], limits: Limits = LIMITS) -> None:
    fetch_packages(snapshot(server, place), packages, str(place.pool), limits=limits)


def in_pool(place: Place) -> set[str]:
    """Return the names of the pool's files, each of which must be its checksum."""
    names = set()
    for path in place.pool.glob("??/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
        names.add(path.stem)
    return names


def leftovers(place: Place) -> list[str]:
    return [path.name for path in place.pool.glob(".incoming/*/*")]


# Fetching


def test_a_snapshot_equals_the_metadata_of_upstream(updates: Upstream, place: Place) -> None:
    taken = snapshot(updates, place)
    names = sorted(path.name for path in pathlib.Path(taken.path, "repodata").iterdir())
    assert names == sorted(path.name for path in (updates.folder / "repodata").iterdir())
    assert (
        pathlib.Path(taken.path, "repodata/repomd.xml").read_bytes()
        == (updates.folder / "repodata/repomd.xml").read_bytes()
    )


def test_only_the_requested_packages_are_fetched(updates: Upstream, place: Place) -> None:
    fetch(updates, place, [BASH])
    assert in_pool(place) == {BASH.checksum}
    assert [request.path for request in updates.requests_for("Packages/*")] == [BASH.location]


def test_a_second_run_requests_only_repomd(updates: Upstream, place: Place) -> None:
    fetch(updates, place, ALL)
    updates.requests.clear()
    fetch(updates, place, ALL)
    assert [request.path for request in updates.requests] == ["repodata/repomd.xml"]
    assert in_pool(place) == {package.checksum for package in ALL}


def test_unchanged_metadata_is_not_fetched_again(updates: Upstream, place: Place) -> None:
    repository(updates.folder, extra={"group": "<comps/>"})
    first = snapshot(updates, place)
    repository(updates.folder, [NEWER], extra={"group": "<comps/>"})
    updates.requests.clear()
    second = snapshot(updates, place)
    assert not updates.requests_for("*comps.xml")
    comps = [
        next(pathlib.Path(taken.path).glob("repodata/*comps.xml")) for taken in (first, second)
    ]
    assert comps[0].samefile(comps[1])


def test_progress_contains_files_bytes_and_current_file(updates: Upstream, place: Place) -> None:
    events: list[Progress] = []
    taken = take_snapshot(source(updates), str(place.cache), limits=LIMITS, report=events.append)
    fetch_packages(taken, ALL, str(place.pool), limits=LIMITS, report=events.append)
    last = events[-1]
    size = sum(package.size for package in ALL)
    assert (last.step, last.source) == ("packages", "updates")
    assert (last.files, last.files_total) == (3, 3)
    assert (last.bytes, last.bytes_total) == (size, size)
    assert last.current in {package.location for package in ALL}
    assert last.rate > 0
    assert "metadata" in {event.step for event in events}


def test_a_file_url_can_be_mirrored(updates: Upstream, place: Place) -> None:
    local = Source("updates", url=updates.folder.as_uri())
    fetch_packages(take_snapshot(local, str(place.cache)), ALL, str(place.pool))
    assert len(in_pool(place)) == 3


def test_packages_with_special_characters_in_their_names_are_fetched(
    tmp_path: pathlib.Path, place: Place
) -> None:
    rpms = [Rpm("libstdc++", "1.0~rc1", f"1^git{number}") for number in range(3)]
    with upstream(repository(tmp_path / "special", rpms)) as server:
        fetch(server, place, [package(rpm) for rpm in rpms])
    assert len(in_pool(place)) == 3


# Busy, slow and interrupted servers


def test_503_is_retried_after_the_requested_delay(updates: Upstream, place: Place) -> None:
    updates.fail("*.rpm", status(503, retry_after="1"))
    start = time.monotonic()
    fetch(updates, place, ALL)
    assert time.monotonic() - start >= 1
    assert len(in_pool(place)) == 3


def test_a_requested_delay_of_an_hour_ends_the_run(updates: Upstream, place: Place) -> None:
    updates.fail("*bash*", status(503, retry_after="3600"), times=FOREVER)
    with pytest.raises(Unavailable, match=r"bash.* 503.* 3600 s"):
        fetch(updates, place, [BASH])
    assert len(updates.requests_for("*bash*")) == 1


def test_a_file_is_attempted_as_often_as_the_limit(updates: Upstream, place: Place) -> None:
    updates.fail("*bash*", status(502), times=FOREVER)
    with pytest.raises(
        Unavailable,
        match=r"bash-5\.1\.8-9\.el9\.x86_64\.rpm: .* 502 \(3 attempts\)",
    ):
        fetch(updates, place, [BASH])
    assert len(updates.requests_for("*bash*")) == LIMITS.attempts


def test_a_download_resumes_where_the_connection_ended(updates: Upstream, place: Place) -> None:
    updates.fail("*glibc*", cut(100_000), cut(50_000))
    fetch(updates, place, [GLIBC])
    assert [request.offset for request in updates.requests_for("*glibc*")] == [
        None,
        100_000,
        150_000,
    ]
    assert in_pool(place) == {GLIBC.checksum}


def test_a_later_run_resumes_an_interrupted_download(updates: Upstream, place: Place) -> None:
    updates.fail("*glibc*", cut(100_000), status(502), status(502), times=1)
    with pytest.raises(Unavailable):
        fetch(updates, place, [GLIBC])
    updates.requests.clear()
    fetch(updates, place, [GLIBC])
    assert [request.offset for request in updates.requests_for("*glibc*")] == [100_000]
    assert in_pool(place) == {GLIBC.checksum}
    assert not leftovers(place)


def test_a_server_without_ranges_sends_the_whole_file_again(
    updates: Upstream, place: Place
) -> None:
    updates.fail("*glibc*", cut(100_000), whole)
    fetch(updates, place, [GLIBC])
    assert in_pool(place) == {GLIBC.checksum}


@pytest.mark.parametrize(
    "fault", [hang_up, stall(10_000)], ids=["no response", "a response that stops"]
)
def test_a_request_to_a_silent_server_is_repeated(
    updates: Upstream, place: Place, fault: object
) -> None:
    updates.fail("*glibc*", fault)  # type: ignore[arg-type]
    fetch(updates, place, [GLIBC], LIMITS._replace(stall_timeout=1))
    assert in_pool(place) == {GLIBC.checksum}


def test_an_unreachable_source_is_an_error_within_seconds(
    tmp_path: pathlib.Path, place: Place
) -> None:
    with upstream(repository(tmp_path / "gone", UPDATES)) as server:
        taken = snapshot(server, place)
    start = time.monotonic()
    with pytest.raises(Unavailable, match=rf"{server.url}/Packages/.*rpm: .*\(3 attempts\)"):
        fetch_packages(taken, ALL, str(place.pool), limits=LIMITS)
    assert time.monotonic() - start < 60
    with pytest.raises(Unavailable, match=r"repomd\.xml"):
        snapshot(server, place)


def test_a_url_without_a_repository_is_an_error(tmp_path: pathlib.Path, place: Place) -> None:
    with (
        upstream(tmp_path) as server,
        pytest.raises(NotFound, match=r"repomd\.xml: .* 404; give the URL"),
    ):
        snapshot(server, place)


def test_a_redirect_is_followed(updates: Upstream, place: Place) -> None:
    updates.fail("*bash*", redirect(f"{updates.url}/{BASH.location}"))
    fetch(updates, place, [BASH])
    assert in_pool(place) == {BASH.checksum}


def test_a_redirect_to_a_local_file_is_an_error(updates: Upstream, place: Place) -> None:
    updates.fail("*bash*", redirect("file:///etc/passwd"))
    with pytest.raises(Unavailable, match=r"bash.*rpm"):
        fetch(updates, place, [BASH])


def test_a_password_in_the_url_is_not_shown(updates: Upstream, place: Place) -> None:
    secret = Source("updates", url=updates.url.replace("//", "//rocks:hunter2@"))
    updates.fail("*", status(403), times=FOREVER)
    with pytest.raises(Exception) as caught:
        take_snapshot(secret, str(place.cache), limits=LIMITS)
    assert "403" in str(caught.value) and "hunter2" not in str(caught.value)


# Incomplete and invalid repositories


def test_a_missing_package_is_an_error_and_the_others_are_fetched(
    updates: Upstream, place: Place
) -> None:
    (updates.folder / BASH.location).unlink()
    with pytest.raises(Unavailable) as caught:
        fetch(updates, place, ALL)
    assert str(caught.value).startswith(f'source "updates" ({updates.url}): ')
    assert re.search(rf"{BASH.location} \(.* 404\)", str(caught.value))
    assert in_pool(place) == {GLIBC.checksum, TZDATA.checksum}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param(shortened(1000), "50,437 bytes, the metadata states 51,437", id="too short"),
        pytest.param(text(bytes(BASH.size)), "its sha256 is", id="other content"),
        pytest.param(text(bytes(BASH.size + 1)), "it has more than", id="too long"),
        pytest.param(endless, "it has more than", id="endless"),
    ],
)
def test_a_file_that_differs_from_its_metadata_is_never_in_the_pool(
    updates: Upstream, place: Place, fault: object, message: str
) -> None:
    updates.fail("*bash*", fault, times=FOREVER)  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match=f"{BASH.location} .*{message}"):
        fetch(updates, place, ALL)
    assert in_pool(place) == {GLIBC.checksum, TZDATA.checksum}
    assert len(updates.requests_for("*bash*")) <= 2


def test_a_damaged_download_is_repeated_once(updates: Upstream, place: Place) -> None:
    updates.fail("*bash*", text(bytes(BASH.size)))
    fetch(updates, place, [BASH])
    assert in_pool(place) == {BASH.checksum}


def test_an_incomplete_mirror_is_an_error_with_the_file(updates: Upstream, place: Place) -> None:
    updates.fail("*primary*", shortened(7), times=FOREVER)
    with pytest.raises(
        Unavailable, match=r"primary\.xml\.zst .it has [\d,]+ bytes, the metadata states [\d,]+"
    ):
        snapshot(updates, place)
    assert not list(place.cache.glob("*/[0-9a-f]*"))


@pytest.mark.parametrize(
    "body", [b"<html>Sign in!</html>", b"", b"\0" * 9_000_000], ids=["html", "empty", "huge"]
)
def test_a_response_other_than_repomd_is_an_error(
    updates: Upstream, place: Place, body: bytes
) -> None:
    updates.fail("*repomd.xml", text(body), times=FOREVER)
    with pytest.raises(DescriptionError, match=r"repodata/repomd\.xml"):
        snapshot(updates, place)


@pytest.mark.parametrize(
    "location", ["../../etc/passwd", "/etc/passwd", "Packages/../../x.rpm", "http://x/y.rpm"]
)
def test_a_path_that_leaves_the_repository_is_an_error_before_any_request(
    updates: Upstream, place: Place, location: str
) -> None:
    taken = snapshot(updates, place)
    updates.requests.clear()
    with pytest.raises(DescriptionError, match="outside of the repository"):
        fetch_packages(
            taken, [GLIBC, BASH._replace(location=location)], str(place.pool), limits=LIMITS
        )
    assert not updates.requests


def test_a_checksum_that_is_a_path_is_an_error(updates: Upstream, place: Place) -> None:
    with pytest.raises(DescriptionError, match="valid checksum"):
        fetch(updates, place, [BASH._replace(checksum="../../../../etc/cron.d/x")])


# Changes of upstream


def publish_newer(server: Upstream) -> None:
    """Publish new metadata, and remove an old package, as a mirror does every night."""
    (server.folder / BASH.location).unlink(missing_ok=True)
    repository(server.folder, [NEWER])


def test_metadata_that_change_while_they_are_read_are_read_again(
    updates: Upstream, place: Place
) -> None:
    updates.fail("*primary*", meanwhile(lambda: publish_newer(updates)))
    taken = snapshot(updates, place)
    repomd = (updates.folder / "repodata/repomd.xml").read_bytes()
    assert taken.identity == hashlib.sha256(repomd).hexdigest()
    assert is_unchanged(taken, limits=LIMITS)


def test_packages_that_vanish_when_upstream_changes_raise_source_changed(
    updates: Upstream, place: Place
) -> None:
    taken = snapshot(updates, place)
    publish_newer(updates)
    assert not is_unchanged(taken, limits=LIMITS)
    with pytest.raises(
        repository_access.SourceChanged, match=f"changed while it was read: {BASH.location}"
    ):
        fetch_packages(taken, ALL, str(place.pool), limits=LIMITS)
    fetch(updates, place, [package(NEWER), GLIBC, TZDATA])
    assert in_pool(place) == {package(NEWER).checksum, GLIBC.checksum, TZDATA.checksum}


def test_a_mirror_that_keeps_changing_is_an_error(updates: Upstream, place: Place) -> None:
    versions = iter(range(100))
    updates.fail(
        "*primary*",
        meanwhile(lambda: repository(updates.folder, [Rpm("noise", str(next(versions)))])),
        times=FOREVER,
    )
    with pytest.raises(repository_access.SourceChanged):
        snapshot(updates, place)
    assert next(versions) == LIMITS.snapshot_attempts


def test_the_three_newest_snapshots_stay(updates: Upstream, place: Place) -> None:
    snapshots = []
    for version in range(5):
        repository(updates.folder, [Rpm("noise", str(version))])
        snapshots.append(snapshot(updates, place))
    assert [os.path.isdir(taken.path) for taken in snapshots] == [False, False, True, True, True]


# Files of the installer


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


def test_files_of_the_installer_are_fetched_once_with_their_checksums(
    installer: Upstream, place: Place
) -> None:
    checksum = hashlib.sha256(b"[header]\n").hexdigest()
    for _run in range(2):
        fetched = fetch_files(source(installer), IMAGES, str(place.cache), limits=LIMITS)
        assert fetched == [TreeFile(".treeinfo", checksum), IMAGES[1]]
    assert (place.cache / "images/install.img").read_bytes() == IMAGE
    assert (
        len(installer.requests_for("images/install.img"))
        == len(installer.requests_for(".treeinfo"))
        == 1
    )


def test_a_file_of_the_installer_with_another_checksum_is_an_error(
    installer: Upstream, place: Place
) -> None:
    (installer.folder / "images/install.img").write_bytes(IMAGE.upper())
    with pytest.raises(
        DescriptionError, match=r'^source "updates" .*images/install\.img \(its sha256 is'
    ):
        fetch_files(source(installer), IMAGES, str(place.cache), limits=LIMITS)
    assert not (place.cache / "images/install.img").exists()


def test_two_runs_at_once_fetch_the_files_of_the_installer_once(
    installer: Upstream, place: Place
) -> None:
    installer.fail("images/install.img", status(503, retry_after="1"))
    results: list[list[TreeFile]] = []
    threads = [
        threading.Thread(
            target=lambda: results.append(
                fetch_files(source(installer), IMAGES, str(place.cache), limits=LIMITS)
            )
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert results[0] == results[1]
    assert len(installer.requests_for("images/install.img")) == 2


# Concurrent and killed runs


def test_two_runs_at_once_fetch_each_file_once(updates: Upstream, place: Place) -> None:
    updates.fail("*glibc*", status(503, retry_after="1"))
    threads = [threading.Thread(target=fetch, args=(updates, place, ALL)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert in_pool(place) == {package.checksum for package in ALL}
    assert len(updates.requests_for("*bash*")) == len(updates.requests_for("*primary*")) == 1


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    with upstream(repository(tmp_path_factory.mktemp("killed"), UPDATES)) as server:
        yield server


def test_the_next_run_completes_one_that_was_killed_at_any_step(
    served: Upstream, place: Place
) -> None:
    checksums = {package.checksum for package in ALL}
    steps = 0
    for _step in killed_at_every_step(
        lambda: fetch(served, place, ALL, LIMITS._replace(connections=1))
    ):
        steps += 1
        assert in_pool(place) <= checksums
        fetch(served, place, ALL)
        assert in_pool(place) == checksums
        assert not leftovers(place)
        assert not list(place.cache.glob("*/.[no]*"))
        for folder in place:
            shutil.rmtree(folder)
            folder.mkdir()
    assert steps > 30


def test_a_damaged_staging_file_is_downloaded_again(updates: Upstream, place: Place) -> None:
    updates.fail("*glibc*", cut(100_000), status(502), status(502))
    with pytest.raises(Unavailable):
        fetch(updates, place, [GLIBC])
    (part,) = place.pool.glob(".incoming/*/*")
    part.write_bytes(bytes(120_000))
    fetch(updates, place, [GLIBC])
    assert in_pool(place) == {GLIBC.checksum}


# A full disk


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[Place]:
    """A frontend's folders on a file system of 512 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    process.run(["mount", "-t", "tmpfs", "-o", "size=512k", "rocks-test", str(disk)], timeout=10)
    try:
        folders = Place(disk / "cache", disk / "pool")
        for folder in folders:
            folder.mkdir()
        yield folders
    finally:
        process.run(["umount", str(disk)], timeout=10)


def test_files_that_do_not_fit_on_the_disk_are_an_error_before_any_request(
    updates: Upstream, small_disk: Place
) -> None:
    taken = snapshot(updates, small_disk)
    updates.requests.clear()
    with pytest.raises(
        Unavailable, match=r"2,147,483,648 bytes.* free.*largest file is Packages/glibc"
    ):
        fetch_packages(taken, [GLIBC._replace(size=2 << 30)], str(small_disk.pool), limits=LIMITS)
    assert not updates.requests


def test_a_disk_that_fills_up_is_an_error_with_the_file(
    updates: Upstream, small_disk: Place
) -> None:
    taken = snapshot(updates, small_disk)
    updates.fail(
        "*glibc*", meanwhile(lambda: (small_disk.cache / "other").write_bytes(bytes(250_000)))
    )
    with pytest.raises(
        Unavailable, match=f"{GLIBC.location} cannot be stored .No space left on device"
    ):
        fetch_packages(taken, [GLIBC], str(small_disk.pool), limits=LIMITS)
    assert not in_pool(small_disk)
    assert not leftovers(small_disk)
    (small_disk.cache / "other").unlink()
    fetch_packages(taken, [GLIBC], str(small_disk.pool), limits=LIMITS)
    assert in_pool(small_disk) == {GLIBC.checksum}


def test_a_file_in_the_pool_is_named_by_its_checksum(updates: Upstream, place: Place) -> None:
    fetch(updates, place, [TZDATA])
    assert (
        pathlib.Path(pool_path(str(place.pool), TZDATA.checksum)).read_bytes()
        == (updates.folder / TZDATA.location).read_bytes()
    )
