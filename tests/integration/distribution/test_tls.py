# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Servers with a certificate of the site's own authority, and servers that require a client's."""

from __future__ import annotations

import contextlib
import functools
import http.server
import pathlib
import ssl
import threading
from typing import Iterator, NamedTuple

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Unavailable
from support.distributions import Site
from support.rpms import Rpm, repository


class Certificate(NamedTuple):
    """A self-signed certificate for localhost; it is its own authority."""

    path: str
    key: str


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, _request: object, _address: object) -> None:
        """Ignore clients that refuse the certificate."""


@pytest.fixture
def certificate(tmp_path: pathlib.Path) -> Certificate:
    result = Certificate(str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem"))
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    words += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    process.run([*words, "-keyout", result.key, "-out", result.path], timeout=60)
    return result


@contextlib.contextmanager
def https_server(
    folder: pathlib.Path, certificate: Certificate, *, verify: bool = False
) -> Iterator[str]:
    """Serve a folder over TLS, and return its URL; ``verify`` requires a client's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.path, certificate.key)
    if verify:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate.path)
    server = _Server(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    return repository(tmp_path / "os", [Rpm("foo")])


def test_the_own_authority_is_given_as_ca(
    site: Site, tree: pathlib.Path, certificate: Certificate
) -> None:
    with https_server(tree, certificate) as url:
        with pytest.raises(Unavailable) as raised:
            site.build("rocks", Source("os", url=url))
        assert "set ca" in raised.value.hint
        assert site.build("rocks", Source("os", url=url, ca=certificate.path)).changed


def test_a_client_certificate_is_given_with_its_key(
    site: Site, tree: pathlib.Path, certificate: Certificate
) -> None:
    with https_server(tree, certificate, verify=True) as url:
        source = Source("os", url=url, ca=certificate.path)
        with pytest.raises(Unavailable) as raised:
            site.build("rocks", source)
        assert "certificate and key" in raised.value.hint

        source = Source(
            "os",
            url=url,
            ca=certificate.path,
            certificate=certificate.path,
            key=certificate.key,
        )
        assert site.build("rocks", source).changed


def test_a_key_that_is_no_key_names_the_option(
    site: Site, tree: pathlib.Path, certificate: Certificate
) -> None:
    with https_server(tree, certificate) as url:
        source = Source("os", url=url, ca=certificate.path, certificate=certificate.path)
        with pytest.raises(Unavailable) as raised:
            site.build("rocks", source)
        assert "certificate and key" in raised.value.hint
