# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures: a repository behind a server with faults, and the folders of a frontend."""

from __future__ import annotations

import hashlib
import pathlib
from typing import Callable, Iterator, NamedTuple

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Package
from support.distributions import Site
from support.keys import SecretKey, make_key
from support.rpms import Rpm, image, repository
from support.upstream import Upstream, upstream


class Place(NamedTuple):
    """The folders of a frontend for metadata and packages."""

    cache: pathlib.Path
    pool: pathlib.Path


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Site:
    """Return sources, and the distributions that are built from them."""
    return Site(tmp_path)


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Place:
    folders = Place(tmp_path / "cache", tmp_path / "pool")
    for folder in folders:
        folder.mkdir()
    return folders


@pytest.fixture
def updates(tmp_path: pathlib.Path) -> Iterator[Upstream]:
    """Serve three packages, as an update server does."""
    with upstream(repository(tmp_path / "updates", UPDATES)) as server:
        yield server


UPDATES = [
    Rpm("bash", "5.1.8", "9.el9", "x86_64", padding=50_000),
    Rpm("glibc", "2.34", "100.el9", "x86_64", padding=300_000),
    Rpm("tzdata", "2026b", "1.el9", padding=20_000),
]


def package(rpm: Rpm, source: str = "updates") -> Package:
    """Return a package of ``support.rpms`` as primary.xml describes it."""
    content = image(rpm)
    return Package(
        name=rpm.name,
        arch=rpm.arch,
        epoch=rpm.epoch,
        version=rpm.version,
        release=rpm.release,
        checksum=hashlib.sha256(content).hexdigest(),
        checksum_type="sha256",
        size=len(content),
        location=f"Packages/{rpm.filename}",
        source=source,
    )


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], SecretKey]]:
    """Return key pairs by name, made once; the one named ``old`` has expired."""
    folder = tmp_path_factory.mktemp("keys")
    keys: dict[str, SecretKey] = {}

    def get(name: str) -> SecretKey:
        if name not in keys:
            keys[name] = make_key(folder, name, expired=name == "old")
        return keys[name]

    yield get
    for key in keys.values():
        process.run(["gpgconf", "--homedir", str(key.home), "--kill", "all"], timeout=30)
