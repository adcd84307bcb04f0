"""TLS to MariaDB is what the URL demands, with every release of PyMySQL.

``make platforms`` runs these on the releases of Enterprise Linux.
"""

from __future__ import annotations

import pathlib
import ssl
from dataclasses import dataclass
from typing import Iterator, Optional

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    Unavailable,
)
from support.mariadb import Server, fast_folder, server
from support.nginx import Pki, free_port, make_pki

PASSWORD = "quite public"


@dataclass(frozen=True)
class Remote:
    """A server on loopback, with the account ``rocks`` and the database ``cluster``."""

    server: Server
    port: int
    credentials: pathlib.Path

    def url(self, ca: str = "", *, host: str = "127.0.0.1") -> str:
        """Return the URL over the network; ``ca`` requires TLS."""
        option = f"&tls_ca={ca}" if ca else ""
        return f"mysql://rocks@{host}:{self.port}/cluster?credentials={self.credentials}{option}"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("tls") / "pki")


def remote_server(folder: pathlib.Path, *options: str) -> Iterator[Remote]:
    port = free_port()
    credentials = folder / "rocks.cnf"
    credentials.write_text(f"[client]\npassword = {PASSWORD}\n")
    credentials.chmod(0o600)
    listening = (
        "--skip-networking=0",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        f"--port={port}",
    )
    with server(folder, *listening, *options) as running:
        with connect(running.create("cluster"), check=False) as database:
            for statement in (
                f"create user rocks@'127.0.0.1' identified by '{PASSWORD}'",
                "grant all on cluster.* to rocks@'127.0.0.1'",
            ):
                database.execute(statement)
        yield Remote(running, port, credentials)


@pytest.fixture(scope="module")
def encrypting(pki: Pki) -> Iterator[Remote]:
    with fast_folder() as folder:
        yield from remote_server(
            folder,
            f"--ssl-cert={pki.folder}/server.pem",
            f"--ssl-key={pki.folder}/server.key",
        )


@pytest.fixture(scope="module")
def clear() -> Iterator[Remote]:
    with fast_folder() as folder:
        yield from remote_server(folder, "--skip-ssl")


def cipher(database: Database) -> str:
    """Return the cipher of the connection; empty: the connection is not encrypted."""
    row = database.row("show session status like 'Ssl_cipher'")
    assert row
    return str(row[1])


def test_a_url_with_tls_ca_uses_tls(encrypting: Remote, pki: Pki) -> None:
    with connect(encrypting.url(pki.ca), check=False) as database:
        assert cipher(database)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_certificate_and_the_name_of_the_server_are_verified(
    encrypting: Remote, pki: Pki, tmp_path: pathlib.Path, host: str
) -> None:
    ca = make_pki(tmp_path / "other").ca if host == "127.0.0.1" else pki.ca
    with pytest.raises(Unavailable, match="certificate verify failed"):
        connect(encrypting.url(ca, host=host), check=False)


def test_no_login_is_sent_to_a_server_without_tls(clear: Remote, pki: Pki) -> None:
    """Before 1.2, PyMySQL sends it in clear text to a server that offers no TLS."""
    clear.credentials.write_text("[client]\npassword = wrong\n")
    with pytest.raises(Unavailable, match="encrypted"):  # a login would raise Refused
        connect(clear.url(pki.ca), check=False)


def test_an_option_file_can_require_tls(clear: Remote, pki: Pki) -> None:
    clear.credentials.write_text(f"[client]\npassword = wrong\nssl-ca = {pki.ca}\n")
    with pytest.raises(Unavailable, match="encrypted"):
        connect(clear.url(), check=False)


@pytest.mark.parametrize("ca", ["", "/nowhere/ca.pem"])
def test_a_unix_socket_is_never_encrypted_and_loads_no_certificates(
    encrypting: Remote, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, ca: str
) -> None:
    credentials = tmp_path / "root.cnf"
    option = f"ssl-ca = {ca}\n" if ca else ""
    credentials.write_text(f"[client]\n{option}")
    credentials.chmod(0o600)
    monkeypatch.setattr(
        ssl, "create_default_context", lambda **_files: pytest.fail("certificates were loaded")
    )
    url = encrypting.server.url("cluster", credentials=str(credentials))
    with connect(url, check=False) as database:
        assert cipher(database) == ""


@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_an_error_names_an_unreadable_ca_file(
    tmp_path: pathlib.Path, content: Optional[str]
) -> None:
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_text(content)
    with pytest.raises(DescriptionError) as raised:
        connect(f"mysql://rocks@127.0.0.1:9/cluster?tls_ca={ca}", check=False)
    assert str(raised.value).startswith(f"{ca}: cannot be read (")
