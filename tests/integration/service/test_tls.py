"""Installations over TLS, with a certificate of the cluster's own authority."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any, Iterator, Mapping

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.service.ca_certificate import (
    base64_certificate,
)
from support.first_scripts import first_scripts
from support.oldestpython import oldest_python
from support.waiting import until

from .conftest import FRONTEND, Stage, run_stage
from .test_fetched_programs import order_with_programs, program
from .test_program import PROGRAM

URL = f"https://{FRONTEND}"


def authority(folder: pathlib.Path) -> Mapping[str, Any]:
    """Make the cluster's own authority, and the frontend's certificate."""

    def openssl(*words: str) -> None:
        process.run(["openssl", *words], timeout=60, cwd=str(folder))

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=cluster")
    name = ("-subj", "/CN=frontend-0", "-addext", f"subjectAltName=IP:{FRONTEND}")
    openssl(
        "req",
        "-x509",
        *key,
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-keyout",
        "tls.key",
        "-out",
        "tls.pem",
        *name,
    )
    openssl(
        "req", "-x509", *key, "-keyout", "other.key", "-out", "other.pem", "-subj", "/CN=somebody"
    )
    return {"frontend_tls_certificate": folder / "tls.pem", "frontend_tls_key": folder / "tls.key"}


@pytest.fixture(scope="module")
def secure() -> Iterator[Stage]:
    with run_stage(URL, authority) as stage:
        yield stage


def test_an_installation_uses_tls_after_the_boot_loader(
    secure: Stage, tmp_path: pathlib.Path
) -> None:
    order = secure.order()
    trusted = ("--cacert", str(secure.site.folder / "ca.pem"))
    response = secure.node.curl("/rocks/boot?form=ipxe", *trusted, base=URL)
    # GRUB cannot use TLS, and the installer has no authority before it gets its kickstart.
    assert f"inst.ks=http://{FRONTEND}/rocks/kickstart" in response.text
    grub = secure.node.curl("/boot/x86_64/grub.cfg").text
    assert f"linux (http,{FRONTEND})/install/.generations/" in grub
    kickstart = secure.node.curl("/rocks/kickstart", *trusted, base=URL)
    assert (kickstart.status, f"url --url=http://{FRONTEND}/install/" in kickstart.text) == (
        200,
        True,
    )
    argv = [
        oldest_python(),
        PROGRAM,
        "--url",
        URL,
        "--order",
        order.uuid,
        "--ca",
        str(secure.site.folder / "ca.pem"),
    ]
    secure.node.namespace.run([*argv, "secrets", "--into", str(tmp_path / "secrets")], timeout=60)
    assert (tmp_path / "secrets" / "node_key").read_text()
    secure.node.namespace.run([*argv, "report", "installed"], timeout=60)
    assert secure.current(order).state == "installed"


def test_the_installer_trusts_only_the_authority_in_its_kickstart(
    secure: Stage, tmp_path: pathlib.Path
) -> None:
    order_with_programs(secure, "7a0c", "compute-0-1")
    kickstart = secure.other.curl("/rocks/kickstart").text
    with first_scripts(secure.other.namespace, tmp_path, kickstart) as scripts:
        assert scripts.status == 0
        authority = scripts.run / "rocks/authority.pem"
        certificate = authority.read_text(encoding="utf-8")
        assert certificate == (secure.site.folder / "ca.pem").read_text(encoding="utf-8")
        token = (scripts.run / "rocks/order").read_text(encoding="utf-8").strip()
        argv = [oldest_python(), PROGRAM, "--url", URL, "--order", token, "--ca"]
        words = ["secrets", "--into", str(tmp_path / "secrets"), "--seconds", "3"]
        other = str(secure.site.folder / "other.pem")
        assert secure.other.namespace.run([*argv, other, *words], timeout=60, ok=(5,)).status == 5
        secure.other.namespace.run([*argv, str(authority), *words], timeout=60)
        assert (tmp_path / "secrets" / "node_key").read_text(encoding="utf-8")


def test_an_installation_without_its_programs_is_reported_over_tls(
    secure: Stage, tmp_path: pathlib.Path
) -> None:
    order = order_with_programs(secure, "7a0d", "compute-0-1")
    program(secure, order, "progress").write_text("#!/bin/sh\n", encoding="utf-8")
    kickstart = secure.other.curl("/rocks/kickstart").text
    with first_scripts(secure.other.namespace, tmp_path, kickstart) as scripts:
        assert scripts.status == 1
        until(lambda: secure.current(order).state == "failed", 60, "the report")


def test_a_client_without_the_authority_gets_nothing(secure: Stage) -> None:
    order = secure.order()
    response = secure.node.curl("/rocks/kickstart", base=URL)
    assert (response.status, response.exit) == (0, 60)  # curl: the certificate cannot be verified
    assert secure.current(order).state == "ordered"


def test_a_user_without_root_privileges_gets_no_secret_over_tls(secure: Stage) -> None:
    order = secure.order()
    trusted = ("--cacert", str(secure.site.folder / "ca.pem"))
    secure.node.curl("/rocks/kickstart", *trusted, base=URL)
    message = ["--json", json.dumps({"order": order.uuid})]
    assert secure.node.curl("/rocks/secrets", *trusted, *message, base=URL).status == 403


def test_both_authorities_are_trusted_while_one_replaces_the_other(
    secure: Stage, tmp_path: pathlib.Path
) -> None:
    """The kickstart contains both: nodes accept certificates of the old and of the new one."""
    folder = secure.site.folder
    for order in (("other.pem", "ca.pem"), ("ca.pem", "other.pem")):
        bundle = tmp_path / "-".join(order)
        bundle.write_text("".join((folder / name).read_text() for name in order))
        written = tmp_path / "written.pem"
        argv = [oldest_python(), PROGRAM, "--url", URL, "--order", "x", "authority"]
        argv += ["--into", str(written), base64_certificate(str(bundle))]
        process.run(argv, timeout=60)
        assert written.read_text().split() == bundle.read_text().split()
        assert secure.node.curl("/rocks/boot?form=ipxe", "--cacert", str(written), base=URL).status


def test_a_file_with_anything_but_certificates_is_refused(
    secure: Stage, tmp_path: pathlib.Path
) -> None:
    """A key must not get into kickstarts, which everybody can read."""
    folder = secure.site.folder
    certificate = (folder / "ca.pem").read_text()
    key = (folder / "ca.key").read_text()
    texts = ("", "text", certificate + key, certificate[:200], certificate * 2 + "x")
    for number, text in enumerate(texts):
        path = tmp_path / str(number)
        path.write_text(text)
        with pytest.raises(DescriptionError):
            base64_certificate(str(path))


def handshake(stage: Stage, *options: str) -> str:
    """Return the protocol and the cipher that openssl agrees on; empty if it is refused."""
    argv = ["openssl", "s_client", "-connect", f"{FRONTEND}:443", "-brief", *options]
    done = stage.node.namespace.run(argv, timeout=30, stdin="", ok=range(256))
    agreed = re.search(r"Protocol version: (\S+)\nCiphersuite: (\S+)", done.stdout + done.stderr)
    return " ".join(agreed.groups()) if agreed else ""


@pytest.mark.parametrize("protocol", ["-tls1", "-tls1_1"])
def test_old_protocols_are_refused(secure: Stage, protocol: str) -> None:
    """The client permits them: at security level 0 OpenSSL offers whatever it has."""
    assert handshake(secure, protocol, "-cipher", "ALL:@SECLEVEL=0") == ""


@pytest.mark.parametrize("protocol", ["-tls1_2", "-tls1_3"])
def test_current_protocols_use_forward_secrecy_and_authenticated_ciphers(
    secure: Stage, protocol: str
) -> None:
    agreed = handshake(secure, protocol)
    assert re.search(r"TLSv1\.3 TLS_|TLSv1\.2 ECDHE-ECDSA-\S*(GCM|CHACHA20)", agreed), agreed


@pytest.mark.parametrize(
    "ciphers", ["kRSA", "AES128-SHA256", "ECDHE+SHA1", "3DES", "RC4", "aNULL", "eNULL", "DHE"]
)
def test_weak_ciphers_are_refused(secure: Stage, ciphers: str) -> None:
    """Without forward secrecy, with CBC and SHA-1, without authentication or encryption."""
    assert handshake(secure, "-tls1_2", "-cipher", f"{ciphers}:@SECLEVEL=0") == ""


def test_neither_compression_nor_renegotiation_is_offered(secure: Stage) -> None:
    argv = ["openssl", "s_client", "-connect", f"{FRONTEND}:443", "-tls1_2"]
    done = secure.node.namespace.run(argv, timeout=30, stdin="R\n", ok=range(256))
    assert "Compression: NONE" in done.stdout
    assert done.status != 0 or "no renegotiation" in done.stderr
