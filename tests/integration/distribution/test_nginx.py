# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A repository is mirrored from nginx, with and without TLS."""

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
    """Fetch all packages, and return the number of packages that the pool lacks."""
    packages = [package(rpm, source.name) for rpm in MANY]
    fetch_packages(
        take_snapshot(source, str(place.cache), limits=LIMITS),
        packages,
        str(place.pool),
        limits=LIMITS,
    )
    return sum(
        not pathlib.Path(pool_path(str(place.pool), rpm.checksum)).exists() for rpm in packages
    )


def test_a_whole_repository_is_fetched_from_nginx(
    folder: pathlib.Path, tmp_path: pathlib.Path, place: Place
) -> None:
    with nginx(folder, tmp_path) as url:
        assert mirror(Source("os", url=f"{url}/"), place) == 0


def test_a_client_certificate_and_key_are_accepted(
    folder: pathlib.Path, tmp_path: pathlib.Path, place: Place, pki: Pki
) -> None:
    with nginx(folder, tmp_path, pki=pki) as url:
        assert (
            mirror(
                Source("os", url=url, ca=pki.ca, certificate=pki.certificate, key=pki.key), place
            )
            == 0
        )


def test_an_untrusted_server_certificate_is_an_error(
    folder: pathlib.Path, tmp_path: pathlib.Path, place: Place, pki: Pki
) -> None:
    with (
        nginx(folder, tmp_path, pki=pki) as url,
        pytest.raises(RocksError, match=r"repomd\.xml: SSL .*certificate"),
    ):
        mirror(Source("os", url=url, certificate=pki.certificate, key=pki.key), place)


def test_a_missing_client_certificate_is_an_error(
    folder: pathlib.Path, tmp_path: pathlib.Path, place: Place, pki: Pki
) -> None:
    with (
        nginx(folder, tmp_path, pki=pki) as url,
        pytest.raises(RocksError, match=r"repomd\.xml: .* status 4"),
    ):
        mirror(Source("os", url=url, ca=pki.ca), place)


def test_requests_go_to_the_proxy(
    folder: pathlib.Path, tmp_path: pathlib.Path, place: Place
) -> None:
    """An HTTP proxy receives the whole URL; nginx serves its path for any host name."""
    with nginx(folder, tmp_path) as url:
        assert mirror(Source("os", url="http://mirror.example.org", proxy=url), place) == 0


def test_a_missing_ca_file_is_an_error(
    folder: pathlib.Path, tmp_path: pathlib.Path, place: Place, pki: Pki
) -> None:
    with (
        nginx(folder, tmp_path, pki=pki) as url,
        pytest.raises(RocksError, match=r"/etc/gone\.pem"),
    ):
        mirror(Source("os", url=url, ca="/etc/gone.pem"), place)
