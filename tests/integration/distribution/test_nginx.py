# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The same mirror against the server that frontends run, with and without TLS."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
    Source,
    pool_path,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.http import Limits
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.mirror import (
    fetch_packages,
    take_snapshot,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from support.nginx import Pki, make_pki, nginx
from support.rpms import Rpm, repository

from .conftest import Place, package

MANY = [Rpm(f"package-{number}", padding=100 * number) for number in range(200)]
LIMITS = Limits(attempts=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return repository(tmp_path_factory.mktemp("many"), MANY)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("tls") / "pki")


def mirror(source: Source, place: Place) -> int:
    """Bring everything, and say how many files the pool then lacks."""
    packages = [package(rpm, source.name) for rpm in MANY]
    fetch_packages(
        take_snapshot(source, str(place.cache), limits=LIMITS),
        packages,
        str(place.pool),
        limits=LIMITS,
    )
    return sum(
        not pathlib.Path(pool_path(str(place.pool), one.checksum)).exists() for one in packages
    )


def test_a_whole_repository_comes_from_nginx(
    folder: pathlib.Path, tmp_path: pathlib.Path, place: Place
) -> None:
    with nginx(folder, tmp_path) as url:
        assert mirror(Source("os", url=f"{url}/"), place) == 0


def test_a_subscription_is_a_certificate_and_a_key(
    folder: pathlib.Path, tmp_path: pathlib.Path, place: Place, pki: Pki
) -> None:
    with nginx(folder, tmp_path, pki=pki) as url:
        assert (
            mirror(
                Source("os", url=url, ca=pki.ca, certificate=pki.certificate, key=pki.key), place
            )
            == 0
        )


def test_a_server_that_we_do_not_trust_is_not_asked(
    folder: pathlib.Path, tmp_path: pathlib.Path, place: Place, pki: Pki
) -> None:
    with (
        nginx(folder, tmp_path, pki=pki) as url,
        pytest.raises(RocksError, match=r"repomd\.xml: SSL .*certificate"),
    ):
        mirror(Source("os", url=url, certificate=pki.certificate, key=pki.key), place)


def test_a_server_that_does_not_know_us_says_so(
    folder: pathlib.Path, tmp_path: pathlib.Path, place: Place, pki: Pki
) -> None:
    with (
        nginx(folder, tmp_path, pki=pki) as url,
        pytest.raises(RocksError, match=r"repomd\.xml: the server answers 4"),
    ):
        mirror(Source("os", url=url, ca=pki.ca), place)


def test_a_proxy_is_asked_in_place_of_the_server(
    folder: pathlib.Path, tmp_path: pathlib.Path, place: Place
) -> None:
    """An HTTP proxy gets the whole URL; nginx serves its path, whatever the host is called."""
    with nginx(folder, tmp_path) as url:
        assert mirror(Source("os", url="http://mirror.example.org", proxy=url), place) == 0


def test_a_missing_ca_file_is_named(
    folder: pathlib.Path, tmp_path: pathlib.Path, place: Place, pki: Pki
) -> None:
    with (
        nginx(folder, tmp_path, pki=pki) as url,
        pytest.raises(RocksError, match=r"/etc/gone\.pem"),
    ):
        mirror(Source("os", url=url, ca="/etc/gone.pem"), place)
