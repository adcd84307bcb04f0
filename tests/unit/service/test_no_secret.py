"""No rendered file and no page contains a secret of the database."""

from __future__ import annotations

import pathlib
import re
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import find_node
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    effective_attributes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import (
    GLOBAL,
    Scope,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.secret_values import (
    set_secret,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from ansible_collections.npaci.rocks.plugins.module_utils.reports.registry import REPORTS
from ansible_collections.npaci.rocks.plugins.module_utils.reports.snapshot import (
    GROUPS,
    HARDWARE,
    read_snapshot,
)
from support.frontend import NOW, HttpService, publish
from support.kickstarts import single_node_tree
from support.profiles import LAYERS, ORDER, ROOTS, SUPPORTED, shipped_files
from support.reports import site

COMPUTE_0_0 = "10.255.255.245"
MEMBERS = {"compute": "compute-0-0", "web": "web-1-0", "frontend": "frontend-0"}
SECRET_FILE = re.compile(r"/run/rocks/secrets/(\w+)")
# Secrets of a site, in addition to those of our node files; two could confuse a template.
SITE_SECRETS = {
    "directory_password": "correct horse battery staple",
    "licence": "line one of it\nline two of it",
}
OUR_SECRETS = ("root_password_hash", "munge_key", "sssd_conf")
ONE_TIME_KEYS = ("node_key", "console_key")  # made when they are delivered


def requested_secrets() -> set[str]:
    """Return the names of the secrets that our node files read."""
    return {name for text in shipped_files().values() for name in SECRET_FILE.findall(text)}


@pytest.fixture
def pin(root: pathlib.Path) -> Pin:
    return publish(root, files=shipped_files(), attributes={"arch": "x86_64"})


@pytest.fixture
def with_secrets(cluster: Database) -> Database:
    """The paper's cluster; every secret has a global value, an appliance's and a node's."""
    for name in sorted(requested_secrets() - set(ONE_TIME_KEYS)):
        for number, scope in enumerate(
            (GLOBAL, Scope(appliance="compute"), Scope(node="compute-0-0"))
        ):
            set_secret(cluster, name, f"$6${name}${number}-3f7c1ab9", scope)  # like a hash
    for name, value in SITE_SECRETS.items():
        set_secret(cluster, name, value)
    return cluster


def values(database: Database) -> set[str]:
    """Return every secret, and each line of secrets with several lines."""
    secrets = {
        value
        for table in ("secrets", "install_keys")
        for (value,) in database.rows(f"select value from {table}")
    }
    return secrets | {line for value in secrets for line in value.splitlines()}


def leaks(database: Database, texts: Iterator[tuple[str, str]]) -> list[str]:
    secrets = values(database)
    assert len(secrets) > 3 * len(OUR_SECRETS), "the search would find nothing"
    return [
        f"{name}: {secret}" for name, text in texts for secret in sorted(secrets) if secret in text
    ]


def test_our_node_files_request_only_the_documented_secrets() -> None:
    assert requested_secrets() == {*OUR_SECRETS, *ONE_TIME_KEYS}


def test_no_kickstart_of_any_appliance_and_release_contains_a_secret(
    with_secrets: Database,
) -> None:
    def kickstarts() -> Iterator[tuple[str, str]]:
        for root in ROOTS:
            effective = effective_attributes(
                with_secrets, find_node(with_secrets, MEMBERS.get(root, "nfs-0-0"))
            )
            attributes = {name: attribute.value for name, attribute in effective.items()}
            for release in SUPPORTED:
                text = render(
                    compile_profile(LAYERS, root, attributes, release), {**attributes, **ORDER}
                )
                yield f"{root} for {release}", text

    assert leaks(with_secrets, kickstarts()) == []


def test_no_response_except_the_delivery_contains_a_secret(
    with_secrets: Database, service: HttpService, pin: Pin
) -> None:
    (verdict,) = orders.create_orders(with_secrets, {"compute-0-0": pin}, by="root", now=NOW)
    order: Order = verdict.order or pytest.fail("no order")

    def responses() -> Iterator[tuple[str, str]]:
        for path in ("/rocks/boot?form=ipxe", "/rocks/boot?form=grub", "/rocks/kickstart"):
            response = service.get(path, COMPUTE_0_0)
            assert response.status == 200, (path, response.text)
            yield path, response.text
        delivery = service.post("/rocks/secrets", COMPUTE_0_0, order=order.uuid)
        assert len(delivery.json()["secrets"]) == len(OUR_SECRETS) + len(ONE_TIME_KEYS) + len(
            SITE_SECRETS
        )
        for path in (
            "/",
            "/rocks/status",
            "/rocks/nodes/compute-0-0",
            "/rocks/nodes/compute-0-0/kickstart",
        ):
            response = service.get(path, "127.0.0.1")
            assert response.status == 200, (path, response.text)
            yield path, response.text
        for path in ("/rocks/graph", "/rocks/generations", "/rocks/metrics"):
            yield path, service.get(path, "127.0.0.1").text

    texts = list(responses())
    assert leaks(with_secrets, iter(texts)) == []


def test_no_report_contains_a_secret(with_secrets: Database) -> None:
    snapshot = read_snapshot(with_secrets, {HARDWARE, GROUPS})

    def files() -> Iterator[tuple[str, str]]:
        for report in REPORTS:
            yield from report.render(snapshot, site(report.name)).items()

    assert leaks(with_secrets, files()) == []


def test_a_node_file_cannot_use_a_secret_as_an_attribute(
    with_secrets: Database, tmp_path: pathlib.Path
) -> None:
    attributes = {
        name: attribute.value
        for name, attribute in effective_attributes(
            with_secrets, find_node(with_secrets, "compute-0-0")
        ).items()
    }
    path = single_node_tree(tmp_path, "<post>\necho &munge_key;\n</post>")
    profile = compile_profile(path, "compute", attributes, "rhel9")
    with pytest.raises(DescriptionError, match="munge_key"):
        render(profile, attributes)
