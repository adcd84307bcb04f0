"""The three accounts on a real server, and what each can do."""

from __future__ import annotations

import pathlib
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database_admin import (
    create_database,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.db_grants import (
    ROLES,
    ensure_password,
    grant_role,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.query import select
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.schema import (
    HIDDEN_TABLES,
    TABLES,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.secret_values import (
    set_secret,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    NotFound,
    Refused,
)
from support.cluster import Urls
from support.mariadb import Server
from support.modules import run

ORDER = (
    "insert into installs (uuid, node, state, live, distribution, arch, generation, profile,"
    " ordered_by, ordered, expires, changed)"
    " values ('u1', 4, 'ordered', 1, 'rocks', 'x86_64', '4c19', 'a0', 'root', '', '', '')"
)


@pytest.fixture
def service(table_ii: Database, mariadb: Server, tmp_path: pathlib.Path) -> Iterator[Database]:
    """Open the cluster of the paper, with one install order, with the service's account."""
    path = tmp_path / "service.cnf"
    grant_role(table_ii, "service", "rocks", password=ensure_password(str(path), "rocks"))
    table_ii.execute(ORDER)
    set_secret(table_ii, "munge", "swordfish")
    with connect(mariadb.url(table_ii.location.name, "rocks", str(path))) as opened:
        yield opened


def test_the_reader_can_read_everything_except_secrets(reader: Database) -> None:
    for table in TABLES:
        if table in HIDDEN_TABLES:
            with pytest.raises(Refused, match="account"):
                reader.rows(f"select * from {table}")
        else:
            reader.rows(f"select * from {table}")


def test_the_reader_cannot_write_even_outside_a_read_only_transaction(urls: Urls) -> None:
    with connect(urls.reader) as writing:
        for table in TABLES:
            with pytest.raises(Refused):
                writing.execute(f"delete from {table}")
        with pytest.raises(Refused):
            writing.execute("create table t (i int)")


def test_the_reader_cannot_read_other_databases(reader: Database) -> None:
    for sql in ("select * from mysql.user", "select * from mysql.global_priv"):
        with pytest.raises(Refused):
            select(reader, sql)
    assert select(reader, "show databases").rows == [("cluster",), ("information_schema",)]


def test_the_reader_cannot_read_or_write_files_of_the_server(reader: Database) -> None:
    assert select(reader, "select load_file('/etc/passwd')").rows == [(None,)]
    with pytest.raises(Refused):
        select(reader, "select name into outfile '/tmp/rocks-test-out' from nodes")


def test_user_queries_are_refused_for_an_account_that_can_read_secrets(urls: Urls) -> None:
    with (
        connect(urls.administrator, read_only=True) as administrator,
        pytest.raises(Refused, match=r"secrets; .*reader.*rocks\.yml") as raised,
    ):
        select(administrator, "select 1")
    assert raised.value.where == urls.administrator


def test_the_service_can_update_an_order(service: Database) -> None:
    with service.transaction(exclusive=False):
        assert (
            service.execute(
                "update installs set state = 'installing', changed = 'now', message = 'x'"
                " where id = 1 and state = 'ordered'"
            )
            == 1
        )
        service.execute(
            "insert into install_events (install, at, state) values (1, 'now', 'installing')"
        )
        service.execute(
            "insert into audit (at, actor, action, decision)"
            " values ('now', 'service', 'kickstart', 'given')"
        )
        service.execute(
            "insert into hardware (node, cpus, memory, counted) values (4, 8, 32000, 'now')"
        )
        service.execute(
            "insert into install_keys (install, name, value) values (1, 'console', 'x')"
        )
        service.execute("update install_keys set used = 'now' where install = 1 and used = ''")
    assert service.rows("select name, value from secrets") == [("munge", "swordfish")]
    with service.transaction():
        pass


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(ORDER.replace("u1", "u2"), id="create-an-order"),
        pytest.param(
            "update installs set node = 5 where id = 1", id="move-an-order-to-another-node"
        ),
        pytest.param(
            "update installs set generation = 'mine' where id = 1", id="install-something-else"
        ),
        pytest.param("update installs set wipe = 1 where id = 1", id="permit-wiping"),
        pytest.param("delete from installs", id="delete-orders"),
        pytest.param("update nodes set ip = '10.0.0.9' where id = 4", id="change-a-node"),
        pytest.param("insert into nodes (name, membership) values ('x', 2)", id="add-a-node"),
        pytest.param("update attributes set value = 'x'", id="set-an-attribute"),
        pytest.param("delete from audit", id="delete-audit"),
        pytest.param("update audit set decision = 'given'", id="change-audit"),
        pytest.param("delete from secrets", id="delete-secrets"),
        pytest.param("update schema_version set version = 7", id="migrate"),
        pytest.param("drop table nodes", id="drop"),
        pytest.param("create table t (i int)", id="create"),
        pytest.param("grant select on nodes to reader@localhost", id="grant"),
    ],
)
def test_the_service_cannot_create_orders_or_change_nodes(
    service: Database, statement: str
) -> None:
    with pytest.raises(Refused):
        service.execute(statement)


def test_an_account_is_created_once_and_its_privileges_are_restored(
    table_ii: Database, mariadb: Server
) -> None:
    def grant(dry_run: bool = False) -> bool:
        return grant_role(table_ii, "reader", "other", password="x", dry_run=dry_run)

    assert [grant(dry_run=True), grant(), grant()] == [True, True, False]
    with mariadb.root().cursor() as cursor:
        cursor.execute("grant select on cluster.secrets to other@localhost")
        cursor.execute("grant file on *.* to other@localhost")
        cursor.execute("grant select on mysql.* to other@localhost")
    assert [grant(dry_run=True), grant(), grant()] == [True, True, False]
    with mariadb.root().cursor() as cursor:
        cursor.execute("show grants for other@localhost")
        grants = " ".join(row[0] for row in cursor.fetchall())
    assert "secrets" not in grants and "FILE" not in grants and "mysql" not in grants


def test_a_reader_can_become_a_service_account(table_ii: Database) -> None:
    grant_role(table_ii, "reader", "changed", password="x")
    assert grant_role(table_ii, "service", "changed", password="x") is True
    assert grant_role(table_ii, "service", "changed", password="x", dry_run=True) is False


@pytest.mark.parametrize(
    ("user", "host"), [("a`b", "localhost"), ("", "localhost"), ("a", "b'c"), ("a b", "localhost")]
)
def test_an_account_that_is_not_valid_is_rejected(table_ii: Database, user: str, host: str) -> None:
    with pytest.raises(DescriptionError):
        grant_role(table_ii, "reader", user, host=host)


def test_an_unknown_role_is_rejected_with_the_known_ones(table_ii: Database) -> None:
    with pytest.raises(NotFound, match="'king'; known: reader, service"):
        grant_role(table_ii, "king", "x")  # type: ignore[arg-type]
    assert set(ROLES) == {"reader", "service"}


def test_rocks_database_creates_accounts_that_work(mariadb: Server, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "reader.cnf"
    url = mariadb.url("brand_new")
    account = {"role": "reader", "user": "fresh", "credentials": str(path)}
    try:
        predicted = run("rocks_database", check=True, database=url, accounts=[account])
        assert predicted["changed"] is True and predicted["accounts"] == ["fresh@localhost"]
        assert not path.exists()
        created = run("rocks_database", database=url, accounts=[account])
        assert created["changed"] is True and created["accounts"] == ["fresh@localhost"]
        assert created["schema_before"] == 0
        assert path.stat().st_mode & 0o777 == 0o600
        for check in (True, False):
            result = run("rocks_database", check=check, database=url, accounts=[account])
            assert result["changed"] is False
        reader = mariadb.url("brand_new", "fresh", str(path))
        result = run("rocks_sql_info", query="select count(*) from memberships", database=reader)
        assert result["first_column"] == [9]
        password = path.read_text(encoding="utf-8").split("password = ")[1].strip()
        assert len(password) >= 32 and password not in str(created)
    finally:
        mariadb.drop("brand_new")


def test_an_account_without_a_password_belongs_to_the_system_user(
    table_ii: Database, mariadb: Server
) -> None:
    grant_role(table_ii, "reader", "root2")
    with pytest.raises(Refused, match="account"):
        connect(mariadb.url(table_ii.location.name, "root2"))
    with mariadb.root().cursor() as cursor:
        cursor.execute("select plugin from mysql.user where user = 'root2'")
        assert cursor.fetchall() == (("unix_socket",),)


def test_a_password_file_that_everyone_can_read_is_refused(urls: Urls) -> None:
    path = pathlib.Path(urls.reader.split("credentials=")[1])
    path.chmod(0o644)
    try:
        with pytest.raises(Refused, match=r"mode 0644.*chmod o=") as raised:
            connect(urls.reader)
        assert raised.value.where == str(path)
    finally:
        path.chmod(0o600)


def test_an_error_names_a_missing_or_empty_password_file(
    urls: Urls, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(DescriptionError) as raised:
        connect(f"{urls.administrator}&credentials={tmp_path}/none.cnf")
    assert raised.value.where == f"{tmp_path}/none.cnf"
    empty = tmp_path / "empty.cnf"
    empty.write_text("[mysqld]\n", encoding="utf-8")
    with pytest.raises(DescriptionError) as raised:
        ensure_password(str(empty), "reader")
    assert raised.value.where == str(empty)


def test_an_error_does_not_contain_the_wrong_password(urls: Urls, tmp_path: pathlib.Path) -> None:
    wrong = tmp_path / "wrong.cnf"
    wrong.write_text("[client]\npassword = swordfish\n", encoding="utf-8")
    wrong.chmod(0o600)
    with pytest.raises(Refused, match="account") as raised:
        connect(f"{urls.reader.split('&')[0]}&credentials={wrong}")
    assert "swordfish" not in str(raised.value)


def test_create_database_creates_accounts_once(mariadb: Server) -> None:
    url = mariadb.url("created")
    try:
        results = [create_database(url, dry_run=dry_run) for dry_run in (True, False, False)]
        assert [result["changed"] for result in results] == [True, True, False]
    finally:
        mariadb.drop("created")
