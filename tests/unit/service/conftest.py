"""The paper's cluster with a published generation, and the HTTP service."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings
from support.cluster import Urls
from support.frontend import ATTRIBUTES, NOW, HttpService, publish

COMPUTE_0_0 = "10.255.255.245"


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """The folder of the distributions."""
    return tmp_path / "install"


@pytest.fixture
def pin(root: pathlib.Path) -> Pin:
    return publish(root)


@pytest.fixture
def cluster(table_ii: Database) -> Database:
    """Table II with the attributes that its kickstart needs."""
    for name, value in ATTRIBUTES.items():
        table_ii.execute(
            "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)",
            (name, value),
        )
    return table_ii


@pytest.fixture
def service(cluster: Database, urls: Urls, root: pathlib.Path) -> HttpService:
    return HttpService(
        Settings(database=urls.administrator, distributions=str(root), viewers="127.0.0.1")
    )


@pytest.fixture
def order(cluster: Database, pin: Pin) -> Order:
    """A live order of compute-0-0."""
    (verdict,) = orders.create_orders(cluster, {"compute-0-0": pin}, by="root", now=NOW)
    assert verdict.order is not None
    return verdict.order
