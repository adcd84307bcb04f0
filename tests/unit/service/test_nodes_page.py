"""The pages: who may look, that they say what the database says, and that no node's words become HTML."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import order_history, orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import (
    Audit,
    Order,
    Progress,
)
from ansible_collections.npaci.rocks.plugins.module_utils.service.web.base_page import (
    format_duration,
)
from support.frontend import GENERATION, NOW, Face
from support.pages import read

NODE, ADMIN = "10.255.255.245", "127.0.0.1"
NAVIGATION = ("/", "/rocks/status", "/rocks/nodes/compute-0-0", "/rocks/nodes/compute-0-0/kickstart", "/rocks/metrics",
          "/rocks/generations", "/rocks/graph")  # fmt: skip


@pytest.fixture
def failed(cluster: Database, order: Order) -> Order:
    """An installation whose node speaks HTML."""
    order = orders.advance(
        cluster, order, "installing", now=NOW, audit=Audit("node", "kickstart", "200")
    )
    order_history.record_progress(
        cluster, [(order, Progress("install", 1, 9, "<script>alert(1)</script>"))], now=NOW
    )
    reason = '<img src=x onerror=alert(1)> & "no space"'
    return orders.advance(
        cluster, order, "failed", now=NOW, audit=Audit("node", "failed", "200"), reason=reason,
        progress=Progress("", message=reason, log="</pre><script>alert(2)</script>"),
    )  # fmt: skip


@pytest.mark.parametrize("place", NAVIGATION)
def test_the_pages_are_for_the_addresses_that_the_site_allows(
    face: Face, order: Order, place: str
) -> None:
    assert face.get(place, NODE).status == 403
    assert face.get(place, ADMIN).status == 200
    assert face.ask("HEAD", place, ADMIN).text == ""
    assert face.ask("POST", place, ADMIN).status == 405


def test_every_node_of_the_paper_stands_in_its_rack(face: Face) -> None:
    texts = read(face.get("/", ADMIN).text).texts
    for name in ("frontend-0", "network-0-0", "nfs-0-0", "compute-0-3", "web-1-0"):
        assert name in texts
    assert (
        texts.index("Rack 0 ")
        < texts.index("compute-0-0")
        < texts.index("Rack 1 ")
        < texts.index("web-1-0")
    )


def test_what_a_node_says_is_text(face: Face, failed: Order) -> None:
    for place in ("/", "/rocks/nodes/compute-0-0"):
        answer = face.get(place, ADMIN)
        parser = read(answer.text)
        assert failed.reason in "".join(parser.texts)
        assert "img" not in parser.tags
        assert parser.tags.count("script") == 1
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy


def test_a_nodes_page_tells_its_history_its_log_and_who_asked(face: Face, failed: Order) -> None:
    texts = read(face.get("/rocks/nodes/compute-0-0", ADMIN).text).texts
    for told in (
        "00:50:8b:e0:3a:a7",
        "installing",
        "install",
        "</pre><script>alert(2)</script>",
        "kickstart",
    ):
        assert told in texts, told
    assert any(GENERATION in text for text in texts)


def test_a_kickstart_is_shown_with_the_line_behind_each_line(face: Face, order: Order) -> None:
    texts = read(face.get("/rocks/nodes/compute-0-0/kickstart", ADMIN).text).texts
    line = next(
        number for number, text in enumerate(texts) if text.startswith("network --bootproto=dhcp")
    )
    assert texts[line : line + 2] == [
        "network --bootproto=dhcp --hostname=compute-0-0",
        "nodes/base.xml:5",
    ]


def test_a_node_that_is_none_is_not_found(face: Face) -> None:
    answer = face.get("/rocks/nodes/compute-0-9", ADMIN)
    assert (answer.status, "compute-0-9" in answer.text) == (404, True)


def test_the_status_tells_all_and_then_only_the_news(
    face: Face, cluster: Database, order: Order
) -> None:
    whole = face.get("/rocks/status", ADMIN).json()
    assert (whole["whole"], len(whole["nodes"])) == (True, 8)
    face.now = "2026-11-22 09:20:00"
    since = f"/rocks/status?since={face.now}&revision={whole['revision']}"
    assert face.get(since, ADMIN).json()["nodes"] == []
    orders.advance(cluster, order, "booted", now=face.now, audit=Audit("node", "boot", "200"))
    news = face.get(since, ADMIN).json()
    assert [(node["name"], node["state"]) for node in news["nodes"]] == [("compute-0-0", "booted")]
    with cluster.transaction():
        cluster.execute("update nodes set comment = 'x' where id = 4")
    assert face.get(since, ADMIN).json()["whole"]


def test_an_empty_cluster_says_what_to_do(face: Face, cluster: Database) -> None:
    cluster.execute("delete from nodes")
    assert "rocks_insert_ethers" in face.get("/", ADMIN).text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59, "59 s"), (618, "10 min 18 s"), (3600, "1 h 00 min"), (90061, "25 h 01 min")],
)
def test_a_duration_is_said_as_people_say_it(seconds: int, said: str) -> None:
    assert format_duration(seconds) == said
