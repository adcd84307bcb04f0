"""The same over TLS, with a certificate of the cluster's own authority."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Iterator, Mapping

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import command

from .conftest import FRONTEND, Stage, a_stage
from .test_program import PROGRAM, oldest_python

URL = f"https://{FRONTEND}"


def authority(place: pathlib.Path) -> Mapping[str, Any]:
    """An authority of the cluster's own, and the frontend's certificate by it."""

    def openssl(*words: str) -> None:
        command.run(["openssl", *words], timeout=60, cwd=str(place))

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=cluster")
    name = ("-subj", "/CN=frontend-0", "-addext", f"subjectAltName=IP:{FRONTEND}")
    openssl("req", "-x509", *key, "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "tls.key", "-out", "tls.pem", *name)
    return {"frontend_tls_certificate": place / "tls.pem", "frontend_tls_key": place / "tls.key"}


@pytest.fixture(scope="module")
def secure() -> Iterator[Stage]:
    with a_stage(URL, authority) as stage:
        yield stage


def test_an_installation_goes_over_tls_from_its_boot_answer_on(secure: Stage, tmp_path: pathlib.Path) -> None:
    order = secure.order()
    trusted = ("--cacert", str(secure.site.folder / "ca.pem"))
    answer = secure.node.curl("/rocks/boot?form=ipxe", *trusted, base=URL)
    assert f"inst.ks={URL}/rocks/kickstart" in answer.text
    # GRUB speaks no TLS, and an installer of release 8 could not check the trees' certificate.
    grub = secure.node.curl("/boot/x86_64/grub.cfg").text
    assert f"linux (http,{FRONTEND})/install/.generations/" in grub and f"inst.ks={URL}/rocks/kickstart" in grub
    kickstart = secure.node.curl("/rocks/kickstart", *trusted, base=URL)
    assert (kickstart.status, f"url --url=http://{FRONTEND}/install/" in kickstart.text) == (200, True)
    argv = [oldest_python(), PROGRAM, "--url", URL, "--order", order.uuid, "--ca", str(secure.site.folder / "ca.pem")]
    secure.node.namespace.run([*argv, "secrets", "--into", str(tmp_path / "secrets")], timeout=60)
    assert (tmp_path / "secrets" / "node_key").read_text()
    secure.node.namespace.run([*argv, "say", "installed"], timeout=60)
    assert secure.current(order).state == "installed"


def test_who_does_not_know_the_authority_is_told_nothing(secure: Stage) -> None:
    order = secure.order()
    answer = secure.node.curl("/rocks/kickstart", base=URL)
    assert (answer.status, answer.exit) == (0, 60)  # curl: the certificate cannot be verified
    assert secure.current(order).state == "ordered"


def test_a_user_gets_no_secret_over_tls_either(secure: Stage) -> None:
    order = secure.order()
    trusted = ("--cacert", str(secure.site.folder / "ca.pem"))
    secure.node.curl("/rocks/kickstart", *trusted, base=URL)
    asked = ["--json", json.dumps({"order": order.uuid})]
    assert secure.node.curl("/rocks/secrets", *trusted, *asked, base=URL).status == 403
