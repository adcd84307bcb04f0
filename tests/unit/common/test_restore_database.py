"""A dump with rows that no module would write is restored, and each such row is named."""

from __future__ import annotations

import pathlib

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.dump import dump_database
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.restore_database import (
    restore_dump,
)


def restored_warnings(database: Database, folder: pathlib.Path) -> list[str]:
    dump = folder / "cluster.dump"
    dump.write_text(dump_database(database))
    url = f"sqlite://{folder}/restored.sqlite"
    result = restore_dump(url, str(dump))
    assert result["rows"]["nodes"] == 8
    warnings: list[str] = result["warnings"]
    return warnings


def test_good_rows_give_no_warning(table_ii: Database, tmp_path: pathlib.Path) -> None:
    assert restored_warnings(table_ii, tmp_path) == []


def test_rows_that_no_module_would_write_are_named(
    table_ii: Database, tmp_path: pathlib.Path
) -> None:
    table_ii.execute("update nodes set name = 'a b' where id = 4")
    table_ii.execute("update nodes set mac = 'no MAC' where id = 5")
    table_ii.execute("update networks set gateway = '192.0.2.1'")
    table_ii.execute(
        "insert into attributes (scope, owner, name, value)"
        " values ('global', 0, 'name_pattern', '{')"
    )
    warnings = restored_warnings(table_ii, tmp_path)
    for part in ("'a b'", "compute-0-1", "192.0.2.1", "name_pattern"):
        assert sum(part in line for line in warnings) == 1, part


def test_an_address_outside_of_all_networks_is_named(
    table_ii: Database, tmp_path: pathlib.Path
) -> None:
    table_ii.execute("update nodes set ip = '192.0.2.9' where id = 4")
    (warning,) = restored_warnings(table_ii, tmp_path)
    assert "compute-0-0" in warning and "192.0.2.9" in warning
