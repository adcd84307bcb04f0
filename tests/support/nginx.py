# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""nginx that serves a folder on a free port of loopback, with TLS if requested."""

from __future__ import annotations

import contextlib
import pathlib
import socket
from typing import Iterator, NamedTuple, Optional

from ansible_collections.npaci.rocks.plugins.module_utils import process

from .daemons import daemon
from .waiting import until

CONFIGURATION = """
daemon off; user root; pid {scratch}/nginx.pid; error_log stderr; worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
    client_body_temp_path {scratch}/1; proxy_temp_path {scratch}/2; fastcgi_temp_path {scratch}/3;
    uwsgi_temp_path {scratch}/4; scgi_temp_path {scratch}/5;
    server {{ listen 127.0.0.1:{port}{ssl}; root {folder}; autoindex on; {options} }}
}}
"""
TLS = """
ssl_certificate {pki}/server.pem; ssl_certificate_key {pki}/server.key;
ssl_client_certificate {pki}/ca.pem; ssl_verify_client on;
"""


class Pki(NamedTuple):
    """A certificate authority, with certificates for a server at 127.0.0.1 and for a client."""

    folder: pathlib.Path

    @property
    def ca(self) -> str:
        return str(self.folder / "ca.pem")

    @property
    def certificate(self) -> str:
        return str(self.folder / "client.pem")

    @property
    def key(self) -> str:
        return str(self.folder / "client.key")


def make_pki(folder: pathlib.Path) -> Pki:
    """Make the authority and both certificates, valid for a day."""
    folder.mkdir(parents=True)
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    process.run(
        [*new, "-subj", "/CN=site", "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem"],
        timeout=60,
    )
    for name in ("server", "client"):
        files = ["-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"]
        signed = ["-subj", f"/CN={name}", "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key"]
        process.run([*new, *signed, "-addext", "subjectAltName=IP:127.0.0.1", *files], timeout=60)
    return Pki(folder)


@contextlib.contextmanager
def nginx(
    folder: pathlib.Path, scratch: pathlib.Path, *, pki: Optional[Pki] = None, options: str = ""
) -> Iterator[str]:
    """Serve ``folder`` until the block ends, and return its URL.

    scratch  an existing folder for configuration, log and temporary files
    options  further directives of the server
    """
    port = free_port()
    tls = TLS.format(pki=pki.folder) if pki else ""
    text = CONFIGURATION.format(
        scratch=scratch, folder=folder, port=port, ssl=" ssl" if pki else "", options=tls + options
    )
    (scratch / "nginx.conf").write_text(text)
    with daemon(
        ["nginx", "-p", str(scratch), "-c", str(scratch / "nginx.conf")], scratch / "nginx.log"
    ) as server:
        until(lambda: _answers(port) or not server.alive(), 10, "nginx to listen")
        if not server.alive():
            raise RuntimeError(f"nginx exited: {server.output()}")
        yield f"{'https' if pki else 'http'}://127.0.0.1:{port}"


def free_port() -> int:
    """Return a TCP port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
