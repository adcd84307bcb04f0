# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A repository, a server that can misbehave in front of it, and the folders of a frontend."""

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
    """Where a frontend keeps metadata and packages."""

    cache: pathlib.Path
    pool: pathlib.Path


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Site:
    """Sources, and the distributions that are built from them."""
    return Site(tmp_path)


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Place:
    made = Place(tmp_path / "cache", tmp_path / "pool")
    for folder in made:
        folder.mkdir()
    return made


@pytest.fixture
def updates(tmp_path: pathlib.Path) -> Iterator[Upstream]:
    """An update server with three packages."""
    with upstream(repository(tmp_path / "updates", UPDATES)) as server:
        yield server


UPDATES = [
    Rpm("bash", "5.1.8", "9.el9", "x86_64", padding=50_000),
    Rpm("glibc", "2.34", "100.el9", "x86_64", padding=300_000),
    Rpm("tzdata", "2026b", "1.el9", padding=20_000),
]


def package(rpm: Rpm, source: str = "updates") -> Package:
    """What primary.xml says of a package that `support.rpms` wrote."""
    content = image(rpm)
    checksum = hashlib.sha256(content).hexdigest()
    return Package(rpm.name, rpm.arch, rpm.epoch, rpm.version, rpm.release, checksum, "sha256", len(content),
                   f"Packages/{rpm.filename}", source)  # fmt: skip


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], SecretKey]]:
    """Key pairs by name, made once; one that is called ``old`` has expired."""
    folder = tmp_path_factory.mktemp("keys")
    made: dict[str, SecretKey] = {}

    def get(name: str) -> SecretKey:
        if name not in made:
            made[name] = make_key(folder, name, expired=name == "old")
        return made[name]

    yield get
    for one in made.values():
        process.run(["gpgconf", "--homedir", str(one.home), "--kill", "all"], timeout=30)
