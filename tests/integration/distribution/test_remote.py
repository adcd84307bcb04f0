# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A distribution from a server that misbehaves: what is published is whole, whatever happens on the way."""

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
    """Upstream publishes; what it replaces is gone."""
    for rpm in rpms:
        for old in (server.folder / "Packages").glob(f"{rpm.name}-[0-9]*"):
            old.unlink()
    repository(server.folder, rpms)


def test_a_distribution_follows_its_mirror(site: Site, updates: Upstream) -> None:
    site.build("rocks", source(updates))
    publish(updates, NEWER)
    updates.requests.clear()
    built = site.build("rocks", source(updates))
    assert [f"{one.name} {one.before} {one.after}" for one in built.changes.upgraded] == [
        "bash 5.1.8-9.el9 5.2.0-1.el9"
    ]
    assert [request.path for request in updates.asked(EVERY_RPM)] == [package(NEWER).location]
    assert site.nevras("rocks") == [NEWER.nevra, GLIBC, TZDATA]


def test_an_upstream_that_publishes_while_packages_come_is_read_anew(
    site: Site, updates: Upstream
) -> None:
    updates.fail("Packages/bash*", meanwhile(lambda: publish(updates, NEWER)))
    site.build("rocks", source(updates))
    assert site.nevras("rocks") == [NEWER.nevra, GLIBC, TZDATA]


def test_an_upstream_that_publishes_behind_the_last_package_is_read_anew(
    site: Site, updates: Upstream
) -> None:
    """Nothing is missing, but at the end repomd.xml is another one."""
    updates.fail("Packages/bash*", meanwhile(lambda: repository(updates.folder, [NEWER])))
    site.build("rocks", source(updates))
    assert site.nevras("rocks") == [NEWER.nevra, GLIBC, TZDATA]


FAULTS = {
    "a package is gone": lambda server: server.fail(EVERY_RPM, status(404), times=FOREVER),
    "a package is cut short": lambda server: server.fail(EVERY_RPM, shortened(10), times=FOREVER),
    "a package is another": lambda server: server.fail(EVERY_RPM, text(b"hello"), times=FOREVER),
    "the server is busy for an hour": lambda server: server.fail(
        "*", status(503, retry_after="3600"), times=FOREVER
    ),
    "the metadata are half-written": lambda server: server.fail(
        "*primary*", shortened(10), times=FOREVER
    ),
    "repomd.xml is a web page": lambda server: server.fail(
        "*repomd.xml", text(b"<html/>"), times=FOREVER
    ),
    "the server hangs up": lambda server: server.fail("*repomd.xml", hang_up, times=FOREVER),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_published_outlives_every_fault_of_a_mirror(
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


def test_two_distributions_fetch_what_they_share_once(
    site: Site, updates: Upstream, tmp_path: pathlib.Path
) -> None:
    site.build("rocks", source(updates))
    site.build("physics", source(updates), site.directory("local", [MORE]))
    assert len(updates.asked(EVERY_RPM)) == len(UPDATES)
    assert site.nevras("physics") == [BASH, GLIBC, TZDATA, MORE.nevra]
