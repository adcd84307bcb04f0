"""The pages: who can open them, their content, and that messages never become HTML."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import order_history, orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import (
    Audit,
    Order,
    Progress,
)
from ansible_collections.npaci.rocks.plugins.module_utils.service.web.page_layout import (
    format_duration,
)
from support.frontend import GENERATION, NOW, HttpService
from support.pages import read

NODE = "10.255.255.245"
ADMIN = "127.0.0.1"
PATHS = (
    "/",
    "/rocks/status",
    "/rocks/nodes/compute-0-0",
    "/rocks/nodes/compute-0-0/kickstart",
    "/rocks/metrics",
    "/rocks/generations",
    "/rocks/graph",
    "/rocks/racks",
    "/rocks/search?q=compute",
)


@pytest.fixture
def failed_order(cluster: Database, order: Order) -> Order:
    """A failed installation whose messages contain HTML."""
    order = orders.advance(
        cluster, order, "installing", now=NOW, audit=Audit("node", "kickstart", "200")
    )
    order_history.record_progress(
        cluster, order, [Progress("install", 1, 9, "<script>alert(1)</script>")], now=NOW
    )
    reason = '<img src=x onerror=alert(1)> & "no space"'
    return orders.advance(
        cluster, order, "failed", now=NOW, audit=Audit("node", "failed", "200"), reason=reason,
        progress=Progress("", message=reason, log="</pre><script>alert(2)</script>"),
    )  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_only_allowed_addresses_get_the_pages(
    service: HttpService, order: Order, path: str
) -> None:
    assert service.get(path, NODE).status == 403
    assert service.get(path, ADMIN).status == 200
    assert service.request("HEAD", path, ADMIN).text == ""
    assert service.request("POST", path, ADMIN).status == 405


def test_every_node_is_listed_in_its_rack(service: HttpService) -> None:
    texts = read(service.get("/", ADMIN).text).texts
    for name in ("frontend-0", "network-0-0", "nfs-0-0", "compute-0-3", "web-1-0"):
        assert name in texts
    assert (
        texts.index("Rack 0 ")
        < texts.index("compute-0-0")
        < texts.index("Rack 1 ")
        < texts.index("web-1-0")
    )


def test_html_in_a_nodes_messages_is_escaped(service: HttpService, failed_order: Order) -> None:
    for path in ("/", "/rocks/nodes/compute-0-0"):
        response = service.get(path, ADMIN)
        parser = read(response.text)
        assert failed_order.reason in "".join(parser.texts)
        assert "img" not in parser.tags
        assert parser.tags.count("script") == 1
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy


def test_a_nodes_page_has_its_history_its_log_and_its_audit(
    service: HttpService, failed_order: Order
) -> None:
    texts = read(service.get("/rocks/nodes/compute-0-0", ADMIN).text).texts
    for text in (
        "00:50:8b:e0:3a:a7",
        "installing",
        "install",
        "</pre><script>alert(2)</script>",
        "kickstart",
    ):
        assert text in texts, text
    assert any(GENERATION in text for text in texts)


def test_a_kickstart_page_names_the_source_of_each_line(service: HttpService, order: Order) -> None:
    texts = read(service.get("/rocks/nodes/compute-0-0/kickstart", ADMIN).text).texts
    line = next(
        number for number, text in enumerate(texts) if text.startswith("network --bootproto=dhcp")
    )
    assert texts[line - 1 : line + 1] == [
        "nodes/base.xml:5",
        "network --bootproto=dhcp --hostname=compute-0-0",
    ]


def test_the_page_of_an_unknown_node_is_not_found(service: HttpService) -> None:
    response = service.get("/rocks/nodes/compute-0-9", ADMIN)
    assert (response.status, "compute-0-9" in response.text) == (404, True)


def test_the_status_has_all_nodes_and_later_only_the_changed_ones(
    service: HttpService, cluster: Database, order: Order
) -> None:
    whole = service.get("/rocks/status", ADMIN).json()
    assert (whole["whole"], len(whole["nodes"])) == (True, 8)
    service.now = "2026-11-22 09:20:00"
    since = f"/rocks/status?since={service.now}&revision={whole['revision']}"
    assert service.get(since, ADMIN).json()["nodes"] == []
    orders.advance(cluster, order, "booted", now=service.now, audit=Audit("node", "boot", "200"))
    update = service.get(since, ADMIN).json()
    assert [(node["name"], node["state"]) for node in update["nodes"]] == [
        ("compute-0-0", "booted")
    ]
    with cluster.transaction():
        cluster.execute("update nodes set comment = 'x' where id = 4")
    assert service.get(since, ADMIN).json()["whole"]


def test_the_page_of_an_empty_cluster_names_the_first_command(
    service: HttpService, cluster: Database
) -> None:
    cluster.execute("delete from nodes")
    assert "rocks_insert_ethers" in service.get("/", ADMIN).text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (618, "10 min 18 s"), (3600, "1 h 00 min"), (90061, "25 h 01 min")],
)
def test_a_duration_is_formatted_for_people(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text
