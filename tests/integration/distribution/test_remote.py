# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A distribution from a server with faults: the published tree stays complete."""

from __future__ import annotations

import pathlib
from typing import Callable

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from support.distributions import Site, content
from support.keys import SecretKey
from support.rpms import Rpm, repository, write
from support.upstream import FOREVER, Upstream, hang_up, meanwhile, shortened, status, text

from .conftest import UPDATES, package

BASH, GLIBC, TZDATA = (rpm.nevra for rpm in UPDATES)
NEWER = Rpm("bash", "5.2.0", "1.el9", "x86_64")
MORE = Rpm("zsh", "5.8", "9.el9", "x86_64", padding=10_000)
EVERY_RPM = "Packages/*.rpm"


def source(server: Upstream, **options: object) -> Source:
    return Source("updates", url=server.url, **options)  # type: ignore[arg-type]


def publish(server: Upstream, *rpms: Rpm) -> None:
    """Publish packages on the server, and remove those that they replace."""
    for rpm in rpms:
        for old in (server.folder / "Packages").glob(f"{rpm.name}-[0-9]*"):
            old.unlink()
    repository(server.folder, rpms)


def test_a_distribution_follows_its_mirror(site: Site, updates: Upstream) -> None:
    site.build("rocks", source(updates))
    publish(updates, NEWER)
    updates.requests.clear()
    built = site.build("rocks", source(updates))
    assert [
        f"{change.name} {change.before} {change.after}" for change in built.changes.upgraded
    ] == ["bash 5.1.8-9.el9 5.2.0-1.el9"]
    assert [request.path for request in updates.requests_for(EVERY_RPM)] == [
        package(NEWER).location
    ]
    assert site.nevras("rocks") == [NEWER.nevra, GLIBC, TZDATA]


def test_an_upstream_that_publishes_during_the_download_is_read_again(
    site: Site, updates: Upstream
) -> None:
    updates.fail("Packages/bash*", meanwhile(lambda: publish(updates, NEWER)))
    site.build("rocks", source(updates))
    assert site.nevras("rocks") == [NEWER.nevra, GLIBC, TZDATA]


def test_an_upstream_that_publishes_after_the_last_package_is_read_again(
    site: Site, updates: Upstream
) -> None:
    """No file is missing, but repomd.xml has changed at the end."""
    updates.fail("Packages/bash*", meanwhile(lambda: repository(updates.folder, [NEWER])))
    site.build("rocks", source(updates))
    assert site.nevras("rocks") == [NEWER.nevra, GLIBC, TZDATA]


FAULTS = {
    "a package is missing": lambda server: server.fail(EVERY_RPM, status(404), times=FOREVER),
    "a package is truncated": lambda server: server.fail(EVERY_RPM, shortened(10), times=FOREVER),
    "a package has other content": lambda server: server.fail(
        EVERY_RPM, text(b"hello"), times=FOREVER
    ),
    "the server is busy for an hour": lambda server: server.fail(
        "*", status(503, retry_after="3600"), times=FOREVER
    ),
    "the metadata is incomplete": lambda server: server.fail(
        "*primary*", shortened(10), times=FOREVER
    ),
    "repomd.xml is a web page": lambda server: server.fail(
        "*repomd.xml", text(b"<html/>"), times=FOREVER
    ),
    "the server hangs up": lambda server: server.fail("*repomd.xml", hang_up, times=FOREVER),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_mirror_does_not_change_the_published_tree(
    fault: str, site: Site, updates: Upstream
) -> None:
    site.build("rocks", source(updates))
    before = content(site.tree("rocks"))
    publish(updates, MORE)
    FAULTS[fault](updates)
    with pytest.raises(RocksError, match='source "updates"') as raised:
        site.build("rocks", source(updates))
    assert content(site.tree("rocks")) == before, raised.value
    updates.heal()
    site.build("rocks", source(updates))
    assert site.nevras("rocks") == [BASH, GLIBC, TZDATA, MORE.nevra]


def test_an_unsigned_package_from_a_mirror_is_not_published(
    site: Site, updates: Upstream, key: Callable[[str], SecretKey]
) -> None:
    key("vendor").sign_packages(*(updates.folder / "Packages").iterdir())
    repository(updates.folder)
    checked = source(updates, gpg_keys=(str(key("vendor").public),))
    site.build("rocks", checked)
    before = content(site.tree("rocks"))
    write(MORE, updates.folder / "Packages")
    repository(updates.folder)
    with pytest.raises(
        RocksError, match=rf'^source "updates".*{package(MORE).location} is not signed'
    ):
        site.build("rocks", checked)
    assert content(site.tree("rocks")) == before


def test_two_distributions_fetch_shared_packages_once(
    site: Site, updates: Upstream, tmp_path: pathlib.Path
) -> None:
    site.build("rocks", source(updates))
    site.build("physics", source(updates), site.directory("local", [MORE]))
    assert len(updates.requests_for(EVERY_RPM)) == len(UPDATES)
    assert site.nevras("physics") == [BASH, GLIBC, TZDATA, MORE.nevra]
