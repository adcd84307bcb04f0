"""No secret stands in a rendered file: every secret of the database is looked for in all that is made from it."""

from __future__ import annotations

import pathlib
import re
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.attributes import (
    effective_attributes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import find_node
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.scoped_values import GLOBAL, Scope
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.secret_values import set_secret
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
from support.frontend import NOW, Face, publish
from support.kickstarts import single_node_tree
from support.profiles import ORDER, ROOTS, SUPPORTED, XML, shipped_files
from support.reports import site

COMPUTE_0_0 = "10.255.255.245"
MEMBERS = {"compute": "compute-0-0", "web": "web-1-0", "frontend": "frontend-0"}
ASKED = re.compile(r"/run/rocks/secrets/(\w+)")
# A site's own, beside those that our node files ask for; two have shapes that a template could trip over.
FURTHER = {
    "directory_password": "correct horse battery staple",
    "licence": "line one of it\nline two of it",
}
OURS = ("root_password_hash", "munge_key", "sssd_conf")
OF_AN_ORDER = ("node_key", "console_key")  # made when they are handed over


def asked() -> set[str]:
    """The names of the secrets that our node files ask for."""
    return {name for text in shipped_files().values() for name in ASKED.findall(text)}


@pytest.fixture
def pin(root: pathlib.Path) -> Pin:
    return publish(root, files=shipped_files(), attributes={"arch": "x86_64"})


@pytest.fixture
def secretive(cluster: Database) -> Database:
    """The paper's cluster; every name has one value for all, one for an appliance, and one for a node."""
    for name in sorted(asked() - set(OF_AN_ORDER)):
        for number, scope in enumerate(
            (GLOBAL, Scope(appliance="compute"), Scope(node="compute-0-0"))
        ):
            set_secret(cluster, name, f"{name}-{number}-3f7c1ab9", scope)
    for name, value in FURTHER.items():
        set_secret(cluster, name, value)
    return cluster


def values(database: Database) -> set[str]:
    """Every secret, and every line of one that has several."""
    found = {
        value
        for table in ("secrets", "install_keys")
        for (value,) in database.rows(f"select value from {table}")
    }
    return found | {line for value in found for line in value.splitlines()}


def leaks(database: Database, texts: Iterator[tuple[str, str]]) -> list[str]:
    secrets = values(database)
    assert len(secrets) > 3 * len(OURS), "the search would find nothing"
    return [
        f"{name}: {secret}" for name, text in texts for secret in sorted(secrets) if secret in text
    ]


def test_the_secrets_that_our_node_files_ask_for_are_known_by_name() -> None:
    assert asked() == {*OURS, *OF_AN_ORDER}


def test_no_kickstart_of_any_appliance_and_release_holds_one(secretive: Database) -> None:
    def kickstarts() -> Iterator[tuple[str, str]]:
        for root in ROOTS:
            given = effective_attributes(
                secretive, find_node(secretive, MEMBERS.get(root, "nfs-0-0"))
            )
            attributes = {name: attribute.value for name, attribute in given.items()}
            for release in SUPPORTED:
                text = render(
                    compile_profile(XML, root, attributes, release), {**attributes, **ORDER}
                )
                yield f"{root} for {release}", text

    assert leaks(secretive, kickstarts()) == []


def test_nothing_that_an_installing_node_or_a_person_is_shown_holds_one(
    secretive: Database, face: Face, pin: Pin
) -> None:
    (said,) = orders.create_orders(secretive, {"compute-0-0": pin}, by="root", now=NOW)
    order: Order = said.order or pytest.fail("no order")

    def shown() -> Iterator[tuple[str, str]]:
        for path in ("/rocks/boot?form=ipxe", "/rocks/boot?form=grub", "/rocks/kickstart"):
            answer = face.get(path, COMPUTE_0_0)
            assert answer.status == 200, (path, answer.text)
            yield path, answer.text
        handed = face.post("/rocks/secrets", COMPUTE_0_0, order=order.uuid)
        assert len(handed.json()["secrets"]) == len(OURS) + len(OF_AN_ORDER) + len(FURTHER)
        for path in (
            "/",
            "/rocks/status",
            "/rocks/nodes/compute-0-0",
            "/rocks/nodes/compute-0-0/kickstart",
        ):
            answer = face.get(path, "127.0.0.1")
            assert answer.status == 200, (path, answer.text)
            yield path, answer.text
        for path in ("/rocks/graph", "/rocks/generations", "/rocks/metrics"):
            yield path, face.get(path, "127.0.0.1").text

    texts = list(shown())
    assert leaks(secretive, iter(texts)) == []


def test_no_report_holds_one(secretive: Database) -> None:
    snapshot = read_snapshot(secretive, {HARDWARE, GROUPS})

    def files() -> Iterator[tuple[str, str]]:
        for report in REPORTS:
            yield from report.render(snapshot, site(report.name)).items()

    assert leaks(secretive, files()) == []


def test_a_node_file_that_writes_a_secret_as_an_attribute_gets_no_kickstart(
    secretive: Database, tmp_path: pathlib.Path
) -> None:
    attributes = {
        name: attribute.value
        for name, attribute in effective_attributes(
            secretive, find_node(secretive, "compute-0-0")
        ).items()
    }
    path = single_node_tree(tmp_path, "<post>\necho &munge_key;\n</post>")
    profile = compile_profile(path, "compute", attributes, "rhel9")
    with pytest.raises(DescriptionError, match="munge_key"):
        render(profile, attributes)
