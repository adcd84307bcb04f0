"""Database URLs (contract C2)."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.engine import Location, parse_url
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError


def test_a_url_names_a_file_or_a_database_on_a_server() -> None:
    assert [
        parse_url("sqlite:///var/lib/rocks/cluster.sqlite"),
        parse_url("sqlite:////a%20b"),
        parse_url("mysql://root@localhost/cluster"),
        parse_url(
            "mysql://rocks@10.1.1.2:3307/cluster?credentials=/etc/rocks/db.cnf&tls_ca=/etc/rocks/ca.pem"
        ),
        parse_url("mysql:///cluster?socket=/run/db.sock"),
    ] == [
        Location(
            "sqlite:///var/lib/rocks/cluster.sqlite", "sqlite", "/var/lib/rocks/cluster.sqlite"
        ),
        Location("sqlite:////a%20b", "sqlite", "/a b"),
        Location("mysql://root@localhost/cluster", "mysql", "cluster", "root"),
        Location(
            "mysql://rocks@10.1.1.2:3307/cluster?credentials=/etc/rocks/db.cnf&tls_ca=/etc/rocks/ca.pem",
            "mysql",
            "cluster",
            "rocks",
            "10.1.1.2",
            3307,
            credentials="/etc/rocks/db.cnf",
            tls_ca="/etc/rocks/ca.pem",
        ),
        Location("mysql:///cluster?socket=/run/db.sock", "mysql", "cluster", socket="/run/db.sock"),
    ]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param(
            "/var/lib/x",
            "/var/lib/x: not a database URL; write sqlite:///PATH or mysql://",
            id="a-path",
        ),
        pytest.param("", "not a database URL; write sqlite", id="empty"),
        pytest.param("postgres://h/d", "postgres://h/d: not a database URL", id="another-engine"),
        pytest.param(
            "sqlite://here/x", "the path of an SQLite database is absolute", id="relative"
        ),
        pytest.param(
            "sqlite:///x?mode=rw", "the path of an SQLite database is absolute", id="sqlite-options"
        ),
        pytest.param("mysql://root@localhost", "names no database", id="no-database"),
        pytest.param("mysql://root@localhost/a`b", "names no database", id="a-quote-in-the-name"),
        pytest.param("mysql://root@localhost:port/a", "not a database URL", id="no-port"),
        pytest.param(
            "mysql://h/d?passwd=x",
            "unknown option 'passwd'; known options: credentials, socket",
            id="option",
        ),
    ],
)
def test_a_url_of_another_form_is_refused(url: str, message: str) -> None:
    with pytest.raises(DescriptionError) as raised:
        parse_url(url)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "url", ["mysql://root:swordfish@host/cluster", "mysql://root:swordfish@host:no/cluster"]
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(DescriptionError) as raised:
        parse_url(url)
    assert "swordfish" not in str(raised.value)
    assert "mysql://…@host" in str(raised.value)
