"""Database URLs (contract C2)."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.engines.engine import (
    Location,
    parse_url,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError


def test_a_url_names_a_file_or_a_database_on_a_server() -> None:
    url = "sqlite:///var/lib/rocks/cluster.sqlite"
    assert parse_url(url) == Location(
        url=url, engine="sqlite", name="/var/lib/rocks/cluster.sqlite"
    )
    url = "sqlite:////a%20b"
    assert parse_url(url) == Location(url=url, engine="sqlite", name="/a b")
    url = "mysql://root@localhost/cluster"
    assert parse_url(url) == Location(url=url, engine="mysql", name="cluster", user="root")
    url = "mysql:///cluster?socket=/run/db.sock"
    assert parse_url(url) == Location(
        url=url, engine="mysql", name="cluster", socket="/run/db.sock"
    )
    url = "mysql://rocks@10.1.1.2:3307/cluster?credentials=/etc/db.cnf&tls_ca=/etc/ca.pem"
    assert parse_url(url) == Location(
        url=url,
        engine="mysql",
        name="cluster",
        user="rocks",
        host="10.1.1.2",
        port=3307,
        credentials="/etc/db.cnf",
        tls_ca="/etc/ca.pem",
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param(
            "/var/lib/x",
            "/var/lib/x: not a database URL; .*sqlite:///PATH.*mysql://",
            id="path",
        ),
        pytest.param("", "not a database URL", id="empty"),
        pytest.param("postgres://h/d", "postgres://h/d: not a database URL", id="another-engine"),
        pytest.param("sqlite://here/x", "sqlite://here/x: .*absolute", id="relative"),
        pytest.param("sqlite:///x?mode=rw", "mode=rw: .*absolute", id="sqlite-options"),
        pytest.param("mysql://root@localhost", "names no database", id="no-database"),
        pytest.param("mysql://root@localhost/a`b", "names no database", id="quote-in-the-name"),
        pytest.param("mysql://root@localhost:port/a", "not a database URL", id="no-port"),
        pytest.param(
            "mysql://h/d?passwd=x",
            "unknown option 'passwd'; .*credentials, socket",
            id="option",
        ),
    ],
)
def test_a_url_of_another_form_is_rejected(url: str, message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        parse_url(url)


@pytest.mark.parametrize(
    "url", ["mysql://root:swordfish@host/cluster", "mysql://root:swordfish@host:no/cluster"]
)
def test_a_password_in_a_url_is_rejected_and_not_shown(url: str) -> None:
    with pytest.raises(DescriptionError) as raised:
        parse_url(url)
    assert "swordfish" not in str(raised.value)
    assert "mysql://…@host" in str(raised.value)
